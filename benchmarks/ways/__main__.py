"""The process of one run of one way: takes a `Job` as JSON, prints an `Outcome` as one line of JSON."""

from __future__ import annotations

import importlib
import os
import sys

from benchmarks.records import Job, Outcome
from benchmarks.ways import WAYS


def main() -> None:
    """Run the job of the first argument; any other output goes to standard error."""
    answer = os.dup(1)
    os.dup2(2, 1)
    job = Job.model_validate_json(sys.argv[1])
    outcome: Outcome = importlib.import_module(WAYS[job.way].module).run(job)
    with os.fdopen(answer, "w", encoding="utf-8") as pipe:
        pipe.write(outcome.model_dump_json() + "\n")


# Dask's and Ray's processes import this file as well
if __name__ == "__main__":
    main()

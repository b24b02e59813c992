"""One run of one way, in a process of its own: a job as JSON comes in, one line of JSON goes out."""

from __future__ import annotations

import importlib
import os
import sys

from benchmarks.records import Job, Outcome
from benchmarks.ways import WAYS


def main() -> None:
    """Run the job of the first argument; whatever else is written goes to standard error."""
    answer = os.dup(1)
    os.dup2(2, 1)
    job = Job.model_validate_json(sys.argv[1])
    outcome: Outcome = importlib.import_module(WAYS[job.way].module).run(job)
    with os.fdopen(answer, "w", encoding="utf-8") as pipe:
        pipe.write(outcome.model_dump_json() + "\n")


# Dask's and Ray's processes import this file too
if __name__ == "__main__":
    main()

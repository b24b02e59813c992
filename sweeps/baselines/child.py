"""What runs in the process: a request is read from standard input, a line of JSON is written for each baseline."""

from __future__ import annotations

import json
import os
import pickle
import resource
import sys
from dataclasses import asdict

#: seconds of processor time for all baselines of a dataset
LIMIT = 60


def main() -> None:
    """Read a pickled `(data, score, folds, seed)`; write the names of the baselines, then each `Baseline`."""
    yield_processor()
    data, score, k, seed = pickle.load(sys.stdin.buffer)  # from the process that started this one
    from sweeps.baselines.compute import compute, names_of
    from sweeps.data import Dataset, folds, load

    dataset = data if isinstance(data, Dataset) else load(data)
    _write(names_of(dataset, score))
    used = resource.getrusage(resource.RUSAGE_SELF)
    limit = int(used.ru_utime + used.ru_stime) + LIMIT
    resource.setrlimit(resource.RLIMIT_CPU, (limit, limit + 5))
    for baseline in compute(dataset, score, folds(dataset, k, seed) if k > 1 else ()):
        _write(asdict(baseline))


def yield_processor() -> None:
    """Run only where a core is idle; with the lowest priority where the system has no such policy."""
    try:
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
    except (AttributeError, OSError):  # macOS; a sandbox
        os.nice(19)


def _write(line: object) -> None:
    print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()

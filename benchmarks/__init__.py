"""Benchmarks of this project, each with the command that reproduces it; not part of the installed package.

The files:

    speed.py           `make bench`: the same 12 configurations by this project and its peers, and a lower bound
    scale.py           `make bench-scale`: overhead a trial, memory and the second core as a study grows
    search/            `make bench-search`: samplers, pruners and first configurations, judged on looked-up trainings
    chapter.py         `make bench-chapter`: the results of the book's chapter and this project's (`chapter_*.py`)
    table.py           the table of docs/benchmarks.md, made of results.json

    configurations.py  the 12 configurations
    space.py           their search space: one build function for all ways
    ways/              one file for each way of running them; each run is a separate process
    growth.py          the measurements of `make bench-scale`, on studies from prefill.py
    sweeping.py        this project's `sweeps run`, timed
    probe.py           time that MLflow and Optuna take in a worker
    floor.py           the lower bound: the time of the configurations' matrix products alone
    goals.py           the goals, and by how much they were missed
    records.py         the contents of results.json
    show.py            tables on a terminal
"""

import os

# read when TensorFlow is imported; hides its log messages
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

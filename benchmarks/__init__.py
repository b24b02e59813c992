"""Figures about this project, each with the command that reproduces it. No part of what is installed.

The files:

    speed.py           `make bench`: the same 12 configurations by this project and its peers, and the floor
    scale.py           `make bench-scale`: overhead a trial, memory and the second core as a study grows
    table.py           the table of docs/benchmarks.md, made of results.json

    configurations.py  the 12 configurations, written down
    space.py           the search space that they are points of: one build function for all ways
    ways/              one file a way of running them; each run is a process of its own
    growth.py          how what `make bench-scale` shows is measured, on studies that prefill.py makes
    sweeping.py        this project's `sweeps run`, with a clock around it
    probe.py           what MLflow and Optuna take in a worker
    floor.py           the matrix products that the configurations need, timed alone
    goals.py           what is to be reached, what was, by how much it was missed
    records.py         what results.json holds
    show.py            the same as tables on a terminal
"""

import os

# read when TensorFlow is imported: its greetings would stand between the tables
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

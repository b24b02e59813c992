"""A worker's start."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

STARTED = """
import sys
from sweeps.tasks import warm_up

warm_up()
print([name for name in ("keras", "keras_tuner", "mlflow", "matplotlib", "sklearn") if name in sys.modules])

import matplotlib.pyplot
from sklearn.preprocessing import StandardScaler
"""


def test_a_worker_starts_without_what_no_trial_needs_and_a_trial_may_import_it() -> None:
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", STARTED], cwd=root, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "['keras', 'keras_tuner', 'mlflow']"

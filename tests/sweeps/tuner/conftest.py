"""Small real data, and one finished search of each kind that the tests look at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from both import Rows
from sklearn.datasets import load_digits


@dataclass(frozen=True)
class Digits:
    """1,797 digits, float32 (n, 64) from 0 to 16."""

    x: npt.NDArray[Any]
    y: npt.NDArray[Any]

    @property
    def train(self) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
        return self.x[:1200], self.y[:1200]

    @property
    def valid(self) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
        return self.x[1200:], self.y[1200:]


@pytest.fixture(scope="session")
def digits() -> Digits:
    x, y = load_digits(return_X_y=True)
    return Digits(x.astype(np.float32), y)


@pytest.fixture(scope="session")
def rows(digits: Digits) -> Rows:
    return Rows((digits.x[:300], digits.y[:300]), (digits.x[300:400], digits.y[300:400]))


@pytest.fixture(autouse=True)
def _one_worker(request: pytest.FixtureRequest, no_settings: None) -> None:
    """All searches use the same worker, but for those of tests that are marked `own_workers`."""
    if request.node.get_closest_marker("own_workers") is None:
        request.getfixturevalue("one_worker")


@pytest.fixture
def no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SWEEPS_HOME", "MLFLOW_TRACKING_URI"):
        monkeypatch.delenv(name, raising=False)

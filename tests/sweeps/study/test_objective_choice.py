"""Which metric is searched by when nobody has said."""

from __future__ import annotations

import pytest

from sweeps.study.objective_choice import choose_objective
from sweeps.study.study import Objective


@pytest.mark.parametrize(
    ("target", "metrics", "expected"),
    [
        ("sparse", ("val_accuracy", "val_loss"), Objective("val_accuracy", "maximize")),
        ("sparse", ("val_output_accuracy", "val_loss"), Objective("val_output_accuracy", "maximize")),
        ("regression", ("val_output_rmse", "val_auxiliary_rmse", "val_loss"), Objective("val_output_rmse", "minimize")),
        ("regression", ("val_output_rmse", "val_rmse", "val_loss"), Objective("val_rmse", "minimize")),
        ("regression", ("val_auxiliary_rmse", "val_loss"), Objective("val_loss", "minimize")),
    ],
)
def test_the_main_outputs_metric_comes_before_the_loss(
    target: str, metrics: tuple[str, ...], expected: Objective
) -> None:
    assert choose_objective(None, target, dict.fromkeys(metrics, 0.5)) == expected

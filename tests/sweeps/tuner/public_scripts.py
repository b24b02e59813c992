"""What people do with KerasTuner in public scripts and notebooks, each as a small program of our own.

A program returns what does not depend on chance: names, shapes, counts. Both modules are to find the same.
"""

from __future__ import annotations

from typing import Any

from both import Program

SCRIPTS: dict[str, Program] = {}


def script(function: Program) -> Program:
    SCRIPTS[function.__name__] = function
    return function


def found(tuner: Any) -> dict[str, Any]:
    """What a search has found, but for its values."""
    best = tuner.oracle.get_best_trials(1)[0]
    assert best.score == best.score  # it is a number
    return {
        "names": sorted(entry.name for entry in tuner.oracle.get_space().space),
        "values": sorted(tuner.get_best_hyperparameters()[0].values.keys() - {"tuner/trial_id"}),
        "metrics": sorted(best.metrics.metrics),
        "status": best.status,
    }

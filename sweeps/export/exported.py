"""What is exported, and of which study."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sweeps.export.ensemble import Ensemble
from sweeps.study.attributes import DATA
from sweeps.study.results import Best


@dataclass(frozen=True)
class Exported:
    """What is exported.

    Attributes:
        best: the trial of the model; of an ensemble, the study's best.
        attributes: the study's user attributes.
        prepared: the model's inputs, where the space's `fit` prepares the data.
        ensemble: its members and figures; None for the model of one trial.
    """

    best: Best
    attributes: Mapping[str, Any]
    prepared: Mapping[str, Any] | None = None
    ensemble: Ensemble | None = None

    @property
    def data(self) -> dict[str, Any]:
        """The study's description of its data, as the model takes them."""
        data = dict(self.attributes[DATA])
        if self.prepared is not None:  # the table's columns are then not the model's inputs
            data |= {"inputs": self.prepared, "features": None, "reading": None}
        return data

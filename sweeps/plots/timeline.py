"""When the trials ran, and where the seconds went."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import plotly.graph_objects as go
from optuna.trial import FrozenTrial

from sweeps.errors import InputError
from sweeps.plots.source import STATE_COLOURS, Plottable, view_of
from sweeps.study.attributes import PARENT_RUN
from sweeps.study.record import in_reach, store_of
from sweeps.study.view import StudyView
from tracking import phase_seconds

#: seconds without any trial that count as a pause between two sweeps of the study
_PAUSE = 60.0
#: bars that outlines would cover
_MANY = 200
#: seconds of rounding
_EQUAL = 1e-6
#: trials whose phases are looked up in MLflow
_RUNS = 300


@dataclass(frozen=True)
class Bar:
    """A trial in its slot; `start` and `end` in seconds of sweeping, without the pauses."""

    trial: FrozenTrial
    slot: int
    start: float
    end: float


@dataclass(frozen=True)
class Schedule:
    """The trials of a study in slots.

    Attributes:
        pauses: (when, how long), in seconds; the study was not swept meanwhile.
    """

    bars: Sequence[Bar]
    pauses: Sequence[tuple[float, float]]

    @property
    def slots(self) -> int:
        """How many trials ran at once, at most."""
        return 1 + max(bar.slot for bar in self.bars)

    @property
    def wall(self) -> float:
        """Seconds from the first beginning to the last end, without the pauses."""
        return max(bar.end for bar in self.bars)

    @property
    def busy(self) -> float:
        """Seconds of all trials together."""
        return sum(bar.end - bar.start for bar in self.bars)

    @property
    def share(self) -> float:
        """The part of the slots' time in which they had a trial."""
        return self.busy / (self.slots * self.wall or 1.0)


def schedule(view: StudyView) -> Schedule:
    """When each trial that has ended ran; each is put into the first slot that is free.

    Raises:
        InputError: none has ended.
    """
    ended = sorted(
        (trial.datetime_start, max(trial.datetime_start, trial.datetime_complete), trial.number, trial)
        for trial in view.get_trials()
        if trial.datetime_start and trial.datetime_complete
    )
    if not ended:
        raise InputError(f"study {view.study_name!r} has no trial that has ended")
    zero: datetime = ended[0][0]
    bars: list[Bar] = []
    free: list[float] = []  # when each slot's trial ends
    pauses: list[tuple[float, float]] = []
    cut = 0.0
    for began, end, _, trial in ended:
        start = (began - zero).total_seconds() - cut
        if free and (idle := start - max(free)) > _PAUSE:
            pauses.append((max(free), idle))
            cut, start = cut + idle, start - idle
        slot = next((place for place, until in enumerate(free) if until <= start + _EQUAL), len(free))
        free[slot : slot + 1] = [(end - zero).total_seconds() - cut]
        bars.append(Bar(trial, slot, start, free[slot]))
    return Schedule(bars, pauses)


def timeline(study: Plottable) -> Any:
    """When each trial ran in which slot; dashed lines are pauses between two sweeps of the study."""
    found = schedule(view_of(study))
    unit, size = next(
        (unit for unit in (("hours", 3600.0), ("minutes", 60.0)) if found.wall > 3 * unit[1]), ("seconds", 1.0)
    )
    figure = go.Figure(layout={"title": "Timeline", "barmode": "overlay", "bargap": 0.15})
    for state, colour in STATE_COLOURS.items():
        bars = [bar for bar in found.bars if bar.trial.state.name == state]
        if bars:
            figure.add_trace(
                go.Bar(
                    x=[(bar.end - bar.start) / size for bar in bars],
                    y=[bar.slot + 1 for bar in bars],
                    base=[bar.start / size for bar in bars],
                    customdata=[[bar.trial.number, bar.end - bar.start] for bar in bars],
                    orientation="h",
                    name=state,
                    marker={
                        "color": colour,
                        "line": {"width": 0.5 if len(found.bars) < _MANY else 0, "color": "rgba(128,128,128,0.6)"},
                    },
                    hovertemplate="trial %{customdata[0]}: %{customdata[1]:.1f} s<extra>" + state + "</extra>",
                )
            )
    for when, _ in found.pauses:
        figure.add_vline(x=when / size, line={"dash": "dash", "width": 1, "color": "#888"})
    figure.update_layout(xaxis_title=f"{unit} of sweeping", yaxis={"title": "slot", "dtick": 1}, showlegend=True)
    return figure


def seconds(study: Plottable) -> Any:
    """Where the seconds of the slots went; the phases of COMPLETE trials are those of the newest 300 runs in MLflow.

    Raises:
        BackendUnreachable: the MLflow store does not answer.
    """
    view = view_of(study)
    found = schedule(view)
    by_state: dict[str, float] = defaultdict(float)
    for bar in found.bars:
        by_state[bar.trial.state.name] += bar.end - bar.start
    complete = by_state.pop("COMPLETE", 0.0)
    parts = _phases(view, sum(bar.trial.state.name == "COMPLETE" for bar in found.bars))
    parts["COMPLETE: other"] = max(0.0, complete - sum(parts.values()))
    parts |= by_state
    parts["idle"] = max(0.0, found.slots * found.wall - found.busy)
    whole = sum(parts.values()) or 1.0
    names = sorted((name for name in parts if parts[name]), key=lambda name: parts[name])
    return go.Figure(
        go.Bar(
            x=[parts[name] for name in names],
            y=names,
            text=[f"{parts[name]:.1f} s, {parts[name] / whole:.0%}" for name in names],
            textposition="outside",
            cliponaxis=False,
            orientation="h",
        ),
        {"title": "Seconds of all Slots", "xaxis_title": "seconds"},
    )


def _phases(view: StudyView, complete: int) -> dict[str, float]:
    """The seconds of each phase of the COMPLETE trials: those of the newest runs, scaled to all."""
    if (parent := view.user_attrs.get(PARENT_RUN)) is None:
        return {}
    with in_reach():
        phases, trials = phase_seconds(store_of(view.study_name), parent, _RUNS)
    return {f"COMPLETE: {name}": value / trials * complete for name, value in phases.items()} if trials else {}

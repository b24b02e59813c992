"""The learning curves of a trial as a picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D


def draw(history: Mapping[str, Sequence[float]]) -> Figure:
    """One line a metric over the epochs (from 1).

    The figure is one a process and set of metrics, drawn anew at each call: making axes, ticks and a legend
    costs more than drawing them.

    Args:
        history: by metric one value an epoch.
    """
    figure, axes, lines = _figure(tuple(history))
    for line, values in zip(lines, history.values(), strict=True):
        line.set_data(range(1, len(values) + 1), values)
    axes.relim()
    axes.autoscale_view()
    return figure


@lru_cache(maxsize=4)
def _figure(names: tuple[str, ...]) -> tuple[Figure, Axes, list[Line2D]]:
    figure = Figure(figsize=(6.4, 4), dpi=80)
    axes = figure.add_subplot()
    # validation dashed in its metric's colour
    metrics = list(dict.fromkeys(name.removeprefix("val_") for name in names))
    lines = [
        axes.plot(
            [],
            [],
            "--" if name.startswith("val_") else "-",
            marker="." if name.startswith("val_") else None,
            color=f"C{metrics.index(name.removeprefix('val_'))}",
            label=name,
        )[0]
        for name in names
    ]
    axes.set_xlabel("epoch")
    axes.grid(alpha=0.4)
    # a fixed place: looking for the best one costs more than all the rest
    axes.legend(loc="center right")
    return figure, axes, lines

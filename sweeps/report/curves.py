"""SVG plots: the learning curves of a trial, and the losses of a learning-rate range test.

The SVG is written directly, since each trial draws one: matplotlib took 30 ms, as long as all calls to MLflow.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from sweeps.report.svg import document, grid_line, text, ticks, whole_ticks

_WIDTH, _HEIGHT, _LEFT, _RIGHT, _TOP, _BOTTOM = 640, 400, 64, 150, 16, 40
#: height of a panel, of the rate's, and between two
_PANEL, _RATE, _GAP = 190, 90, 24
_COLOURS = ("#1f77b4", "#d62728", "#2ca02c", "#9467bd", "#8c564b", "#17becf")

Scale = Callable[[float], float]


@dataclass(frozen=True)
class _Panel:
    """A part of a picture with an axis of its own: its name, its curves, where it begins and ends in pixels."""

    name: str
    curves: Mapping[str, Sequence[float]]
    top: float
    bottom: float


def draw(history: Mapping[str, Sequence[float]]) -> str:
    """Plot each metric over the epochs (from 1): losses, below them the other metrics, last the learning rate.

    Validation metrics are dashed, in the colour of their metric.

    Args:
        history: the values of each metric, one for each epoch; values that are not finite are skipped.

    Returns:
        The SVG document.
    """
    epochs = max(len(curve) for curve in history.values())

    def x(epoch: float) -> float:
        return _LEFT + (_WIDTH - _LEFT - _RIGHT) * (epoch - 1) / max(1, epochs - 1)

    panels = _panels(history)
    parts: list[str] = []
    for panel in panels:
        parts += _panel(panel, x, whole_ticks(1, epochs))
    bottom = panels[-1].bottom
    parts += [text(x(tick), bottom + 16, str(tick)) for tick in whole_ticks(1, epochs)]
    return _svg(parts, "epoch", bottom + _BOTTOM)


def _panels(history: Mapping[str, Sequence[float]]) -> list[_Panel]:
    """The panels from the top down; one without a curve is left out."""
    groups: dict[str, dict[str, Sequence[float]]] = {"loss": {}, "metrics": {}, "learning rate": {}}
    for name, curve in history.items():
        group = "learning rate" if name == "learning_rate" else "loss" if name.endswith("loss") else "metrics"
        groups[group][name] = curve
    panels, top = [], float(_TOP)
    for name, curves in groups.items():
        if curves:
            bottom = top + (_RATE if name == "learning rate" else _PANEL)
            panels.append(_Panel(name, curves, top, bottom))
            top = bottom + _GAP
    return panels


def _panel(panel: _Panel, x: Scale, epochs: Sequence[int]) -> list[str]:
    """Grid, curves and legend of a panel."""
    values = [value for curve in panel.curves.values() for value in curve if math.isfinite(value)]
    y, parts = _y_axis(min(values, default=0.0), max(values, default=0.0), panel.top, panel.bottom)
    parts += [grid_line(x(epoch), panel.top, x(epoch), panel.bottom) for epoch in epochs]
    metrics = list(dict.fromkeys(name.removeprefix("val_") for name in panel.curves))
    for row, (name, curve) in enumerate(panel.curves.items()):
        colour = _COLOURS[metrics.index(name.removeprefix("val_")) % len(_COLOURS)]
        dashes = ' stroke-dasharray="6 4"' if name.startswith("val_") else ""
        style = f'fill="none" stroke="{colour}" stroke-width="2"{dashes}'
        points = [(x(epoch), y(value)) for epoch, value in enumerate(curve, 1) if math.isfinite(value)]
        parts += _line(name, style, points, row, panel.top)
    return parts


def draw_range(
    losses: Sequence[tuple[float, float]], smoothed: Sequence[tuple[float, float]], marks: Mapping[str, float]
) -> str:
    """Plot the losses of a learning-rate range test over the logarithm of the rate.

    Args:
        losses, smoothed: (rate, loss) of each batch. The axis ends a little above the first smoothed loss; losses
            above that are drawn at its end.
        marks: learning rates to mark, by name.

    Returns:
        The SVG document.
    """
    low, high = min(loss for _, loss in smoothed), smoothed[0][1]
    top = high + 0.2 * (high - low)
    y, parts = _y_axis(low - 0.1 * (high - low), top, _TOP, _HEIGHT - _BOTTOM)
    first, last = math.log10(losses[0][0]), math.log10(losses[-1][0])

    def x(rate: float) -> float:
        return _LEFT + (_WIDTH - _LEFT - _RIGHT) * (math.log10(rate) - first) / ((last - first) or 1)

    def clipped(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
        return [(x(rate), min(max(y(loss), _TOP), _HEIGHT - _BOTTOM)) for rate, loss in points]

    bottom = _HEIGHT - _BOTTOM
    for place, label in ((x(10.0**n), f"1e{n}") for n in range(math.ceil(first), math.floor(last) + 1)):
        parts += [grid_line(place, _TOP, place, bottom), text(place, bottom + 16, label)]
    parts += _line("loss", f'fill="none" stroke="{_COLOURS[0]}" stroke-width="1" opacity="0.35"', clipped(losses), 0)
    parts += _line("smoothed", f'fill="none" stroke="{_COLOURS[0]}" stroke-width="2"', clipped(smoothed), 1)
    for row, (name, rate) in enumerate(marks.items(), 2):
        style = f'fill="none" stroke="{_COLOURS[row - 1]}" stroke-width="2" stroke-dasharray="2 3"'
        parts += _line(f"{name} {rate:.2g}", style, [(x(rate), _TOP), (x(rate), _HEIGHT - _BOTTOM)], row)
    return _svg(parts, "learning rate", _HEIGHT)


def _y_axis(low: float, high: float, top: float, bottom: float) -> tuple[Scale, list[str]]:
    """The y coordinate as a function of a value from `low` to `high`, and the horizontal grid lines."""
    if not high - low > 1e-9 * abs(high):
        reach = 0.5 * abs(high) or 0.5
        low, high = low - reach, high + reach

    def y(value: float) -> float:
        return top + (bottom - top) * ((high - value) / (high - low))

    lines = []
    for tick in ticks(low, high, 5 if bottom - top > _RATE else 2):
        lines.append(grid_line(_LEFT, y(tick), _WIDTH - _RIGHT, y(tick)))
        lines.append(text(_LEFT - 6, y(tick) + 4, f"{tick:.6g}", "end"))
    return y, lines


def _line(name: str, style: str, points: Sequence[tuple[float, float]], row: int, top: float = _TOP) -> list[str]:
    """A polyline, and its entry in the given row of the legend."""
    label_y = top + 12 + 20 * row
    return [
        f'<polyline {style} points="{" ".join(f"{x:.1f},{y:.1f}" for x, y in points)}"/>',
        f'<line {style} x1="{_WIDTH - 140}" x2="{_WIDTH - 110}" y1="{label_y - 4:.1f}" y2="{label_y - 4:.1f}"/>',
        text(_WIDTH - 104, label_y, name, "start"),
    ]


def _svg(parts: Sequence[str], x_label: str, height: float) -> str:
    return document([*parts, text((_LEFT + _WIDTH - _RIGHT) / 2, height - 6, x_label)], _WIDTH, height)

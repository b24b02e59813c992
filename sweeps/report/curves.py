"""SVG plots: the learning curves of a trial, and the losses of a learning-rate range test.

The SVG is written directly, since each trial draws one: matplotlib took 30 ms, as long as all calls to MLflow.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from html import escape

_WIDTH, _HEIGHT, _LEFT, _RIGHT, _TOP, _BOTTOM = 640, 400, 56, 150, 16, 40
_COLOURS = ("#1f77b4", "#d62728", "#2ca02c", "#9467bd", "#8c564b", "#17becf")


def draw(history: Mapping[str, Sequence[float]]) -> str:
    """Plot each metric over the epochs (from 1); validation metrics are dashed, in the colour of their metric.

    Args:
        history: the values of each metric, one for each epoch; values that are not finite are skipped.

    Returns:
        The SVG document.
    """
    values = [value for curve in history.values() for value in curve if math.isfinite(value)]
    y, parts = _y_axis(min(values, default=0.0), max(values, default=0.0))
    epochs = max(len(curve) for curve in history.values())

    def x(epoch: float) -> float:
        return _LEFT + (_WIDTH - _LEFT - _RIGHT) * (epoch - 1) / max(1, epochs - 1)

    parts += [_grid(x(tick), None, str(tick)) for tick in range(1, epochs + 1, max(1, epochs // 10))]
    metrics = list(dict.fromkeys(name.removeprefix("val_") for name in history))
    for row, (name, curve) in enumerate(history.items()):
        colour = _COLOURS[metrics.index(name.removeprefix("val_")) % len(_COLOURS)]
        dashes = ' stroke-dasharray="6 4"' if name.startswith("val_") else ""
        style = f'fill="none" stroke="{colour}" stroke-width="2"{dashes}'
        points = [(x(epoch), y(value)) for epoch, value in enumerate(curve, 1) if math.isfinite(value)]
        parts += _line(name, style, points, row)
    return _svg(parts, "epoch")


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
    y, parts = _y_axis(low - 0.1 * (high - low), top)
    first, last = math.log10(losses[0][0]), math.log10(losses[-1][0])

    def x(rate: float) -> float:
        return _LEFT + (_WIDTH - _LEFT - _RIGHT) * (math.log10(rate) - first) / ((last - first) or 1)

    def clipped(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
        return [(x(rate), min(max(y(loss), _TOP), _HEIGHT - _BOTTOM)) for rate, loss in points]

    parts += [_grid(x(10.0**n), None, f"1e{n}") for n in range(math.ceil(first), math.floor(last) + 1)]
    parts += _line("loss", f'fill="none" stroke="{_COLOURS[0]}" stroke-width="1" opacity="0.35"', clipped(losses), 0)
    parts += _line("smoothed", f'fill="none" stroke="{_COLOURS[0]}" stroke-width="2"', clipped(smoothed), 1)
    for row, (name, rate) in enumerate(marks.items(), 2):
        style = f'fill="none" stroke="{_COLOURS[row - 1]}" stroke-width="2" stroke-dasharray="2 3"'
        parts += _line(f"{name} {rate:.2g}", style, [(x(rate), _TOP), (x(rate), _HEIGHT - _BOTTOM)], row)
    return _svg(parts, "learning rate")


def _y_axis(low: float, high: float) -> tuple[Callable[[float], float], list[str]]:
    """The y coordinate as a function of a value from `low` to `high`, and the horizontal grid lines."""
    if low == high:
        low, high = low - 0.5, high + 0.5

    def y(value: float) -> float:
        return _TOP + (_HEIGHT - _TOP - _BOTTOM) * (high - value) / (high - low)

    ticks = [low + (high - low) * step / 5 for step in range(6)]
    return y, [_grid(None, y(tick), f"{tick:.4g}") for tick in ticks]


def _line(name: str, style: str, points: Sequence[tuple[float, float]], row: int) -> list[str]:
    """A polyline, and its entry in the given row of the legend."""
    label_y = _TOP + 12 + 20 * row
    return [
        f'<polyline {style} points="{" ".join(f"{x:.1f},{y:.1f}" for x, y in points)}"/>',
        f'<line {style} x1="{_WIDTH - 140}" x2="{_WIDTH - 110}" y1="{label_y - 4}" y2="{label_y - 4}"/>',
        f'<text x="{_WIDTH - 104}" y="{label_y}">{escape(name)}</text>',
    ]


def _svg(parts: Sequence[str], x_label: str) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{_HEIGHT}" '
        f'font-family="sans-serif" font-size="12"><rect width="100%" height="100%" fill="white"/>{"".join(parts)}'
        f'<text x="{(_LEFT + _WIDTH - _RIGHT) / 2}" y="{_HEIGHT - 6}">{x_label}</text></svg>'
    )


def _grid(x: float | None, y: float | None, label: str) -> str:
    """A labelled grid line: vertical at `x`, or horizontal at `y`."""
    x1, x2 = (_LEFT, _WIDTH - _RIGHT) if x is None else (x, x)
    y1, y2 = (_TOP, _HEIGHT - _BOTTOM) if y is None else (y, y)
    line = f'<line stroke="#ddd" x1="{x1:.1f}" x2="{x2:.1f}" y1="{y1:.1f}" y2="{y2:.1f}"/>'
    if x is None:
        return f'{line}<text x="{_LEFT - 6}" y="{y1 + 4:.1f}" text-anchor="end">{label}</text>'
    return f'{line}<text x="{x1:.1f}" y="{_HEIGHT - _BOTTOM + 16}" text-anchor="middle">{label}</text>'

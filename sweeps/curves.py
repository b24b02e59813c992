"""The learning curves of a trial as a picture (SVG).

Written by hand since it is drawn in every trial: matplotlib took 30 ms for it, as much as all of MLflow.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

_WIDTH, _HEIGHT, _LEFT, _RIGHT, _TOP, _BOTTOM = 640, 400, 56, 150, 16, 40
_COLOURS = ("#1f77b4", "#d62728", "#2ca02c", "#9467bd", "#8c564b", "#17becf")


def draw(history: Mapping[str, Sequence[float]]) -> str:
    """One line a metric over the epochs (from 1); validation dashed in its metric's colour.

    Args:
        history: by metric one finite value an epoch.
    """
    values = [value for curve in history.values() for value in curve]
    low, high = min(values), max(values)
    if low == high:
        low, high = low - 0.5, high + 0.5
    epochs = max(len(curve) for curve in history.values())

    def x(epoch: float) -> float:
        return _LEFT + (_WIDTH - _LEFT - _RIGHT) * (epoch - 1) / max(1, epochs - 1)

    def y(value: float) -> float:
        return _TOP + (_HEIGHT - _TOP - _BOTTOM) * (high - value) / (high - low)

    parts = [_grid(x(tick), None, str(tick)) for tick in range(1, epochs + 1, max(1, epochs // 10))]
    ticks = [low + (high - low) * step / 5 for step in range(6)]
    parts += [_grid(None, y(tick), f"{tick:.4g}") for tick in ticks]
    metrics = list(dict.fromkeys(name.removeprefix("val_") for name in history))
    for row, (name, curve) in enumerate(history.items()):
        colour = _COLOURS[metrics.index(name.removeprefix("val_")) % len(_COLOURS)]
        dashes = ' stroke-dasharray="6 4"' if name.startswith("val_") else ""
        style = f'fill="none" stroke="{colour}" stroke-width="2"{dashes}'
        points = " ".join(f"{x(epoch):.1f},{y(value):.1f}" for epoch, value in enumerate(curve, 1))
        label_y = _TOP + 12 + 20 * row
        parts.append(f'<polyline {style} points="{points}"/>')
        parts.append(f'<line {style} x1="{_WIDTH - 140}" x2="{_WIDTH - 110}" y1="{label_y - 4}" y2="{label_y - 4}"/>')
        parts.append(f'<text x="{_WIDTH - 104}" y="{label_y}">{escape(name)}</text>')
    parts.append(f'<text x="{(_LEFT + _WIDTH - _RIGHT) / 2}" y="{_HEIGHT - 6}">epoch</text>')
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{_HEIGHT}" '
        f'font-family="sans-serif" font-size="12"><rect width="100%" height="100%" fill="white"/>{"".join(parts)}</svg>'
    )


def _grid(x: float | None, y: float | None, label: str) -> str:
    """A line of the grid with its label: upright at `x`, or across at `y`."""
    x1, x2 = (_LEFT, _WIDTH - _RIGHT) if x is None else (x, x)
    y1, y2 = (_TOP, _HEIGHT - _BOTTOM) if y is None else (y, y)
    line = f'<line stroke="#ddd" x1="{x1:.1f}" x2="{x2:.1f}" y1="{y1:.1f}" y2="{y2:.1f}"/>'
    if x is None:
        return f'{line}<text x="{_LEFT - 6}" y="{y1 + 4:.1f}" text-anchor="end">{label}</text>'
    return f'{line}<text x="{x1:.1f}" y="{_HEIGHT - _BOTTOM + 16}" text-anchor="middle">{label}</text>'

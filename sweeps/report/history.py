"""The history of a sweep as an SVG picture."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

from sweeps.report.svg import document, grid_line, text, ticks, whole_ticks

_WIDTH, _HEIGHT, _LEFT, _RIGHT, _TOP, _BOTTOM = 720, 320, 60, 16, 36, 44
_TRIAL, _BEST = "#1f77b4", "#d62728"


def draw_history(values: Sequence[float], best: Sequence[float], label: str) -> str:
    """Plot the value of each trial in the order of their ends, and the best one so far.

    Args:
        values, best: one for each trial, finite; at least one. The axis shows the good three quarters of the
            values, those beyond are drawn at its end.
        label: what the values are.

    Returns:
        The SVG document.
    """
    low, high = _focus(values, best)
    last = len(values)

    def x(trial: float) -> float:
        return _LEFT + (_WIDTH - _LEFT - _RIGHT) * (trial - 0.5) / last

    def y(value: float) -> float:
        return _TOP + (_HEIGHT - _TOP - _BOTTOM) * (high - min(max(value, low), high)) / (high - low)

    parts = []
    for tick in ticks(low, high):
        parts += [
            grid_line(_LEFT, y(tick), _WIDTH - _RIGHT, y(tick)),
            text(_LEFT - 6, y(tick) + 4, f"{tick:.6g}", "end"),
        ]
    parts += [text(x(tick), _HEIGHT - _BOTTOM + 18, str(tick)) for tick in whole_ticks(1, last)]
    parts += [_dot(x(trial), y(value)) for trial, value in enumerate(values, 1)]
    corners = [(x(trial), y(value)) for trial, value in enumerate(best, 1)]
    # the best changes when a trial ends, not between two of them
    steps = [point for one, after in pairwise(corners) for point in (one, (after[0], one[1]))] + corners[-1:]
    points = " ".join(f"{across:.1f},{down:.1f}" for across, down in steps)
    parts.append(f'<polyline fill="none" stroke="{_BEST}" stroke-width="2" points="{points}"/>')
    parts += [_dot(_LEFT + 8, _TOP - 18), text(_LEFT + 18, _TOP - 14, f"{label} of a trial", "start")]
    parts.append(f'<line stroke="{_BEST}" stroke-width="2" x1="300" x2="324" y1="{_TOP - 18}" y2="{_TOP - 18}"/>')
    parts += [
        text(330, _TOP - 14, "best so far", "start"),
        text(_WIDTH / 2, _HEIGHT - 8, "complete trials by their end"),
    ]
    return document(parts, _WIDTH, _HEIGHT)


def _focus(values: Sequence[float], best: Sequence[float]) -> tuple[float, float]:
    """The range of the axis: that of the values nearest to the best one and of the best ones so far, and some room."""
    nearest = sorted(values, key=lambda value: abs(value - best[-1]))[: max(2, math.ceil(0.75 * len(values)))]
    low, high = min(nearest), max(nearest)
    room = 0.05 * (high - low) or 0.05 * abs(high) or 0.5
    return low - room, high + room


def _dot(across: float, down: float) -> str:
    return f'<circle cx="{across:.1f}" cy="{down:.1f}" r="3" fill="{_TRIAL}"/>'

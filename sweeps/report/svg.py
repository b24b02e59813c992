"""Parts of SVG pictures, and round numbers for their axes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape


def document(parts: Sequence[str], width: float, height: float) -> str:
    """A picture on white ground."""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}" font-family="sans-serif" '
        f'font-size="12"><rect width="100%" height="100%" fill="white"/>{"".join(parts)}</svg>'
    )


def grid_line(x1: float, y1: float, x2: float, y2: float) -> str:
    """A pale line."""
    return f'<line stroke="#ddd" x1="{x1:.1f}" x2="{x2:.1f}" y1="{y1:.1f}" y2="{y2:.1f}"/>'


def text(x: float, y: float, said: str, anchor: str = "middle") -> str:
    """A text with its `anchor` ("start", "middle" or "end") at `x`."""
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(said)}</text>'


def ticks(low: float, high: float, most: int = 5) -> list[float]:
    """Round numbers from `low` to `high`, at most `most` steps of 1, 2 or 5 times a power of ten."""
    rough = (high - low) / most
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough * (1 - 1e-9))
    return [number * step for number in range(math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9) + 1)]


def whole_ticks(low: int, high: int) -> list[int]:
    """The first, the last and round whole numbers between them that are not close to the last."""
    if high <= low:
        return [low]
    inner = [round(tick) for tick in ticks(low, high, 8) if tick == round(tick)]
    step = inner[1] - inner[0] if len(inner) > 1 else 1
    return [low, *(tick for tick in inner if low + step / 2 <= tick <= high - step / 2), high]

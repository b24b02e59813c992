"""Images that a model takes for another class, for the eye: what a confusion matrix counts."""

from __future__ import annotations

import base64
import io
from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np
from PIL import Image

from sweeps.confirm.figures import of_each_row
from sweeps.data import Array
from sweeps.report.sections import Picture

#: pictures in all, and of one pair of classes; pixels of the longer side that a picture keeps
_MOST, _OF_A_PAIR, _SIDE = 24, 3, 64


def confused_images(model: Any, rows: tuple[Any, ...], attributes: Mapping[str, Any]) -> list[Picture]:
    """Rows that the model takes for another class: of the classes that it confuses most often first, and of these
    those of which it is most certain. None where the rows are no images, or the target is not one class a row.

    Args:
        model, rows, attributes: see `sweeps.confirm.figures.figures`.
    """
    images = rows[0]
    if not _are_images(images) or (found := of_each_row(model, rows, attributes)) is None:
        return []
    true, predicted = found
    wrong = [index for index, row in enumerate(predicted) if row["class"] != true[index]]
    pairs = Counter((true[index], predicted[index]["class"]) for index in wrong)
    wrong.sort(key=lambda index: -_certainty(predicted[index]))
    low, high = float(np.min(images)), float(np.max(images))
    pictures: list[Picture] = []
    for pair, _ in pairs.most_common():
        of_pair = [index for index in wrong if (true[index], predicted[index]["class"]) == pair]
        chosen = of_pair[: min(_OF_A_PAIR, _MOST - len(pictures))]
        pictures += [Picture(_png(images[index], low, high), f"{pair[0]} taken for {pair[1]}") for index in chosen]
    return pictures


def _are_images(x: Any) -> bool:
    """Whether rows are grey or coloured images: (n, height, width), with 1, 3 or 4 channels if they have some."""
    if not isinstance(x, np.ndarray) or x.dtype.kind not in "uif" or min(x.shape[1:3], default=0) < 4:
        return False
    return x.ndim == 3 or (x.ndim == 4 and x.shape[3] in (1, 3, 4))


def _certainty(row: Mapping[str, Any]) -> float:
    """The probability of the predicted class, or its score."""
    return float(row.get("probability", row.get("score")) or 0.0)


def _png(image: Array, low: float, high: float) -> str:
    """A PNG as a `data:` URI; the darkest value of all images is black, the brightest white."""
    scaled = (image.astype(np.float64) - low) * (255 / ((high - low) or 1.0))
    bytes_ = np.clip(np.nan_to_num(scaled), 0, 255).astype(np.uint8)
    picture = Image.fromarray(bytes_[..., 0] if bytes_.ndim == 3 and bytes_.shape[2] == 1 else bytes_)
    picture.thumbnail((_SIDE, _SIDE))
    file = io.BytesIO()
    picture.save(file, "PNG", optimize=True)
    return f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}"

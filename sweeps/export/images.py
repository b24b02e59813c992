"""Images as the rows of a model: in its size, its colours and the range of its training values."""

from __future__ import annotations

import logging
import math
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from sweeps.errors import InputError
from sweeps.export.manifest import Manifest
from sweeps.system.commands import hint
from sweeps.system.file_checks import check_file

logger = logging.getLogger(__name__)

IMAGES = (".png", ".jpg", ".jpeg")
_MODES = {1: "L", 3: "RGB", 4: "RGBA"}
#: training values above this are taken for bytes, from 0 to 255
_HALF = 128


@dataclass(frozen=True)
class ImageForm:
    """What a model takes.

    Attributes:
        size: (height, width); None: any.
        mode: Pillow's name of the colours.
        has_axis: whether a single channel has an axis.
        divisor: of the bytes.
    """

    size: tuple[int, int] | None
    mode: str
    has_axis: bool
    divisor: float

    @property
    def bytes(self) -> int:
        """Of an image, as float32."""
        return 4 * math.prod(self.size or (1, 1)) * len(self.mode)


def image_inputs(manifest: Manifest) -> ImageForm:
    """How images are given to an exported model.

    Raises:
        InputError: it takes no images, or other values than those of pixels.
    """
    entry, shape = manifest.input[0], manifest.input[0].shape[1:]
    channels = 1 if len(shape) == 2 else shape[2] if len(shape) == 3 else None
    if len(manifest.input) > 1 or channels not in _MODES or entry.dtype in ("string", "bool"):
        raise InputError(f"images are for a model of rows (height, width[, channels]), this one takes {shape}")
    if manifest.prepared:
        raise InputError("the space's fit prepares the rows itself; images are read as they are")
    height, width = shape[:2]
    size = None if height is None or width is None else (height, width)
    return ImageForm(size, _MODES[channels], len(shape) == 3 and channels == 1, _divisor(manifest))


def _divisor(manifest: Manifest) -> float:
    """What makes training values of bytes: 1, or 255 where these were between 0 and 1.

    Raises:
        InputError: nobody knows.
    """
    known = manifest.compared_on.range
    takes_fractions = manifest.input[0].dtype.startswith(("float", "bfloat"))
    if known is None and takes_fractions:
        raise InputError(
            "the range of the training values is not known, so pixels could be 0 to 255 or 0 to 1\n"
            f"Export again where the data are at hand: {hint('export', manifest.study, '--force')}; "
            "or give an .npy file of prepared rows"
        )
    if known is None:
        logger.warning("The range of the training values is not known: pixels are given as 0 to 255")
        return 1.0
    low, high = known
    if low >= 0 and high > _HALF:
        return 1.0
    if low >= 0 and 0 < high <= 1 and takes_fractions:
        return 255.0
    raise InputError(
        f"the training values went from {low:g} to {high:g}, those of an image go from 0 to 255: "
        "which is which is not known; give an .npy file of prepared rows"
    )


def read_image(file: Path, form: ImageForm) -> Any:
    """An image as an array (height, width[, channels]) of bytes, or of numbers from 0 to 1.

    Raises:
        InputError: it is none, or damaged, or has 16 bits a channel.
    """
    check_file(file)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(file, formats=("PNG", "JPEG")) as image:
                if image.mode.startswith(("I", "F")):
                    raise InputError("8 bits a channel are needed, the image has more")
                pixels = image.convert(form.mode)
    except InputError:
        raise
    except (Image.DecompressionBombWarning, Image.DecompressionBombError):
        raise InputError("the image has too many pixels") from None
    except (OSError, ValueError, SyntaxError) as error:  # SyntaxError: Pillow's of a broken PNG
        raise InputError(f"no PNG or JPEG image, or damaged: {str(error).partition(' <')[0]}") from None
    if form.size is not None and pixels.size != form.size[::-1]:
        pixels = pixels.resize(form.size[::-1], Image.Resampling.BILINEAR)
    array = np.asarray(pixels)
    array = array[..., np.newaxis] if form.has_axis else array
    return array if form.divisor == 1 else array.astype("float32") / form.divisor

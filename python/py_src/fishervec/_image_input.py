"""All that a user may pass as images, converted to the form of the compiled module."""

import itertools
import os
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ._types import Array, Image

#: Number of images that are worked on together.
TOGETHER = 256


def as_images(images: Iterable[Image]) -> Iterator[Any]:
    """Each image as a path or an array."""
    if isinstance(images, str | os.PathLike) or hasattr(images, "getbands"):
        raise TypeError("images must be a list of images, got one image")
    if not isinstance(images, Iterable):
        raise TypeError(f"images must be a list of images, got {type(images).__name__}")
    return (_as_image(image, i) for i, image in enumerate(images))


def parts(images: Iterable[Image]) -> Iterator[list[Any]]:
    """The same, some at a time."""
    converted = as_images(images)
    while part := list(itertools.islice(converted, TOGETHER)):
        yield part


def _as_image(image: Image, i: int) -> Any:
    """A path, or an array of shape (height, width, channels) of uint8 or float32 in C order."""
    if isinstance(image, str | os.PathLike):
        return os.fspath(image)
    pixels = _pixels(_decoded(image) if hasattr(image, "getbands") else image, i)
    if pixels.ndim == 2:
        pixels = pixels[:, :, None]
    if pixels.ndim != 3 or pixels.shape[2] not in (1, 3, 4):
        raise ValueError(f"image {i} must have shape (height, width) or (height, width, 1, 3 or 4), got {pixels.shape}")
    if pixels.dtype != np.uint8 and pixels.shape[2] == 4:
        pixels = pixels[:, :, :3] * pixels[:, :, 3:] + (1 - pixels[:, :, 3:])
    return np.ascontiguousarray(pixels)


def _pixels(image: ArrayLike, i: int) -> Array:
    """Pixels of uint8 as they are, and all others as float32 from 0 to 1."""
    pixels = np.asarray(image)
    if pixels.dtype == np.uint8:
        return pixels
    if pixels.dtype == np.uint16:
        return pixels.astype(np.float32) / 65535
    if pixels.dtype == bool or np.issubdtype(pixels.dtype, np.floating):
        return pixels.astype(np.float32)
    raise TypeError(f"image {i} must be uint8, uint16, bool or floats from 0 to 1, got {pixels.dtype}")


def _decoded(image: Any) -> Array:
    """The pixels of a PIL image, rotated as its EXIF data say."""
    from PIL import ImageOps

    image = ImageOps.exif_transpose(image)
    if image.mode in ("I;16", "I;16L", "I;16B"):
        return np.asarray(image).astype(np.uint16)
    if image.mode not in ("L", "RGB", "RGBA"):
        transparent = image.has_transparency_data
        grey = image.mode == "1"
        image = image.convert("L" if grey else "RGBA" if transparent else "RGB")
    return np.asarray(image)

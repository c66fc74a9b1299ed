"""All that a user may pass as images, converted to the form of the compiled module."""

import contextlib
import os
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ._frames import columns_of, is_frame
from ._types import Array, Image

#: At most so many images are worked on together, and so many bytes of pixels unless one image has more.
TOGETHER = 256
BYTES = 32 << 20


def as_images(images: Iterable[Image]) -> Iterator[Any]:
    """Each image as a path or an array."""
    images = _column(images)
    refuse_one(images)
    if not isinstance(images, Iterable):
        raise TypeError(f"images must be a list of images, got {type(images).__name__}")
    return (_as_image(image, i) for i, image in enumerate(images))


def _column(images: Any) -> Any:
    """The column of a frame, or of an object array, that holds one column of images; all else as it is."""
    shape = tuple(getattr(images, "shape", ()))
    if is_frame(images):
        if shape[1] != 1:
            raise ValueError(f"images must be one column of a frame, got {shape[1]} columns: pass the column of images")
        return columns_of(images)[0]
    is_object = isinstance(images, np.ndarray) and images.dtype == object
    return images[:, 0] if is_object and len(shape) == 2 and shape[1] == 1 else images


def refuse_one(images: Any) -> None:
    """Raise an error for one image where a list of images belongs."""
    images = _column(images)
    if isinstance(images, str | bytes | os.PathLike) or hasattr(images, "getbands"):
        raise TypeError("images must be a list of images, got one image: pass [image]")
    shape = _shape(images)
    if len(shape) == 2:
        raise ValueError(f"images must be a list of images, got one image of shape {shape}: pass [image]")
    if len(shape) == 3 and shape[2] <= 4:
        n, height, width = shape
        grey = "images[..., None]" if hasattr(images, "shape") else "[np.asarray(image)[..., None] for image in images]"
        if width == 2:
            raise ValueError(f"images of shape {shape} are {n} grey images of {height} rows and 2 columns: pass {grey}")
        raise ValueError(
            f"images of shape {shape} are one image with {width} channels, or {n} grey images of {height} rows and "
            f"{width} columns: pass [image] for the one, {grey} for the others"
        )


def _shape(images: Any) -> tuple[int, ...]:
    """The shape of an array, of lists in lists, and of a list of arrays that may be rows of one image; else none."""
    if isinstance(images, list | tuple) and images:
        nested = isinstance(images[0], list | tuple)
        with contextlib.suppress(ValueError):
            shape = np.shape(images[0]) if nested or isinstance(images[0], np.ndarray) else ()
            several = len(shape) == 2 and len(images) > 1
            if nested or len(shape) == 1 or (several and all(np.shape(image) == shape for image in images)):
                return len(images), *shape
    return tuple(getattr(images, "shape", ()))


def parts(images: Iterable[Image]) -> Iterator[tuple[int, list[Any]]]:
    """The same, some at a time, each time with the number of the first."""
    return in_parts(as_images(images))


def in_parts(images: Iterator[Any], together: int = TOGETHER) -> Iterator[tuple[int, list[Any]]]:
    """The same of images that are paths and arrays already; at most so many `together`."""
    first, size = 0, 0
    part: list[Any] = []
    for image in images:
        part.append(image)
        size += image.nbytes if isinstance(image, np.ndarray) else 0
        if len(part) == together or size >= BYTES:
            yield first, part
            first, part, size = first + len(part), [], 0
    if part:
        yield first, part


def _as_image(image: Image, i: int) -> Any:
    """A path, or an array of shape (height, width, channels) of uint8 or float32 in C order."""
    if isinstance(image, str | os.PathLike):
        return os.fspath(image)
    pixels = _pixels(_decoded(image, i) if hasattr(image, "getbands") else image, i)
    if pixels.ndim == 2:
        pixels = pixels[:, :, None]
    if pixels.ndim != 3 or pixels.shape[2] not in (1, 3, 4):
        hint = ": channels come last" if pixels.ndim == 3 and pixels.shape[0] in (1, 3, 4) else ""
        raise ValueError(
            f"image {i} must have shape (height, width) or (height, width, 1, 3 or 4), got {pixels.shape}{hint}"
        )
    return np.ascontiguousarray(pixels)


def _pixels(image: ArrayLike, i: int) -> Array:
    """Pixels of uint8 as they are, and all others as float32 from 0 to 1; the library checks their range."""
    if np.ma.is_masked(image):
        raise TypeError(f"image {i} has masked pixels: fill them, for example by image.filled(0)")
    try:
        pixels = np.asarray(image)
    except ValueError as error:
        raise TypeError(f"image {i} must be a path, a PIL image or an array, got {type(image).__name__}") from error
    kind, size = pixels.dtype.kind, pixels.dtype.itemsize
    if (kind, size) == ("u", 1):
        return pixels
    if (kind, size) == ("u", 2):
        return pixels.astype(np.float32) / 65535
    if kind in "bf":
        with np.errstate(over="ignore", under="ignore"):
            return pixels.astype(np.float32)
    cure = ""
    if kind in "iu":
        cure = ": convert numbers from 0 to 255 by astype(np.uint8), from 0 to 65535 by astype(np.uint16)"
    got = pixels.dtype if hasattr(image, "dtype") else type(image).__name__
    raise TypeError(f"image {i} must be uint8, uint16, bool or floats from 0 to 1, got {got}{cure}")


def _decoded(image: Any, i: int) -> Array:
    """The pixels of a PIL image, rotated as its EXIF data say."""
    from PIL import ImageOps

    try:
        image = ImageOps.exif_transpose(image)
    except (OSError, SyntaxError, ValueError, EOFError) as error:
        name = getattr(image, "filename", "")
        raise OSError(f"image {i}{name and f' ({name})'}: {error}") from error
    if image.mode == "I" or image.mode.startswith("I;16"):
        return _sixteen_bits(image, i)
    if image.mode == "La":
        image = image.convert("LA")
    if image.has_transparency_data:
        image = image.convert("RGBA")
    elif image.mode not in ("F", "L", "RGB"):
        image = image.convert("L" if image.mode == "1" else "RGB")
    return np.asarray(image)


def _sixteen_bits(image: Any, i: int) -> Array:
    """The pixels of a PIL image of integers from 0 to 65,535, in which one value may be transparent."""
    pixels = np.asarray(image)
    least, most = (int(pixels.min()), int(pixels.max())) if pixels.size else (0, 0)
    if least < 0 or most > 65535:
        raise ValueError(f"image {i}: expected values from 0 to 65535, got {least} to {most}: scale them to this range")
    transparent = image.info.get("transparency")
    if transparent is not None:
        pixels = np.where(pixels == transparent, 65535, pixels)
    return pixels.astype(np.uint16)

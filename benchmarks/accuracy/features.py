"""Local descriptors: an image or a recording becomes a set. The last columns are the position of a descriptor."""

from typing import Any, NamedTuple

import numpy as np
from data import datasets
from numpy.lib.stride_tricks import sliding_window_view
from PIL import Image
from scipy.ndimage import uniform_filter

from fishervec import DenseSift, DescriptorPCA

Sets = list[np.ndarray]
#: Number of images that are described at once; numbers of images and descriptors for a projection.
TOGETHER, SAMPLE, ROWS = 100, 1000, 100_000


class Patches(NamedTuple):
    """The pixels of all squares of an image, projected."""

    size: int = 4
    columns: int = 8
    #: Number of columns that are the position.
    position_columns = 2

    def __str__(self) -> str:
        return f"patches of {self.size} x {self.size}, PCA to {self.columns}"

    def sets(self, images: np.ndarray, train: np.ndarray, seed: int) -> Sets:
        windows = sliding_window_view(images, (self.size, self.size), axis=(1, 2))
        n, side = len(images), windows.shape[1]
        # Pixels are divided by the brightest: a position, from -1/2 to 1/2, counts about as much as they do.
        pixels = np.float32(windows.reshape(n, side * side, -1)) / np.float32(images.max())
        pca = DescriptorPCA(self.columns).fit(pixels[train])
        axis = (np.arange(side) + self.size / 2) / images.shape[1] - 0.5
        rows, columns = np.meshgrid(axis, axis, indexing="ij")
        position = np.stack([columns.ravel(), rows.ravel()], axis=1).astype(np.float32)
        return [np.hstack([x, position]) for x in pca.transform(pixels)]


class Sift(NamedTuple):
    """Dense SIFT at several sizes, as RootSIFT, projected."""

    bins: tuple[int, ...]
    step: int
    #: The side that images are scaled to first; 0 leaves them as they are.
    side: int = 0
    columns: int = 64
    #: Whether the mean colour of a descriptor's square is appended, and its contrast.
    colour: bool = False
    contrast: bool = False
    #: Whether the set also has the descriptors of the three mirror images, if left and right mean nothing.
    mirrored: bool = False
    position_columns = 2

    def __str__(self) -> str:
        side = f" at {self.side} x {self.side} pixels" if self.side else ""
        colour = ", colour" * self.colour + " and contrast" * self.contrast
        bins = "/".join(map(str, self.bins))
        mirrored = ", with mirror images" * self.mirrored
        return f"SIFT of bins {bins}, step {self.step}{side}, PCA to {self.columns}{colour}{mirrored}"

    def sets(self, images: np.ndarray, train: np.ndarray, seed: int) -> Sets:
        sift = DenseSift(bins=self.bins, step=self.step)
        some = np.random.default_rng(seed).permutation(train)[:SAMPLE]
        described = sift.transform(self._scaled(images[some]))
        pca = DescriptorPCA(self.columns, rows="rootsift", sample=ROWS, random_state=seed).fit(described)
        shape = self._scaled(images[:1])[0].shape
        centres = sift.positions(shape)
        position = centres[:, :2] / np.array(shape[1::-1]) - 0.5
        out: Sets = []
        for start in range(0, len(images), TOGETHER):
            part = [view for image in self._scaled(images[start : start + TOGETHER]) for view in self._views(image)]
            for image, x in zip(part, pca.transform(sift.transform(part)), strict=True):
                colour = [colours(image, centres, self.contrast)] if self.colour else []
                # Half precision halves the memory; the encoders compute in float32.
                out.append(np.hstack([x, *colour, position]).astype(np.float16))
        n = len(out) // len(images)
        return [np.concatenate(out[i : i + n]) for i in range(0, len(out), n)] if n > 1 else out

    def _views(self, image: np.ndarray) -> list[np.ndarray]:
        flipped = [image[:, ::-1], image[::-1], image[::-1, ::-1]] if self.mirrored else []
        return [np.ascontiguousarray(view) for view in (image, *flipped)]

    def _scaled(self, images: np.ndarray) -> list[np.ndarray]:
        if not self.side:
            return list(images)
        size = (self.side, self.side)
        return [np.asarray(Image.fromarray(image).resize(size, Image.Resampling.BICUBIC)) for image in images]


def colours(image: np.ndarray, centres: np.ndarray, contrast: bool) -> np.ndarray:
    """The mean colour of each descriptor's square, and the contrast there, which SIFT's norm removes.

    Centres are column, row and bin; the side of a square is four bins.
    """
    channels = np.atleast_3d(image).astype(np.float32) / 255
    width = channels.shape[2]
    out = np.empty((len(centres), 2 * width if contrast else width), np.float32)
    for size in np.unique(centres[:, 2]):
        of_size = centres[:, 2] == size
        columns, rows = np.int64(centres[of_size, :2]).T
        square = (4 * int(size), 4 * int(size), 1)
        mean = uniform_filter(channels, square)[rows, columns]
        out[of_size, :width] = mean - 0.5
        if contrast:
            variance = uniform_filter(channels**2, square)[rows, columns] - mean**2
            # One step of 8 bits keeps the logarithm finite; a third of it has the range of the other columns.
            out[of_size, width:] = np.log(np.sqrt(np.maximum(variance, 0)) + 1 / 255) / 3 + 1
    return out


class Frames(NamedTuple):
    """The frames of a recording, with their slopes if `slopes` is true."""

    slopes: bool = False
    #: Number of columns that are the time.
    position_columns = 1

    def __str__(self) -> str:
        return "frames and slopes" if self.slopes else "frames"

    def sets(self, recordings: Sets, train: np.ndarray, seed: int) -> Sets:
        out = datasets.with_deltas(recordings) if self.slopes else recordings
        return [np.hstack([x, (np.arange(len(x))[:, None] + 0.5) / len(x) - 0.5]) for x in out]


Features = Any

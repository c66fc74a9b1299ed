"""Dense SIFT as a transformer: images to sets of descriptors."""

import json
from collections.abc import Iterable, Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from . import _settings
from ._base import OwnInput
from ._deprecation import was_called
from ._docs import documented
from ._fishervec import features, positions
from ._image_input import parts, refuse_one
from ._threads import n_threads
from ._types import Image


@documented
class DenseSift(OwnInput):
    """Describes an image by SIFT at every point of a grid, at several sizes.

    A descriptor is 4 x 4 bins of 8 orientations of the gradient; number 8 (4 i + j) + t is orientation t in the bin
    of row i and column j. All descriptors have the same orientation. Geometry and windows are those of VLFeat's
    `vl_dsift`, sizes and smoothing those of its `vl_phow`.

    Parameters
    ----------
    bins : sequence of int, default=(4, 6, 8, 12)
        Sides of a bin in pixels, one per size of descriptor.
    step : int, default=4
        Number of pixels from one point of the grid to the next. The grids of all sizes have common centres.
    window : {"flat", "gaussian"}, default="flat"
        How gradients are weighted: equally within each bin (VLFeat's `fast`), or by a Gaussian.
    window_size : float, default=2.0
        Standard deviation of the Gaussian, in bins.
    magnification : float, default=6.0
        For each size the image is smoothed by a Gaussian of standard deviation bin / `magnification`; 0 means no
        smoothing.
    bounds : tuple of 4 int or None, default=None
        First column, first row, last column and last row that bins may be centred on; None means the whole image.
    contrast_threshold : float, default=0.0
        Descriptors with a norm below this become zero: those of a patch without contrast. VLFeat's application
        uses 0.005.
    color : {"grey", "rgb"}, default="grey"
        Channels: one (0.299 R + 0.587 G + 0.114 B), or three, whose descriptors are concatenated.
    max_side : int, default=0
        Maximum length of the longer side of an image; larger images are scaled down first. 0 means no limit.
    {n_jobs}

    See Also
    --------
    ImageEncoder : From images to vectors in one step.

    Notes
    -----
    {images}

    Cost O(pixels) for the gradients and O(bin) per descriptor. D. Lowe, "Distinctive image features from
    scale-invariant keypoints", IJCV 60(2), 2004; A. Vedaldi, B. Fulkerson, VLFeat, 2008.

    Examples
    --------
    >>> import numpy as np
    >>> from fishervec import DenseSift
    >>> image = np.random.default_rng(0).integers(0, 256, (60, 80), dtype=np.uint8)
    >>> sift = DenseSift(bins=[4], step=8)
    >>> [descriptors] = sift.transform([image])
    >>> descriptors.shape, sift.positions(image.shape)[0].tolist()
    ((54, 128), [6.0, 6.0, 4.0])
    """

    def __init__(
        self,
        *,
        bins: Sequence[int] = (4, 6, 8, 12),
        step: int = 4,
        window: str = "flat",
        window_size: float = 2.0,
        magnification: float = 6.0,
        bounds: tuple[int, int, int, int] | None = None,
        contrast_threshold: float = 0.0,
        color: str = "grey",
        max_side: int = 0,
        n_jobs: int | None = None,
    ) -> None:
        self.bins = bins
        self.step = step
        self.window = window
        self.window_size = window_size
        self.magnification = magnification
        self.bounds = bounds
        self.contrast_threshold = contrast_threshold
        self.color = color
        self.max_side = max_side
        self.n_jobs = n_jobs

    @was_called("images")
    def fit(self, X: Any = None, y: Any = None) -> Self:
        """Check the parameters; there is nothing to fit.

        Parameters
        ----------
        X : iterable of images
            Not looked at, but one image alone is refused.
        {y}

        Returns
        -------
        self : DenseSift
            The estimator itself.

        Raises
        ------
        TypeError
            If a parameter has another type.
        ValueError
            For a parameter out of range, or one image alone.
        """
        refuse_one(X)
        features([], self._settings(), 1)
        return self

    def transform(self, X: Iterable[Image]) -> list[NDArray[np.float32]]:
        """Describe each image.

        Parameters
        ----------
        {images_parameter}

        Returns
        -------
        sets : list of ndarray of shape (n_i, 128)
            One set of descriptors per image, with 384 columns for three channels; an empty set for an image that is
            too small for a descriptor.

        Raises
        ------
        {image_errors}
        """
        settings, threads = self._settings(), n_threads(self.n_jobs)
        return [x for first, part in parts(X) for x in features(part, settings, threads, first)]

    def positions(self, shape: tuple[int, ...]) -> NDArray[np.float32]:
        """Return the positions of the descriptors of an image of this shape.

        Parameters
        ----------
        shape : tuple of int
            The shape of an image: height, width, and optionally channels.

        Returns
        -------
        positions : ndarray of shape (n, 3)
            Column, row and bin of each descriptor, in the image after `max_side`.

        Raises
        ------
        TypeError
            If a parameter has another type.
        ValueError
            For a parameter out of range.
        """
        return positions(self._settings(), shape[1], shape[0])

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def _settings(self) -> str:
        return json.dumps(_settings.images(_settings.dense_sift(self), self.color, self.max_side, None))

"""Photographs: dense SIFT as a transformer, and the whole pipeline from photographs to vectors as an estimator."""

import json
import os
from collections.abc import Iterable, Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.utils.validation import check_is_fitted

from . import _checks as check
from ._base import OwnInput, SetEncoder
from ._fisher import FisherVector
from ._fishervec import encode_images, features, positions, sample_features
from ._pictures import Image, parts, pictures
from ._sets import Floats
from ._threads import n_threads


class DenseSift(OwnInput):
    """Describes an image by SIFT at every point of a grid, at several sizes.

    A descriptor is 4 x 4 bins of 8 orientations of the gradient, number 8 (4 i + j) + t for orientation t in the bin of
    row i and column j; at one orientation, with the geometry and the windows of VLFeat's `vl_dsift` and the sizes and
    the smoothing of its `vl_phow`.

    Parameters
    ----------
    bins : sequence of int, default=(4, 6, 8, 12)
        Sides of a bin in pixels, one a size of descriptor.
    step : int, default=4
        Pixels from one point of the grid to the next. The grids of all sizes have their centres in common.
    window : {"flat", "gaussian"}, default="flat"
        How gradients are weighted: the same within each bin (VLFeat's `fast`), or by a Gaussian.
    window_size : float, default=2.0
        Standard deviation of the Gaussian, in bins.
    magnification : float, default=6.0
        For each size the image is smoothed by a Gaussian of standard deviation bin / `magnification`; 0 leaves it as it
        is.
    bounds : tuple of 4 int or None, default=None
        First column, first row, last column, last row that bins may be centred on; None is the whole image.
    contrast_threshold : float, default=0.0
        Descriptors whose norm is below this become zero: those of a patch without contrast. VLFeat's application has
        0.005.
    color : {"grey", "rgb"}, default="grey"
        Channels: one (0.299 R + 0.587 G + 0.114 B), or three, whose descriptors stand side by side.
    max_side : int, default=0
        Longer side of an image at most; larger ones are made smaller first. 0 is any.
    n_jobs : int or None, default=None
        As in `FisherVector`; in parallel over images.

    See Also
    --------
    ImageEncoder : From images to vectors in one.

    Notes
    -----
    An image is a path (jpeg, png, webp, tiff; turned upright as its file says, what is transparent on white), a PIL
    image, or an array of shape (height, width) or (height, width, channels) with 1, 3 or 4 channels: of uint8, uint16
    or bool, or of floats from 0 to 1.

    Cost O(pixels) for the gradients and O(bin) a descriptor. D. Lowe, "Distinctive image features from scale-invariant
    keypoints", IJCV 60(2), 2004; A. Vedaldi, B. Fulkerson, VLFeat, 2008.

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

    def fit(self, images: Any = None, y: Any = None) -> Self:
        """Check the parameters; there is nothing to learn.

        Parameters
        ----------
        images : None
            Ignored.
        y : None
            Ignored.

        Returns
        -------
        self : DenseSift
            Itself.

        Raises
        ------
        TypeError
            If a parameter is of another type.
        ValueError
            For a parameter out of range.
        """
        features([], self._settings(), 1)
        return self

    def transform(self, images: Iterable[Image]) -> list[NDArray[np.float32]]:
        """Describe each image.

        Parameters
        ----------
        images : iterable of images
            In one of the forms in the class's notes.

        Returns
        -------
        sets : list of ndarray of shape (n_i, 128)
            A set of descriptors an image, 384 columns for three channels; none for an image too small for one.

        Raises
        ------
        TypeError
            If something is no image, or a parameter of another type.
        ValueError
            For an image that is torn or not finite, and a parameter out of range; the image is named.
        """
        settings, threads = self._settings(), n_threads(self.n_jobs)
        return [x for part in parts(images) for x in features(part, settings, threads)]

    def positions(self, shape: tuple[int, ...]) -> NDArray[np.float32]:
        """Return where the descriptors of an image of this shape are.

        Parameters
        ----------
        shape : tuple of int
            The shape of an image: height, width, and perhaps channels.

        Returns
        -------
        positions : ndarray of shape (n, 3)
            Column, row and bin of each descriptor: of the image as it is worked on, after `max_side`.

        Raises
        ------
        TypeError
            If a parameter is of another type.
        ValueError
            For a parameter out of range.
        """
        return positions(self._settings(), shape[1], shape[0])

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def _settings(self) -> str:
        return json.dumps(_settings("dsift", _sift(self), self.color, self.max_side, None))


class ImageEncoder(OwnInput):
    """Turns photographs into one vector each: local features, their preprocessing, the encoder, as one saved thing.

    The defaults are those for photographs: dense SIFT at four sizes, RootSIFT, PCA to 64, a Fisher vector of 64
    components, power and L2 normalised. A model file is that of the command line, ``fishervec fit photos/``.

    Parameters
    ----------
    encoder : FisherVector, Vlad, BagOfWords, Pooling or None, default=None
        What is made of the descriptors: a template, a copy of which is fitted. None is
        ``FisherVector(rows="rootsift", pca=64)``, for patches ``FisherVector()``.
    features : {"dsift", "patches"}, default="dsift"
        Local features: dense SIFT, or the pixels of squares, for small images.
    bins : sequence of int, default=(4, 6, 8, 12)
        Sides of a bin of dense SIFT in pixels, one a size of descriptor.
    step : int or None, default=None
        Pixels from one descriptor to the next; None is 4 for dense SIFT, 1 for patches.
    window : {"flat", "gaussian"}, default="flat"
        How gradients of dense SIFT are weighted.
    contrast_threshold : float, default=0.0
        Dense SIFT of patches with less contrast becomes zero.
    patch_size : int, default=4
        Side of a patch in pixels.
    color : {"grey", "rgb"}, default="grey"
        Channels features are taken of.
    max_side : int, default=640
        Longer side of an image at most; larger ones are made smaller first. 0 is any.
    augment : {"xy"} or None, default=None
        What the last columns of each descriptor are, which its preprocessing leaves as they are: (x/W - 1/2, y/H - 1/2)
        of its centre. None is "xy" where the encoder has `spatial` or `pyramid`.
    n_jobs : int or None, default=None
        As in `FisherVector`; in parallel over images.

    Attributes
    ----------
    encoder_ : FisherVector, Vlad, BagOfWords or Pooling
        The fitted encoder, of the descriptors.
    n_features_out_ : int
        P, the length of a vector.

    See Also
    --------
    DenseSift : The descriptors alone.
    FisherVector : The encoder.

    Notes
    -----
    An image is a path (jpeg, png, webp, tiff; turned upright as its file says, what is transparent on white), a PIL
    image, or an array of shape (height, width) or (height, width, channels) with 1, 3 or 4 channels: of uint8, uint16
    or bool, or of floats from 0 to 1.

    An image too small for a descriptor has the zero vector. Memory is that of the images worked on, one a thread.

    Examples
    --------
    >>> import numpy as np
    >>> from fishervec import FisherVector, ImageEncoder
    >>> images = np.random.default_rng(0).integers(0, 256, (9, 60, 80), dtype=np.uint8)
    >>> encoder = ImageEncoder(FisherVector(4, rows="rootsift", pca=8, random_state=0))
    >>> encoder.fit_transform(images).shape
    (9, 68)
    """

    encoder_: SetEncoder

    def __init__(
        self,
        encoder: SetEncoder | None = None,
        *,
        features: str = "dsift",
        bins: Sequence[int] = (4, 6, 8, 12),
        step: int | None = None,
        window: str = "flat",
        contrast_threshold: float = 0.0,
        patch_size: int = 4,
        color: str = "grey",
        max_side: int = 640,
        augment: str | None = None,
        n_jobs: int | None = None,
    ) -> None:
        self.encoder = encoder
        self.features = features
        self.bins = bins
        self.step = step
        self.window = window
        self.contrast_threshold = contrast_threshold
        self.patch_size = patch_size
        self.color = color
        self.max_side = max_side
        self.augment = augment
        self.n_jobs = n_jobs

    def fit(self, images: Iterable[Image], y: Any = None) -> Self:
        """Fit the encoder to a sample of the descriptors of all images.

        Parameters
        ----------
        images : iterable of images
            In one of the forms in the class's notes.
        y : None
            Ignored.

        Returns
        -------
        self : ImageEncoder
            The fitted estimator.

        Raises
        ------
        TypeError
            If something is no image, or a parameter of another type.
        ValueError
            For an image that is torn or not finite, too few descriptors, and a parameter out of range; the image is
            named.

        Warns
        -----
        ConvergenceWarning
            If the mixture did not converge within its `max_iter`.
        UserWarning
            For fewer than 50 descriptors a component.
        """
        settings = self._settings()
        encoder = self._encoder().set_params(carry=0 if self._augment() is None else 2)
        training = list(pictures(images))
        seed = check.seed_of(encoder.random_state)
        encoder.set_params(random_state=seed)
        count = check.optional(check.integer, "sample", encoder.sample)
        if count is None:
            count = encoder._default_sample()
        # An empirical information wants whole sets, hence all images' descriptors at once.
        if str(getattr(encoder, "information", None)).startswith("empirical"):
            encoder.fit(features(training, settings, n_threads(self.n_jobs)))
        else:
            sample = sample_features(training, settings, count, seed, n_threads(self.n_jobs))
            encoder.set_params(sample=count).fit([sample])
        self._set_encoder(encoder, settings)
        return self

    def transform(self, images: Iterable[Image]) -> Floats:
        """Encode each image.

        Parameters
        ----------
        images : iterable of images
            In one of the forms in the class's notes.

        Returns
        -------
        vectors : ndarray of shape (n_images, n_features_out_)
            A row an image, float32.

        Raises
        ------
        NotFittedError
            If the estimator is not fitted.
        TypeError
            If something is no image.
        ValueError
            For an image that is torn or not finite; it is named.
        """
        check_is_fitted(self)
        pipeline, threads = self.encoder_._pipeline, n_threads(self.n_jobs)
        vectors = [encode_images(part, pipeline, threads) for part in parts(images)]
        return np.concatenate(vectors) if vectors else np.empty((0, len(pipeline)), np.float32)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the fitted estimator to a file, whole or not at all.

        `fishervec.load` reads it, and so does the command line.

        Parameters
        ----------
        path : path-like
            The file, by custom a name in .safetensors; one that is there is replaced.

        Raises
        ------
        NotFittedError
            If the estimator is not fitted.
        OSError
            If the file cannot be written.
        """
        from ._files import save_images

        check_is_fitted(self)
        save_images(self, path)

    def get_feature_names_out(self, input_features: Any = None) -> NDArray[np.object_]:
        """Return the names of the entries of a vector.

        Parameters
        ----------
        input_features : None
            Ignored.

        Returns
        -------
        names : ndarray of str objects of shape (n_features_out_,)
            Those of the encoder.

        Raises
        ------
        NotFittedError
            If the estimator is not fitted.
        """
        check_is_fitted(self)
        return self.encoder_.get_feature_names_out()

    @property
    def n_features_out_(self) -> int:
        """P, the length of a vector."""
        check_is_fitted(self)
        return self.encoder_.n_features_out_

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "encoder_")

    def _encoder(self) -> Any:
        """A copy of the template."""
        if self.encoder is None:
            return FisherVector(rows="rootsift", pca=64) if self.features == "dsift" else FisherVector()
        if not isinstance(self.encoder, SetEncoder):
            raise TypeError(f"encoder: expected an encoder of sets, such as FisherVector, got {self.encoder!r}")
        return clone(self.encoder)

    def _settings(self) -> str:
        if check.text("features", self.features) == "patches":
            step = 1 if self.step is None else check.integer("step", self.step)
            kind = {"size": check.integer("patch_size", self.patch_size), "step": step}
        else:
            step = 4 if self.step is None else self.step
            sift = DenseSift(bins=self.bins, step=step, window=self.window, contrast_threshold=self.contrast_threshold)
            kind = _sift(sift)
        return json.dumps(_settings(self.features, kind, self.color, self.max_side, self._augment()))

    def _augment(self) -> str | None:
        """What stands beside each descriptor: where it is, too, if the encoder asks for that."""
        placed = any(getattr(self.encoder, name, None) is not None for name in ("spatial", "pyramid"))
        return "xy" if placed and self.augment is None else self.augment

    def _set_encoder(self, encoder: SetEncoder, settings: str) -> None:
        encoder._pipeline = encoder._pipeline.with_images(settings)
        self.encoder_ = encoder


def _settings(kind: str, features: dict[str, Any], color: str, max_side: int, augment: str | None) -> dict[str, Any]:
    """The settings of images, as a model file holds them."""
    return {
        "features": {"kind": kind} | features,
        "color": check.text("color", color),
        "max_side": check.integer("max_side", max_side, 0),
        "augment": check.optional(check.text, "augment", augment) or "none",
    }


def _sift(sift: DenseSift) -> dict[str, Any]:
    def finite(name: str) -> float:
        value = check.real(name, getattr(sift, name))
        if not np.isfinite(value):
            raise ValueError(f"{name}: expected a finite number, got {value}")
        return value

    def integers(name: str, values: Any) -> list[int]:
        if isinstance(values, str) or not isinstance(values, Iterable):
            raise TypeError(f"{name}: expected integers, got {values!r}")
        return [check.integer(name, value, 0) for value in values]

    bounds = None if sift.bounds is None else integers("bounds", sift.bounds)
    return {
        "bins": integers("bins", sift.bins),
        "step": check.integer("step", sift.step),
        "window": check.text("window", sift.window),
        "window_size": finite("window_size"),
        "magnification": finite("magnification"),
        "bounds": bounds,
        "contrast_threshold": finite("contrast_threshold"),
    }


def settings_params(settings: dict[str, Any]) -> dict[str, Any]:
    """The parameters of an `ImageEncoder` of the settings in a model file."""
    kind = dict(settings["features"])
    params = {key: settings[key] for key in ("color", "max_side")}
    params["augment"] = None if settings["augment"] == "none" else settings["augment"]
    params["features"] = kind.pop("kind")
    for key, value in kind.items():
        name = "patch_size" if key == "size" else key
        if name in ImageEncoder._get_param_names():
            params[name] = tuple(value) if name == "bins" else value
    return params

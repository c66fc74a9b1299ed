"""The whole pipeline from images to vectors as an estimator."""

import itertools
import json
import os
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.utils.validation import check_is_fitted

from . import _checks as check
from . import _files, _settings
from ._base import OwnInput
from ._batch import Batch
from ._contributions import Shares
from ._dense_sift import DenseSift
from ._deprecation import DEPRECATED, was_called
from ._docs import documented
from ._encoder import SetEncoder
from ._fisher import FisherVector
from ._fishervec import Gathered, encode_images, features, image_contributions, sample_features, squares
from ._groups import Membership
from ._image_input import as_images, in_parts, parts
from ._outputs import collected, written
from ._report import Report, reported
from ._threads import n_threads
from ._types import Floats, Image

#: The descriptors of so many images of an iterator are in memory during a fit: some tens of MB each.
FEW = 8


@documented
class ImageEncoder(OwnInput):
    """Encodes images as one vector each: local features, their preprocessing and the encoder in one estimator.

    The defaults are those for photographs: dense SIFT at four sizes, RootSIFT, PCA to 64 columns, a Fisher vector of
    64 components, power and L2 norm. A model file is that of the command, ``fishervec fit photos/``.

    Parameters
    ----------
    encoder : FisherVector, Vlad, BagOfWords, Pooling or None, default=None
        The encoder of the descriptors: a template, a copy of which is fitted. None means
        ``FisherVector(rows="rootsift", pca=64)``, or ``FisherVector()`` for patches.
    features : {"dsift", "patches"}, default="dsift"
        Local features: dense SIFT, or the pixels of squares, for small images.
    bins : sequence of int, default=(4, 6, 8, 12)
        Sides of a bin of dense SIFT in pixels, one per size of descriptor.
    step : int or None, default=None
        Number of pixels from one descriptor to the next; None means 4 for dense SIFT and 1 for patches.
    window : {"flat", "gaussian"}, default="flat"
        How gradients of dense SIFT are weighted.
    contrast_threshold : float, default=0.0
        Dense SIFT of patches with less contrast becomes zero.
    patch_size : int, default=4
        Side of a patch in pixels.
    color : {"grey", "rgb"}, default="grey"
        Channels that features are computed from.
    max_side : int, default=640
        Maximum length of the longer side of an image; larger images are scaled down first. 0 means no limit.
    augment : {"xy"} or None, default=None
        Position columns that are appended to each descriptor: (x/W - 1/2, y/H - 1/2) of its centre. None means "xy"
        if the encoder has `spatial` or `pyramid`.
    {n_jobs}

    Attributes
    ----------
    encoder_ : FisherVector, Vlad, BagOfWords or Pooling
        The fitted encoder of the descriptors.
    n_features_out_ : int
        P, the length of a vector.

    See Also
    --------
    DenseSift : The descriptors alone.
    FisherVector : The encoder.

    Notes
    -----
    {images}

    The vector of an image that is too small for a descriptor is zero. Memory is that of the images that are worked
    on, one per thread.

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
    #: In scikit-learn `groups` are those of a splitter, unless set_transform_request(groups=True) is called.
    __metadata_request__transform: ClassVar[dict[str, bool]] = {"groups": False}

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

    @was_called("images")
    def fit(self, X: Iterable[Image], y: Any = None) -> Self:
        """Fit the encoder to a sample of the descriptors of all images.

        Parameters
        ----------
        {images_parameter}
        {y}

        Returns
        -------
        self : ImageEncoder
            The fitted estimator.

        Raises
        ------
        {image_errors}
            Also for too few descriptors.

        Warns
        -----
        {fit_warnings}
        """
        self._fit(as_images(X) if isinstance(X, Iterator) else list(as_images(X)))
        return self

    def transform(self, X: Iterable[Image], *, groups: Any = None, out: Floats | None = None) -> Floats:
        """Encode each image, or each group of images as one set.

        Parameters
        ----------
        {images_parameter}
        {groups}
        out : ndarray of shape (n_images, `n_features_out_`) or None, default=None
            An array, or a memory map, that takes the vectors and is returned.

        Returns
        -------
        vectors : ndarray of shape (n_images, `n_features_out_`)
            One row per image, float32.

        Raises
        ------
        {not_fitted}
        {image_errors}
        """
        check_is_fitted(self)
        if groups is not None:
            return self._encode_groups(Membership(groups, X), as_images(X), out)
        pipeline, threads = self.encoder_._pipeline, n_threads(self.n_jobs)
        vectors = (encode_images(part, pipeline, threads, first) for first, part in parts(X))
        if out is not None:
            return written(vectors, (None, len(pipeline)), out)
        return collected(vectors, None, lambda: np.empty((0, len(pipeline)), np.float32))

    def fit_transform(self, X: Iterable[Image], y: Any = None, *, groups: Any = None) -> Floats:
        """Fit to all images and encode them, or each group of them; an iterator is read once.

        Parameters
        ----------
        {images_parameter}
        {y}
        {groups}

        Returns
        -------
        vectors : ndarray of shape (n_images, `n_features_out_`)
            As from `transform`.

        Raises
        ------
        {image_errors}
            Also for too few descriptors.

        Warns
        -----
        {fit_warnings}
        """
        members = None if groups is None else Membership(groups, X)
        converted = list(as_images(X))
        self._fit(converted)
        if members is not None:
            return self._encode_groups(members, iter(converted))
        return encode_images(converted, self.encoder_._pipeline, n_threads(self.n_jobs))

    def contributions(
        self, X: Iterable[Image], coef: Any, *, groups: Any = None, by: str | None = None, smooth: bool = False
    ) -> list[NDArray[np.float64]]:
        """Compute the share of each descriptor in a score of its image, such as the similarity to another image.

        The shares of an image, or of all images of a group, sum to ``vector @ coef``, the score without its intercept.
        They are in the order of `positions`, which says where each descriptor lies.

        Parameters
        ----------
        {images_parameter}
        coef : array-like of shape (`n_features_out_`,) or (n_classes, `n_features_out_`), or fitted linear model
            The coefficients of one score or of several; or what has them as `coef_`, as for
            `FisherVector.contributions`.
        {groups_of_shares}
        by : {"component", "block", "dimension"} or None, default=None
            What each share is divided by, as for `FisherVector.contributions`.
        smooth : bool, default=False
            Whether each share is spread over the square of its descriptor, and what lies in an image divided among the
            squares there. The sums stay, and noise of shares that cancel goes: what a map shows.

        Returns
        -------
        contributions : list of ndarray of shape (n_i,), or (n_i, n_classes)
            One array per image, one number per descriptor; (n_i,) for one score. `by` adds a last axis.

        Raises
        ------
        {not_fitted}
        {image_errors}
            Also for coefficients of another number of features.
        """
        check_is_fitted(self)
        asked, threads = Shares(coef, self, by), n_threads(self.n_jobs)
        check.boolean("smooth", smooth)
        pipeline = self.encoder_._pipeline
        images = as_images(X)
        if groups is not None:
            members = Membership(groups, X)
            images = iter(converted := list(images))
            gathered = self._gathered(members, converted)
            asked.place(members.of_each_set(), gathered)

        def shares(first: int, part: list[Any]) -> list[NDArray[np.float64]]:
            compute = partial(image_contributions, part, pipeline)
            return asked.of(len(part), lambda coef, by, places: compute(coef, by, threads, first, places, smooth))

        return [x for first, part in in_parts(images) for x in shares(first, part)]

    def report(self, X: Iterable[Image], y: Any = None) -> Report:
        """Report what one should know of this model and of images, as `FisherVector.report` does of sets.

        Parameters
        ----------
        {images_parameter}
        y : array-like of shape (n_images,) or None, default=None
            The label of each image; None or NaN for an image without. None means that no image has one.

        Returns
        -------
        report : Report
            With `numbers`, a dict, and ``save(path)``, which writes the page. A notebook shows it.

        Raises
        ------
        {not_fitted}
        {image_errors}
            Also for labels that are not one per image, or not of one kind.
        """
        check_is_fitted(self)
        settings, threads = str(self.encoder_._pipeline.images), n_threads(self.n_jobs)
        each = (features(part, settings, threads, first) for first, part in in_parts(as_images(X), FEW))
        return reported(self.encoder_, type(self).__name__, itertools.chain.from_iterable(each), y)

    def positions(self, X: Iterable[Image]) -> list[NDArray[np.float32]]:
        """Return where the descriptors of each image lie.

        Parameters
        ----------
        {images_parameter}

        Returns
        -------
        positions : list of ndarray of shape (n_i, 3)
            One array per image: column and row of the centre of each descriptor's square, and its side, in pixels of
            the image as it is described. That is upright and reduced to `max_side`; (0, 0) is the centre of its first
            pixel.

        Raises
        ------
        {not_fitted}
        {image_errors}
        """
        check_is_fitted(self)
        settings, threads = str(self.encoder_._pipeline.images), n_threads(self.n_jobs)
        return [x for first, part in parts(X) for x in squares(part, settings, threads, first)]

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the fitted estimator to a file, whole or not at all.

        `fishervec.load` and the command line read the file.

        Parameters
        ----------
        {path}

        Raises
        ------
        {save_errors}
        """
        check_is_fitted(self)
        _files.save(self, self.encoder_._pipeline, path, encoder=self.encoder_)

    def get_feature_names_out(self, input_features: Any = None) -> NDArray[np.object_]:
        """Return the names of the entries of a vector.

        Parameters
        ----------
        input_features : None
            Ignored.

        Returns
        -------
        names : ndarray of str objects of shape (`n_features_out_`,)
            Those of the encoder.

        Raises
        ------
        {not_fitted}
        """
        check_is_fitted(self)
        return self.encoder_.get_feature_names_out()

    @property
    def n_features_out_(self) -> int:
        """P, the length of a vector."""
        check_is_fitted(self)
        return self.encoder_.n_features_out_

    @property
    def _n_features_out(self) -> int:
        return self.n_features_out_

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "encoder_")

    def _encode_groups(self, members: Membership, images: Iterator[Any], out: Floats | None = None) -> Floats:
        """The vectors of groups of images; of groups that are open, what was gathered is kept."""
        pipeline, threads = self.encoder_._pipeline, n_threads(self.n_jobs)
        done = (members.encoded(pipeline, batch, threads) for batch in self._batches(images))
        vectors = members.in_rows(done, len(pipeline), out)
        return vectors if out is not None else members.framed(vectors, self)

    def _gathered(self, members: Membership, images: list[Any]) -> dict[int, Gathered]:
        """What was gathered of each group of images."""
        pipeline, threads = self.encoder_._pipeline, n_threads(self.n_jobs)
        members.check(len(images))
        found: dict[int, Gathered] = {}
        for batch in self._batches(iter(images)):
            found.update(zip(*members.gathered(pipeline, batch, threads), strict=True))
        return found

    def _batches(self, images: Iterator[Any]) -> Iterator[Batch]:
        """The descriptors of a few images at a time."""
        settings, threads = str(self.encoder_._pipeline.images), n_threads(self.n_jobs)
        return (Batch(list(features(part, settings, threads, first))) for first, part in in_parts(images, FEW))

    def _planned(self) -> tuple[Any, _settings.Plan]:
        """The encoder that is to be fitted, and its plan."""
        encoder = self._template()
        seed = check.seed_of(encoder.random_state)
        # A former name of a parameter is set back, since its value stands under the present one.
        former = {old: DEPRECATED for old, new in encoder._deprecated.items() if new == "position_columns"}
        encoder.set_params(position_columns=0 if self._augment() is None else 2, random_state=seed, **former)
        return encoder, encoder._plan()

    def _fit(self, images: list[Any] | Iterator[Any]) -> None:
        settings = self._settings()
        encoder, plan = self._planned()
        seed, threads = plan.settings["seed"], n_threads(self.n_jobs)
        if _settings.is_empirical(plan) or encoder.get_params(deep=False).get("polish"):
            # An empirical information is estimated from whole sets, and passes are over all descriptors.
            encoder.fit(features(list(images), settings, threads))
        elif isinstance(images, Iterator):
            each = (features(part, settings, threads, first) for first, part in in_parts(images, FEW))
            encoder.set_params(sample=plan.settings["sample"]).fit(itertools.chain.from_iterable(each))
        else:
            sample = sample_features(images, settings, plan.settings["sample"], seed, threads)
            encoder.set_params(sample=plan.settings["sample"]).fit([sample])
        self._set_encoder(encoder, settings)

    def _template(self) -> Any:
        """A copy of the encoder that is to be fitted."""
        if self.encoder is None:
            return FisherVector(rows="rootsift", pca=64) if self.features == "dsift" else FisherVector()
        if not isinstance(self.encoder, SetEncoder):
            raise TypeError(f"encoder must be an encoder of sets, such as FisherVector, got {self.encoder!r}")
        return clone(self.encoder)

    def _settings(self) -> str:
        if check.text("features", self.features) == "patches":
            kind = _settings.patches(self.patch_size, 1 if self.step is None else self.step)
        else:
            step = 4 if self.step is None else self.step
            sift = DenseSift(bins=self.bins, step=step, window=self.window, contrast_threshold=self.contrast_threshold)
            kind = _settings.dense_sift(sift) | {"kind": self.features}
        return json.dumps(_settings.images(kind, self.color, self.max_side, self._augment()))

    def _augment(self) -> str | None:
        """What is appended to each descriptor: its position, too, if the encoder uses that."""
        located = any(getattr(self.encoder, name, None) is not None for name in ("spatial", "pyramid"))
        return "xy" if located and self.augment is None else self.augment

    def _set_encoder(self, encoder: SetEncoder, settings: str) -> None:
        encoder._pipeline = encoder._pipeline.with_images(settings)
        self.encoder_ = encoder

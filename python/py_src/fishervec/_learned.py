"""What a fitted estimator has learned of descriptors, whatever holds it: mixture, encoder, pipeline, search."""

import json
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.pipeline import Pipeline as Steps
from sklearn.utils.validation import check_is_fitted

from ._base import SetTransformer
from ._fishervec import Pipeline
from ._images import ImageEncoder
from ._mixture_base import FittedMixture
from ._pca import of_pipeline

#: What `encoder` may be.
FORMS = (
    "a fitted mixture, or a fitted encoder (FisherVector, Vlad, BagOfWords, H2T, ImageEncoder), or a pipeline of one"
)


@dataclass(frozen=True)
class Learned:
    """The components of a mixture, or the centres of a codebook, and how the fit went."""

    #: Shape (K, D), before any projection and without columns of positions.
    means: NDArray[np.float64]
    #: Shape (K,); None for centres, which have none.
    weights: NDArray[np.float64] | None
    #: The mean log-likelihood after each iteration; None if the fit is not known.
    lower_bounds: NDArray[np.float64] | None
    converged: bool

    @classmethod
    def of(cls, encoder: Any) -> Self:
        """That of an estimator, or of what it holds."""
        if isinstance(encoder, Steps):
            # A projection of descriptors stands before the encoder, and a classifier after it.
            ours = (SetTransformer, FittedMixture, ImageEncoder)
            held = [step for _, step in encoder.steps if isinstance(step, ours)]
            return cls.of(held[-1] if held else encoder.steps[0][1])
        if hasattr(encoder, "best_estimator_"):
            return cls.of(encoder.best_estimator_)
        if isinstance(encoder, ImageEncoder):
            check_is_fitted(encoder)
            return cls.of(encoder.encoder_)
        if hasattr(encoder, "fit") and not isinstance(encoder, type):
            check_is_fitted(encoder)
        if all(hasattr(encoder, name) for name in ("weights_", "means_")):
            return cls._of_mixture(encoder)
        pipeline = getattr(encoder, "_pipeline", None)
        if not isinstance(pipeline, Pipeline):
            got = f"the class {encoder.__name__}" if isinstance(encoder, type) else type(encoder).__name__
            raise TypeError(f"encoder must be {FORMS}, got {got}")
        if pipeline.mixture is None and pipeline.centres is None:
            raise TypeError(f"encoder must be {FORMS}, got {type(encoder).__name__}, which has no components")
        return cls._of_pipeline(pipeline)

    @classmethod
    def _of_mixture(cls, mixture: Any) -> Self:
        bounds = getattr(mixture, "lower_bounds_", None)
        return cls(
            np.asarray(mixture.means_, dtype=np.float64),
            np.asarray(mixture.weights_, dtype=np.float64),
            None if bounds is None else np.asarray(bounds, dtype=np.float64),
            bool(getattr(mixture, "converged_", False)),
        )

    @classmethod
    def _of_pipeline(cls, pipeline: Pipeline) -> Self:
        mixture, report = pipeline.mixture, json.loads(pipeline.report or "{}")
        means = pipeline.centres if mixture is None else mixture.means
        assert means is not None
        pca = of_pipeline(pipeline)
        means = means[:, : pipeline.dim - pipeline.position_columns if pca is None else pca.n_components_]
        if pca is not None:
            scale = np.sqrt(pca.explained_variance_) if pca.whiten else 1.0
            means = (means * scale) @ pca.components_ + pca.mean_
        bounds = report.get("lower_bounds") if mixture is not None else None
        return cls(
            means,
            None if mixture is None else mixture.weights,
            None if bounds is None else np.array(bounds, dtype=np.float64),
            bool(report.get("converged", False)),
        )

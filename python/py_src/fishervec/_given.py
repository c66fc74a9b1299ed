"""Mixtures that are given as parameters: fitted ones that are used as they are, and templates of one to be fitted."""

from typing import Any

from sklearn.base import BaseEstimator
from sklearn.frozen import FrozenEstimator
from sklearn.mixture import GaussianMixture as SklearnMixture
from sklearn.utils.validation import check_is_fitted

from . import _fishervec
from ._mixture import GaussianMixture
from ._mixture_base import compiled
from ._settings import OWN_MIXTURE


def mixture(given: Any, n_components: int, name: str = "mixture") -> _fishervec.GaussianMixture | GaussianMixture:
    """The compiled mixture that a parameter gives, or a template; errors call the parameter `name`."""
    given = _unfrozen(given)
    if given is not None and (hasattr(given, "weights_") or not isinstance(given, BaseEstimator)):
        return compiled(given, name)
    return template(given, n_components, name)


def template(given: Any, n_components: int, name: str = "mixture") -> GaussianMixture:
    """A mixture, not fitted, with the parameters of the one that is given or to be fitted."""
    given = _unfrozen(given)
    if given is None:
        return GaussianMixture(n_components, **OWN_MIXTURE)
    if isinstance(given, GaussianMixture | SklearnMixture):
        names = GaussianMixture().get_params().keys() & given.get_params().keys()
        return GaussianMixture(**{name: getattr(given, name) for name in names})
    if isinstance(given, BaseEstimator) and not hasattr(given, "weights_"):
        raise TypeError(f"{name} must be a GaussianMixture, got {type(given).__name__}")
    return GaussianMixture()


def location(spatial: Any) -> Any:
    """The compiled mixture that a `spatial` parameter gives, or the parameter itself."""
    spatial = _unfrozen(spatial)
    is_mixture = isinstance(spatial, GaussianMixture) or hasattr(spatial, "means_")
    return compiled(spatial, "spatial") if is_mixture else spatial


def location_of(pipeline: _fishervec.Pipeline) -> GaussianMixture | None:
    """The location model of a pipeline as an estimator."""
    if pipeline.location is None:
        return None
    model = GaussianMixture(len(pipeline.location.weights))
    model._set_mixture(pipeline.location, None)
    return model


def location_names(model: GaussianMixture | None, n_components: int, columns: list[str]) -> list[str]:
    """The names of the entries of a location model, for each component, over the last columns."""
    if model is None:
        return []
    c, width = model.means_.shape
    pairs = [f"{k}_{i}" for k in range(n_components) for i in range(c)]
    shares = [f"place_weight_{pair}" for pair in pairs] if c > 1 else []
    blocks = [
        [f"place_{block}_{pair}_{name}" for pair in pairs for name in columns[-width:]]
        for block in ("mean", "variance")
    ]
    return shares + blocks[0] + blocks[1]


def _unfrozen(estimator: Any) -> Any:
    """The fitted estimator in a FrozenEstimator; all else as it is."""
    if not isinstance(estimator, FrozenEstimator):
        return estimator
    check_is_fitted(estimator.estimator)
    return estimator.estimator

"""Where descriptors are: what encoders make of the carried columns."""

from typing import Any

from sklearn.frozen import FrozenEstimator

from . import _checks as check
from ._fishervec import Pipeline
from ._mixture import GaussianMixture, compiled


def place_plan(spatial: Any, pyramid: str | None) -> dict[str, Any]:
    """The part of a plan that says what the carried columns are for."""
    if isinstance(spatial, FrozenEstimator):
        spatial = spatial.estimator
    if isinstance(spatial, GaussianMixture):
        spatial = spatial._compiled()
    elif hasattr(spatial, "means_"):
        spatial = compiled(spatial, "spatial")
    else:
        spatial = check.optional(check.integer, "spatial", spatial)
    return {"spatial": spatial, "pyramid": check.optional(check.text, "pyramid", pyramid)}


def location_of(pipeline: Pipeline) -> GaussianMixture | None:
    """The location model of a pipeline as an estimator."""
    if pipeline.location is None:
        return None
    location = GaussianMixture(len(pipeline.location.weights))
    location._set_mixture(pipeline.location, None)
    location.n_features_in_ = pipeline.location.means.shape[1]
    return location


def place_names(location: GaussianMixture | None, n_components: int, columns: list[str]) -> list[str]:
    """The names of the entries for a location model: one for each of the components, over the last columns."""
    if location is None:
        return []
    c, width = location.means_.shape
    pairs = [f"{k}_{i}" for k in range(n_components) for i in range(c)]
    shares = [f"place_weight_{pair}" for pair in pairs] if c > 1 else []
    blocks = [
        [f"place_{block}_{pair}_{name}" for pair in pairs for name in columns[-width:]]
        for block in ("mean", "variance")
    ]
    return shares + blocks[0] + blocks[1]

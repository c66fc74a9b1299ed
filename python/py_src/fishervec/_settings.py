"""The settings that estimators pass to the compiled module; no other module makes any.

A `Plan` is the library's settings of a pipeline (PipelineParams; JSON on its way), and beside them the parts that are
there already: a mixture, centres, a projection, a location model. Settings of images are at the end.
"""

import json
import math
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.exceptions import NotFittedError

from . import _checks as check
from ._batch import Batch
from ._deprecation import current
from ._fishervec import GaussianMixture, Pipeline
from ._reports import Callback
from ._types import Array

Settings: TypeAlias = dict[str, Any]

#: Descriptors drawn per component or centre, and for a projection alone: the command's numbers.
PER_COMPONENT = 1000
SAMPLE = 64_000
#: A sample size that no data reach: all rows.
ALL_ROWS = 2**62
#: The defaults of an encoder's own mixture, those of the command, that `GaussianMixture` does not share.
OWN_MIXTURE: dict[str, Any] = {"reg_covar": 0.0, "variance_floor": 1e-3}
#: The parameters that give a mixture its start.
START = ("weights_init", "means_init", "precisions_init")
#: The parts of a pipeline that may be given.
PARTS = ("steps", "mixture", "start", "centres", "spatial")


class Plan(NamedTuple):
    """A pipeline to be fitted: its settings, and the parts that are there already."""

    settings: Settings
    given: dict[str, Any]

    @property
    def encoder(self) -> Settings:
        """The settings of the encoder."""
        encoder: Settings = self.settings["encoder"]
        return encoder

    def encode_by(self, **encoder: Any) -> "Plan":
        """The same plan with these settings of the encoder."""
        return Plan(self.settings | {"encoder": self.encoder | encoder}, self.given)

    def with_part(self, **parts: Any) -> "Plan":
        """The same plan with these parts, which are not fitted."""
        return Plan(self.settings, self.given | parts)

    def with_position_columns(self, n: int) -> "Plan":
        """The same plan for descriptors of which the last n columns are positions."""
        return Plan(self.settings | {"position_columns": n}, self.given)

    def laid_out(self, pyramid: str | None, spatial: Any = None) -> "Plan":
        """The same plan with a use of the position columns; `spatial` may be a compiled mixture."""
        layout: Settings = {"pyramid": check.optional(check.text, "pyramid", pyramid), "spatial": None}
        if isinstance(spatial, GaussianMixture):
            return Plan(self.settings | {"layout": layout}, self.given | {"spatial": spatial})
        if spatial is not None:
            n_components = check.integer("spatial", spatial)
            layout["spatial"] = {"n_components": n_components, "seed": self.settings["seed"]}
        return Plan(self.settings | {"layout": layout}, self.given)


class Projection(NamedTuple):
    """The `pca` of an estimator: the pipeline of a fitted one, or the number of components of one to be fitted."""

    fitted: Pipeline | None
    n_components: int | None


def preprocessing(estimator: Any, projection: Projection, default_sample: int) -> Plan:
    """Position columns, row normalisation, projection, and the sample that all is fitted to; it ends in pooling."""
    whiten = check.boolean("whiten", estimator.whiten)
    if whiten and projection.n_components is None:
        raise ValueError("whiten must be False unless pca is a number of components, got True")
    sample = check.optional(check.integer, "sample", estimator.sample)
    pca = None
    if projection.n_components is not None:
        pca = {"n_components": projection.n_components, "whiten": whiten}
    settings: Settings = {
        "position_columns": position_columns(estimator),
        "rows": check.optional(check.text, "rows", estimator.rows) or "none",
        "pca": pca,
        "encoder": {"kind": "pooling"},
        "layout": {},
        "sample": default_sample if sample is None else sample,
        "seed": check.seed_of(estimator.random_state),
    }
    return Plan(settings, dict.fromkeys(PARTS) | {"steps": projection.fitted})


def position_columns(estimator: Any) -> int:
    """The number of trailing columns that bypass preprocessing."""
    params = current(type(estimator), estimator.get_params(deep=False))
    return check.integer("position_columns", params.get("position_columns", 0), 0)


def normalization(power: float | None, norm: str | None) -> Settings:
    """Power and norm of a vector; None means neither."""
    return {
        "power": 1.0 if power is None else check.real("power", power),
        "norm": "none" if norm is None else check.text("norm", norm),
    }


# ---- encoders --------------------------------------------------------------------------------------------


def fisher(estimator: Any, mixture: Any, plan: Plan) -> Plan:
    """The plan of a Fisher vector; `mixture` is compiled, or a template of one to be fitted."""
    threshold = check.optional(check.real, "threshold", estimator.threshold)
    plan = plan.encode_by(
        kind="fisher",
        convention=check.text("convention", estimator.convention),
        gradients=check.optional(check.text, "gradients", estimator.gradients),
        information=check.optional(check.text, "information", estimator.information),
        threshold=threshold,
        **normalization(estimator.power, estimator.norm),
    )
    if isinstance(mixture, GaussianMixture):
        return plan.with_part(mixture=mixture)
    settings, start = mixture_part(mixture, threshold, plan.settings["seed"])
    return plan.encode_by(mixture=settings).with_part(start=start)


def plain_fisher(mixture: GaussianMixture) -> Plan:
    """The plan of the Fisher vectors of a mixture with all defaults."""
    return Plan({"encoder": {"kind": "fisher"}}, dict.fromkeys(PARTS) | {"mixture": mixture})


def bare_fisher(mixture: GaussianMixture, convention: str) -> Plan:
    """The plan of the Fisher vectors of another library: all posteriors count, without power and norm."""
    encoder = {"kind": "fisher", "convention": convention, "threshold": 0.0, **normalization(None, None)}
    return Plan({"encoder": encoder}, dict.fromkeys(PARTS) | {"mixture": mixture})


def codebook(estimator: Any, kind: str, mixture: Any, plan: Plan, **choices: Any) -> Plan:
    """The plan of an encoder by a codebook: of centres where `mixture` is None, or else of a mixture."""
    plan = plan.encode_by(kind=kind, **choices, **normalization(estimator.power, estimator.norm))
    if isinstance(mixture, GaussianMixture):
        return plan.with_part(mixture=mixture)
    if mixture is not None:
        threshold = plan.encoder["threshold"]
        settings, start = mixture_part(mixture, threshold, plan.settings["seed"])
        return plan.encode_by(codebook={"mixture": settings}).with_part(start=start)
    if estimator.codebook is not None:
        return plan.with_part(centres=centres(estimator.codebook))
    kmeans = {
        "n_clusters": check.integer("n_clusters", estimator.n_clusters),
        "max_iter": check.integer("max_iter", estimator.max_iter),
        "tol": check.real("tol", estimator.tol),
        "seed": plan.settings["seed"],
    }
    return plan.encode_by(codebook={"kmeans": kmeans})


def threshold(estimator: Any) -> Settings:
    """The posterior threshold of an encoder whose codebook may be soft."""
    return {"threshold": check.optional(check.real, "threshold", estimator.threshold)}


def vlad(estimator: Any) -> Settings:
    """The choices that only a VLAD has."""
    return {name: check.boolean(name, getattr(estimator, name)) for name in ("mass", "residual")}


def bag_of_words(estimator: Any) -> Settings:
    """The choices that only a bag of words has."""
    return {"information": check.optional(check.text, "information", estimator.information)}


def centres(codebook: Any) -> Array:
    """The centres that are given: an array, or those of a fitted k-means."""
    given = getattr(codebook, "cluster_centers_", codebook)
    if isinstance(given, BaseEstimator):
        name = type(given).__name__
        raise NotFittedError(f"codebook must be fitted centres, got {name}; `clone` keeps a fit in a FrozenEstimator")
    array: Array = np.asarray(given, dtype=np.float64)
    if array.ndim != 2:
        raise ValueError(f"codebook must be an array of shape (K, D), got shape {array.shape}")
    return array


# ---- mixtures --------------------------------------------------------------------------------------------


def mixture(template: Any, seed: int | None) -> Settings:
    """The settings of a mixture's fit, from a `GaussianMixture` estimator."""
    if template.covariance_type != "diag":
        raise ValueError(f"covariance_type must be 'diag', got {template.covariance_type!r}")
    return {
        "n_components": check.integer("n_components", template.n_components),
        "tol": check.real("tol", template.tol),
        "max_iter": check.integer("max_iter", template.max_iter, 0),
        "variance_floor": check.real("variance_floor", template.variance_floor),
        "reg_covar": check.real("reg_covar", template.reg_covar),
        "init_params": check.text("init_params", template.init_params),
        "n_init": check.integer("n_init", template.n_init),
        "seed": seed,
    }


def mixture_part(template: Any, threshold: float | None, seed: int) -> tuple[Settings, GaussianMixture | None]:
    """The settings of an encoder's mixture, and its start if the template gives one; `seed` is for one without."""
    own = seed if template.random_state is None else check.seed_of(template.random_state)
    settings = mixture(template, own) | {"threshold": threshold}
    given = [name for name in START if getattr(template, name) is not None]
    if given and len(given) < len(START):
        raise ValueError(f"a mixture to be fitted must have all of {', '.join(START)} or none, got {', '.join(given)}")
    if not given:
        return settings, None
    n_columns = np.atleast_2d(np.asarray(template.means_init)).shape[1]
    return settings, start(template, (settings["n_components"], n_columns))


def start(template: Any, shape: tuple[int, int], found: GaussianMixture | None = None) -> GaussianMixture:
    """The start that a template gives, of this shape (K, D); what it does not give is that of `found`."""
    defaults = (None, None, None) if found is None else (found.weights, found.means, 1.0 / found.covariances)
    weights = _shaped("weights_init", template.weights_init, shape[:1], defaults[0])
    means = _shaped("means_init", template.means_init, shape, defaults[1])
    precisions = _shaped("precisions_init", template.precisions_init, shape, defaults[2])
    if not (precisions > 0).all():
        raise ValueError("precisions_init must be numbers above 0")
    return GaussianMixture(weights, means, 1.0 / precisions)


def _shaped(name: str, value: Any, shape: tuple[int, ...], default: Any) -> Array:
    array = np.ascontiguousarray(default if value is None else value, dtype=np.float64)
    if array.shape != shape:
        raise ValueError(f"{name} must have shape {shape}, got {array.shape}")
    return array


# ---- from a plan to a pipeline, and back -----------------------------------------------------------------


def as_json(settings: Settings) -> str:
    """The settings as JSON, which has no infinity."""
    for name, value in _numbers(settings):
        if not math.isfinite(value):
            raise ValueError(f"{name} must be a finite number, got {value}")
    return json.dumps(settings)


def _numbers(settings: Settings) -> Iterable[tuple[str, float]]:
    for name, value in settings.items():
        if isinstance(value, dict):
            yield from _numbers(value)
        elif isinstance(value, float):
            yield name, value


def fit(plan: Plan, batch: Batch, n_threads: int, callback: Callback | None) -> Pipeline:
    """The pipeline of a plan, fitted to the descriptors of a batch; without an empirical information."""
    return Pipeline.fit(batch, as_json(plan.settings), plan.given, n_threads, callback)


def assemble(plan: Plan) -> Pipeline:
    """The pipeline of a plan whose parts are all given; without an empirical information."""
    return Pipeline.assemble(as_json(plan.settings), plan.given, _n_columns(plan))


def is_empirical(plan: Plan) -> bool:
    """Whether the information is to be estimated from training sets."""
    return str(plan.encoder.get("information")).startswith("empirical")


def check_no_information(pipeline: Pipeline) -> None:
    """Raise an error if a round would lose the information of a pipeline, which belongs to its mixture."""
    if str(of_encoder(pipeline).get("information")).startswith("empirical"):
        raise ValueError(
            "information must not be empirical, since it belongs to the mixture that a round replaces: fit with "
            "another information, or let the command learn it after its passes (fishervec fit --polish)"
        )


def n_components(plan: Plan) -> int:
    """The number of components of the mixture that is to be fitted."""
    settings = plan.encoder.get("codebook", plan.encoder)["mixture"]
    return int(settings["n_components"])


def rounds(plan: Plan, passes: int) -> str | None:
    """The settings, as JSON, of passes over all descriptors after the fit to a sample; None if there are none."""
    if not passes:
        return None
    encoder = plan.encoder.get("codebook", plan.encoder)
    settings, kmeans = encoder.get("mixture"), encoder.get("kmeans")
    if settings is None and kmeans is None:
        raise ValueError(f"polish must be 0 for a mixture or a codebook that is given fitted, got {passes}")
    if settings is None:
        settings = {"n_components": kmeans["n_clusters"], "seed": kmeans["seed"]}
    return as_json(settings | {"max_iter": passes})


def unfitted(plan: Plan) -> list[str]:
    """The parameters of a plan that are to be fitted to descriptors."""
    layout = plan.settings.get("layout", {})
    to_fit = {
        "pca": plan.settings.get("pca"),
        "pyramid": layout.get("pyramid"),
        "mixture": plan.encoder.get("mixture"),
        "codebook": plan.encoder.get("codebook"),
        "spatial": layout.get("spatial"),
    }
    return [name for name, settings in to_fit.items() if settings is not None]


def _n_columns(plan: Plan) -> int:
    """The number of columns of the descriptors that a plan of given parts takes."""
    positions: int = plan.settings.get("position_columns", 0)
    steps, mixture, given = plan.given["steps"], plan.given["mixture"], plan.given["centres"]
    if steps is not None:
        return int(steps.dim - steps.position_columns + positions)
    width = int(given.shape[1] if mixture is None else mixture.means.shape[1])
    # Position columns are columns of the mixture, too, unless they have a model of their own.
    return width + (positions if plan.given["spatial"] is not None else 0)


def of_encoder(pipeline: Pipeline) -> Settings:
    """The settings of a pipeline's encoder, as a model file holds them."""
    settings: Settings = json.loads(pipeline.settings)["encoder"]
    return settings


def params_of_pipeline(pipeline: Pipeline) -> Settings:
    """The parameters of the encoder of a pipeline that no estimator wrote; more than its class has, in part."""
    settings = json.loads(pipeline.settings)
    params: Settings = settings["encoder"]
    params["norm"] = None if params["norm"] == "none" else params["norm"]
    norms = [step["norm"] for step in settings["steps"] if step["kind"] == "rows"]
    params |= {"position_columns": pipeline.position_columns, "rows": next(iter(norms), None)}
    if pipeline.mixture is not None:
        params["n_components"] = len(pipeline.mixture.weights)
    if pipeline.centres is not None:
        params["n_clusters"] = len(pipeline.centres)
    params["pyramid"] = settings.get("pyramid")
    params["spatial"] = None if pipeline.location is None else len(pipeline.location.weights)
    if pipeline.pca is not None:
        params["pca"], params["whiten"] = len(pipeline.pca[1]), pipeline.pca[4]
    return params


# ---- images ----------------------------------------------------------------------------------------------


def images(features: Settings, color: str, max_side: int, augment: str | None) -> Settings:
    """How an image becomes descriptors, as a model file holds it."""
    return {
        "features": features,
        "color": check.text("color", color),
        "max_side": check.integer("max_side", max_side, 0),
        "augment": "none" if augment is None else check.text("augment", augment),
    }


def patches(size: int, step: int) -> Settings:
    """Patches of pixels."""
    return {"kind": "patches", "size": check.integer("patch_size", size), "step": check.integer("step", step)}


def dense_sift(sift: Any) -> Settings:
    """Dense SIFT, from a `DenseSift` estimator."""
    return {
        "kind": "dsift",
        "bins": _integers("bins", sift.bins),
        "step": check.integer("step", sift.step),
        "window": check.text("window", sift.window),
        "window_size": check.finite("window_size", sift.window_size),
        "magnification": check.finite("magnification", sift.magnification),
        "bounds": check.optional(_integers, "bounds", sift.bounds),
        "contrast_threshold": check.finite("contrast_threshold", sift.contrast_threshold),
    }


def _integers(name: str, values: Sequence[int]) -> list[int]:
    if isinstance(values, str) or not isinstance(values, Iterable):
        raise TypeError(f"{name} must be integers, got {values!r}")
    return [check.integer(name, value, 0) for value in values]


def params_of_images(settings: Settings, known: Sequence[str]) -> Settings:
    """The parameters, among the `known` ones, of an estimator with these settings of images."""
    features = dict(settings["features"])
    params = {
        "features": features.pop("kind"),
        "color": settings["color"],
        "max_side": settings["max_side"],
        "augment": None if settings["augment"] == "none" else settings["augment"],
        "patch_size": features.pop("size", None),
        **features,
    }
    if "bins" in params:
        params["bins"] = tuple(params["bins"])
    return {name: value for name, value in params.items() if name in known and (name != "patch_size" or value)}

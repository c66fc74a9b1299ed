"""Estimators in model files: the library's own format, with a note of the constructor's parameters.

The note is the file's key "estimator": {"class": name, "params": {...}}. An estimator among the parameters is such
an object again, with what is fitted of it in the model itself. Nothing in a file is ever executed.
"""

import json
import numbers
import os
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.frozen import FrozenEstimator

from ._base import SetEncoder, SetTransformer
from ._codebook import BagOfWords, Vlad
from ._fisher import FisherVector
from ._fishervec import Pipeline
from ._images import ImageEncoder, settings_params
from ._mixture import GaussianMixture
from ._pca import DescriptorPCA, of_pipeline
from ._pooling import Pooling

ENCODERS = {cls._kind: cls for cls in (FisherVector, Pooling, Vlad, BagOfWords)}
CLASSES = {cls.__name__: cls for cls in (*ENCODERS.values(), DescriptorPCA, GaussianMixture, ImageEncoder)}


def save_pipeline(estimator: SetTransformer, path: str | os.PathLike[str]) -> None:
    """Write a fitted encoder or projection."""
    estimator._pipeline.with_estimator(json.dumps(_note(estimator))).save(path)


def save_mixture(mixture: GaussianMixture, path: str | os.PathLike[str]) -> None:
    """Write a fitted mixture, as the model of its Fisher vectors with all defaults."""
    encoder = FisherVector(mixture=mixture)
    pipeline = Pipeline.assemble(encoder._fisher_plan(), mixture.means_.shape[1])
    pipeline.with_report(mixture._report).with_estimator(json.dumps(_note(mixture))).save(path)


def save_images(estimator: ImageEncoder, path: str | os.PathLike[str]) -> None:
    """Write a fitted encoder of images; the note is its own, with that of the fitted encoder."""
    note = _note(estimator) | {"encoder": _note(estimator.encoder_)}
    estimator.encoder_._pipeline.with_estimator(json.dumps(note)).save(path)


def load(path: str | os.PathLike[str]) -> Any:
    """Read the fitted estimator in a model file, one that `save` or the command line wrote.

    Nothing in a file is ever executed.

    Parameters
    ----------
    path : path-like
        The file.

    Returns
    -------
    estimator : FisherVector, Vlad, BagOfWords, Pooling, DescriptorPCA, GaussianMixture or ImageEncoder
        The estimator that was saved, with its parameters (a RandomState or Generator comes back as None); of a file of
        the command line an ImageEncoder, if it was fitted to photographs, or else the encoder itself.

    Raises
    ------
    OSError
        If the file cannot be read.
    ValueError
        If it is not a model file, or one that is damaged.

    See Also
    --------
    FisherVector.save : What writes such a file.

    Examples
    --------
    >>> import numpy as np, os, tempfile
    >>> import fishervec
    >>> sets = [np.random.default_rng(i).normal(size=(99, 2)) for i in range(3)]
    >>> encoder = fishervec.FisherVector(n_components=2, random_state=0).fit(sets)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     encoder.save(os.path.join(folder, "model.safetensors"))
    ...     again = fishervec.load(os.path.join(folder, "model.safetensors"))
    >>> np.array_equal(again.transform(sets), encoder.transform(sets))
    True
    """
    pipeline = Pipeline.load(path)
    if pipeline.estimator is None:
        encoder = _of_settings(pipeline)
        if pipeline.images is None:
            return encoder
        estimator = ImageEncoder(encoder, **settings_params(json.loads(pipeline.images)))
        estimator._set_encoder(encoder, pipeline.images)
        return estimator
    try:
        note = json.loads(pipeline.estimator)
        fitted = note.pop("encoder", None)
        estimator = _restore(note | {"fitted": True}, pipeline)
        if isinstance(estimator, ImageEncoder):
            encoder = _restore(fitted | {"fitted": True}, pipeline)
            _give(encoder, pipeline)
            estimator._set_encoder(encoder, pipeline.images or "")
            return estimator
        if isinstance(estimator, SetEncoder):
            _give(estimator, pipeline)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ValueError(f"{os.fspath(path)}: not a valid model: estimator: {error}") from error
    return estimator


def _give(encoder: SetEncoder, pipeline: Pipeline) -> None:
    """Make `encoder` one of the pipeline, which must be of its kind."""
    if encoder._kind != pipeline.settings["encoder"]:
        raise ValueError(f"class: {type(encoder).__name__} does not fit the encoder")
    encoder._set_pipeline(pipeline)


def _of_settings(pipeline: Pipeline) -> SetEncoder:
    """The estimator of a pipeline that no estimator wrote."""
    settings = dict(pipeline.settings)
    rows = settings.pop("rows")
    settings["norm"] = None if settings["norm"] == "none" else settings["norm"]
    settings["rows"] = rows[0] if rows else None
    if pipeline.pca is not None:
        settings["pca"], settings["whiten"] = len(pipeline.pca[1]), pipeline.pca[4]
    encoder = ENCODERS[settings.pop("encoder")]
    estimator: SetEncoder = encoder(**{name: settings[name] for name in settings.keys() & encoder._get_param_names()})
    estimator._set_pipeline(pipeline)
    return estimator


def _note(estimator: Any) -> dict[str, Any]:
    frozen = isinstance(estimator, FrozenEstimator)
    if frozen:
        estimator = estimator.estimator
    fitted = hasattr(estimator, "weights_") or (
        isinstance(estimator, SetTransformer) and estimator.__sklearn_is_fitted__()
    )
    # A mixture of scikit-learn's comes back as ours.
    name = "GaussianMixture" if hasattr(estimator, "covariance_type") else type(estimator).__name__
    if name not in CLASSES:
        raise TypeError(f"cannot be saved: {name}")
    known = CLASSES[name]._get_param_names()
    params = {key: _plain(value) for key, value in estimator.get_params(deep=False).items() if key in known}
    return {"class": name, "params": params, "fitted": fitted, "frozen": frozen}


def _plain(value: Any) -> Any:
    """`value` as JSON can hold it."""
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, numbers.Integral):
        return int(value)
    if isinstance(value, numbers.Real):
        return float(value)
    if isinstance(value, BaseEstimator):
        return _note(value)
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, np.random.RandomState | np.random.Generator):
        return None
    return np.asarray(value, dtype=np.float64).tolist()


def _restore(note: dict[str, Any], pipeline: Pipeline, role: str = "mixture") -> Any:
    """An estimator of its note; what is fitted of it is the pipeline's, a mixture that of its role there."""
    cls = CLASSES.get(note["class"])
    if cls is None:
        raise ValueError(f"class: expected one of {', '.join(CLASSES)}, got {note['class']!r}")
    params = {
        key: _restore(value, pipeline, key) if isinstance(value, dict) else value
        for key, value in note["params"].items()
    }
    if "bins" in params:
        params["bins"] = tuple(params["bins"])
    estimator = cls(**params)
    if not note["fitted"]:
        return estimator
    if isinstance(estimator, GaussianMixture):
        mixture = pipeline.location if role == "spatial" else pipeline.mixture
        if mixture is None:
            raise ValueError(f"{role}: expected a mixture, got none")
        estimator._set_mixture(mixture, None if role == "spatial" else pipeline.report)
        estimator.n_features_in_ = estimator.means_.shape[1]
    elif isinstance(estimator, DescriptorPCA):
        projection = of_pipeline(pipeline)
        if projection is None:
            raise ValueError("expected a projection, got none")
        estimator._set_pipeline(projection._pipeline)
    return FrozenEstimator(estimator) if note["frozen"] else estimator

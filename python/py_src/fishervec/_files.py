"""Estimators in model files: the library's own format, with a note of the constructor's parameters.

The note is the file's key "estimator": {"class": name, "params": {...}}, with "columns" if the columns that it was
fitted to have names, or are positions that are given apart. An estimator among the parameters is such an object again;
its fitted part is in the model itself. Nothing in a file is ever executed.
"""

import json
import numbers
import os
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.frozen import FrozenEstimator

from . import _columns, _registry, _settings
from ._deprecation import current
from ._fishervec import Pipeline

# ---- writing ---------------------------------------------------------------------------------------------


def save(estimator: Any, pipeline: Pipeline, path: str | os.PathLike[str], **fitted: Any) -> None:
    """Write the pipeline of a fitted estimator, with its note; `fitted` are estimators whose notes go beside."""
    noted(estimator, pipeline, **fitted).save(path)


def noted(estimator: Any, pipeline: Pipeline, **fitted: Any) -> Pipeline:
    """The pipeline of a fitted estimator, with its note; `fitted` are estimators whose notes go beside."""
    note = _note(estimator) | {name: _note(part) for name, part in fitted.items()}
    return pipeline.with_estimator(json.dumps(note))


def _note(estimator: Any) -> dict[str, Any]:
    """The class and the parameters of an estimator, as JSON can hold them."""
    frozen = isinstance(estimator, FrozenEstimator)
    if frozen:
        estimator = estimator.estimator
    # A mixture of scikit-learn's is read back as one of ours.
    name = "GaussianMixture" if hasattr(estimator, "covariance_type") else type(estimator).__name__
    if name not in _saved():
        raise TypeError(f"a saved estimator must be one of {', '.join(_saved())}, got {name}")
    cls = _registry.public(name)
    params = current(cls, estimator.get_params(deep=False))
    known = params.keys() & set(cls._get_param_names())
    params = {key: _plain(value) for key, value in params.items() if key in known}
    note = {"class": name, "params": params, "fitted": _is_fitted(estimator), "frozen": frozen}
    columns = _columns.noted(estimator)
    return note | {"columns": columns} if columns else note


def _is_fitted(estimator: Any) -> bool:
    if hasattr(estimator, "__sklearn_is_fitted__"):
        return bool(estimator.__sklearn_is_fitted__())
    return hasattr(estimator, "weights_")


def _plain(value: Any) -> Any:
    """`value` as JSON can hold it."""
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, numbers.Integral):
        return int(value)
    if isinstance(value, numbers.Real):
        return float(value)
    if hasattr(value, "cluster_centers_"):
        # A k-means is a codebook by its centres alone.
        return np.asarray(value.cluster_centers_, dtype=np.float64).tolist()
    if isinstance(value, BaseEstimator):
        return _note(value)
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, np.random.RandomState | np.random.Generator):
        return None
    return np.asarray(value, dtype=np.float64).tolist()


# ---- reading ---------------------------------------------------------------------------------------------


def load(path: str | os.PathLike[str]) -> Any:
    """Read the fitted estimator in a model file that `save` or the command line wrote.

    Nothing in a file is ever executed.

    Parameters
    ----------
    path : path-like
        The file.

    Returns
    -------
    estimator : FisherVector, Vlad, BagOfWords, Pooling, DescriptorPCA, GaussianMixture or ImageEncoder
        The estimator that was saved, with its parameters (a RandomState or Generator is read back as None). For a
        file that the command line wrote: an ImageEncoder if it was fitted to images, or else the encoder itself.

    Raises
    ------
    OSError
        If the file cannot be read.
    ValueError
        If it is not a model file, or is corrupt.

    See Also
    --------
    FisherVector.save : Writes such a file.

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
    return of_pipeline(Pipeline.load(path), os.fspath(path))


def model_bytes(data: Any) -> bytes:
    """`data`, which must be the bytes of a model file."""
    if isinstance(data, bytes | bytearray | memoryview):
        return bytes(data)
    cure = "; Path(...).read_bytes() reads them" if isinstance(data, str | os.PathLike) else ""
    cure = "; fishervec.Climb(estimator).model has them" if isinstance(data, BaseEstimator) else cure
    raise TypeError(f"model must be the bytes of a model file, got {type(data).__name__}{cure}")


def has_rounds(data: bytes) -> bool:
    """Whether the bytes of a model file say how far rounds over all descriptors are (docs/model-format.md)."""
    try:
        end = 8 + int.from_bytes(data[:8], "little")
        settings = json.loads(json.loads(data[8:end])["__metadata__"]["fishervec"])
        return "rounds" in settings
    except (KeyError, TypeError, ValueError):
        # Whoever reads the model says what is wrong with it.
        return False


def of_pipeline(pipeline: Pipeline, where: str) -> Any:
    """The fitted estimator of a pipeline with its note, or of one of the command's; errors begin with `where`."""
    if pipeline.estimator is None:
        return _of_command(pipeline)
    try:
        note = json.loads(pipeline.estimator)
        encoder = note.pop("encoder", None)
        estimator = _new(note, pipeline)
        if encoder is None:
            _take(estimator, note, pipeline, "mixture")
        else:
            fitted = _new(encoder, pipeline)
            _take(fitted, encoder, pipeline, "encoder")
            estimator._set_encoder(fitted, pipeline.images or "")
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ValueError(f"{where}: not a valid model: estimator: {error}") from error
    return estimator


def _of_command(pipeline: Pipeline) -> Any:
    """The estimator of a pipeline that no estimator wrote."""
    params = _settings.params_of_pipeline(pipeline)
    kind = params.pop("kind")
    (cls,) = (cls for cls in _registry.estimators("encoder").values() if cls._kind == kind)
    encoder = cls(**{name: params[name] for name in params.keys() & set(cls._get_param_names())})
    encoder._take(pipeline, "encoder")
    if pipeline.images is None:
        return encoder
    image_encoder = _registry.public("ImageEncoder")
    known = image_encoder._get_param_names()
    estimator = image_encoder(encoder, **_settings.params_of_images(json.loads(pipeline.images), known))
    estimator._set_encoder(encoder, pipeline.images)
    return estimator


def _new(note: dict[str, Any], pipeline: Pipeline) -> Any:
    """The estimator of a note, with its parameters, not fitted."""
    name = note["class"]
    if name not in _saved():
        raise ValueError(f"class must be one of {', '.join(_saved())}, got {name!r}")
    cls = _registry.public(name)
    params = {
        key: _nested(value, pipeline, key) if isinstance(value, dict) else value
        for key, value in current(cls, note["params"]).items()
    }
    if "bins" in params:
        params["bins"] = tuple(params["bins"])
    return cls(**params)


def _nested(note: dict[str, Any], pipeline: Pipeline, role: str) -> Any:
    """The estimator that is the parameter `role` of another; a fitted one takes its part of the pipeline."""
    estimator = _new(note, pipeline)
    if note["fitted"] and _registry.ESTIMATORS[note["class"]].kind in ("mixture", "projection"):
        _take(estimator, note, pipeline, role)
    return FrozenEstimator(estimator) if note["frozen"] else estimator


def _take(estimator: Any, note: dict[str, Any], pipeline: Pipeline, role: str) -> None:
    """Become fitted: by a part of the pipeline, and by the names of columns in the note, which older files lack."""
    estimator._take(pipeline, role)
    if columns := note.get("columns"):
        estimator._remember(_columns.of_note(columns))


def _saved() -> list[str]:
    """The names of the estimators that a file may hold."""
    return [name for name, entry in _registry.ESTIMATORS.items() if entry.kind != "features"]

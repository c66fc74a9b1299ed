"""What a scikit-learn user expects of any estimator, for every estimator of the registry.

scikit-learn's own checks make 2-D arrays, which are neither sets nor images: its `check_estimator` says so and runs one
of its checks (`test_scikit_learn_has_no_checks_for_sets`). So the contract is written down here.
"""

import copy
import importlib
import inspect
import io
import pickle
import pkgutil

import joblib
import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.base import BaseEstimator, clone
from sklearn.exceptions import NotFittedError, SkipTestWarning
from sklearn.utils.estimator_checks import check_estimator

import cases
import fishervec
from fishervec import Pooling, _registry

FEW = "ignore:only .*(descriptors per component|empirical information)"
pytestmark = pytest.mark.filterwarnings(FEW)

ALL = cases.instances(cases.kinds())
SAVED = cases.instances(cases.kinds("encoder", "image encoder", "projection", "mixture"))
WITH_NAMES = cases.instances(cases.kinds("encoder", "image encoder"))


def parametrize(instances):
    """Run a test for a fresh copy of each instance."""
    return pytest.mark.parametrize("estimator", [pytest.param(one, id=name) for name, one in instances.items()])


# ---- the registry ----------------------------------------------------------------------------------------


def test_every_estimator_is_in_the_registry_and_has_cases():
    classes = {
        thing
        for module in pkgutil.iter_modules(fishervec.__path__)
        for thing in vars(importlib.import_module(f"fishervec.{module.name}")).values()
        if inspect.isclass(thing) and issubclass(thing, BaseEstimator) and thing.__module__.startswith("fishervec")
    }
    bases = {base for cls in classes for base in cls.__mro__[1:]}
    names = {cls.__name__ for cls in classes - bases}
    assert names == set(_registry.ESTIMATORS) == set(cases.CASES)
    for name, instances in cases.CASES.items():
        assert {type(instance) for instance in instances.values()} == {_registry.public(name)}


def test_the_registry_is_what_is_public():
    assert sorted(fishervec.__all__) == sorted([*_registry.ESTIMATORS, *_registry.OTHERS])
    for name in fishervec.__all__:
        assert getattr(fishervec, name) is _registry.public(name)


def test_every_encoder_has_a_name_of_its_own_in_the_library():
    kinds = [cls._kind for cls in _registry.estimators("encoder").values()]
    assert len(kinds) == len(set(kinds)) > 3


def test_scikit_learn_has_no_checks_for_sets():
    with pytest.warns(SkipTestWarning, match="Can't test estimator Pooling which requires input  of type"):
        results = check_estimator(Pooling(), on_fail="raise", on_skip=None)
    assert [result["check_name"] for result in results] == ["check_estimator_cloneable"]


# ---- parameters ------------------------------------------------------------------------------------------


@parametrize(ALL)
def test_a_clone_has_the_parameters_and_nothing_else(estimator):
    estimator = clone(estimator)
    assert set(vars(estimator)) == set(estimator.get_params(deep=False))
    fitted = estimator.fit(cases.data_of(estimator))
    again = clone(fitted)
    assert set(vars(again)) == set(vars(again.set_params())) == set(estimator.get_params(deep=False))
    assert repr(again) == repr(fitted)
    assert estimator.set_params(n_jobs=2).get_params()["n_jobs"] == 2


CALLS = {
    "transform": lambda e: e.transform(cases.data_of(e)),
    "predict": lambda e: e.predict([[0.0]]),
    "statistics": lambda e: e.statistics([[[0.0] * 5]]),
    "transform_windows": lambda e: e.transform_windows([[[0.0] * 5]], 1),
    "contributions": lambda e: e.contributions([[[0.0] * 5]], [1.0]),
    "report": lambda e: e.report([[[0.0] * 5]]),
    "get_feature_names_out": lambda e: e.get_feature_names_out(),
    "save": lambda e: e.save("nowhere.safetensors"),
    "n_features_out_": lambda e: e.n_features_out_,
}


@pytest.mark.parametrize("call", CALLS)
@parametrize(SAVED)
def test_every_method_raises_before_a_fit(estimator, call):
    if hasattr(type(estimator), call):
        with pytest.raises(NotFittedError):
            CALLS[call](clone(estimator))


# ---- power and norm --------------------------------------------------------------------------------------


@pytest.mark.parametrize("parameter", ["power", "norm"])
def test_the_classes_with_power_and_norm(parameter):
    assert set(cases.with_parameter(parameter)) == set(cases.kinds("encoder"))


@pytest.mark.parametrize(("parameter", "nothing"), [("power", 1.0), ("norm", "none")])
@parametrize(cases.with_parameter("power"))
def test_none_means_no_power_and_no_norm(estimator, parameter, nothing, tmp_path):
    data = cases.data_of(estimator)
    fitted = clone(estimator).set_params(**{parameter: None}).fit(data)
    vectors = fitted.transform(data)
    assert_array_equal(vectors, clone(estimator).set_params(**{parameter: nothing}).fit_transform(data))
    other = {"power": 0.5, "norm": "l2"}[parameter]
    assert not np.array_equal(vectors, clone(estimator).set_params(**{parameter: other}).fit_transform(data))
    fitted.save(tmp_path / "model.safetensors")
    again = fishervec.load(tmp_path / "model.safetensors")
    assert getattr(again, parameter) is None
    assert_array_equal(again.transform(data), vectors)


# ---- fit and transform -----------------------------------------------------------------------------------


@parametrize(ALL)
def test_fit_returns_itself_changes_no_input_and_twice_gives_the_same_bits(estimator):
    estimator, data = clone(estimator), cases.data_of(estimator)
    before = copy.deepcopy(data)
    assert estimator.fit(data) is estimator
    first = cases.output_of(estimator, data)
    assert np.isfinite(first).all()
    assert_array_equal(cases.output_of(estimator.fit(data), data), first)
    for x, y in zip(before, data, strict=True):
        assert_array_equal(x, y)


@parametrize(cases.instances(cases.kinds("encoder", "image encoder", "projection", "features")))
def test_fit_transform_is_fit_then_transform_also_of_an_iterator(estimator):
    data = cases.data_of(estimator)
    expected = clone(estimator).fit(data).transform(data)
    for given in (data, iter(data), tuple(data)):
        got = clone(estimator).fit_transform(given)
        for x, y in zip(got, expected, strict=True):
            assert_array_equal(x, y)


@parametrize(ALL)
def test_copies_of_all_kinds_compute_the_same_bits(estimator):
    data = cases.data_of(estimator)
    fitted = clone(estimator).fit(data)
    file = io.BytesIO()
    joblib.dump(fitted, file)
    file.seek(0)
    for again in (pickle.loads(pickle.dumps(fitted)), copy.deepcopy(fitted), joblib.load(file)):
        assert type(again) is type(fitted)
        assert_array_equal(cases.output_of(again, data), cases.output_of(fitted, data))


@parametrize(SAVED)
def test_a_file_holds_the_estimator(estimator, tmp_path):
    data = cases.data_of(estimator)
    fitted = clone(estimator).fit(data)
    fitted.save(tmp_path / "model.safetensors")
    again = fishervec.load(tmp_path / "model.safetensors")
    assert type(again) is type(fitted)
    assert_array_equal(cases.output_of(again, data), cases.output_of(fitted, data))
    again.save(tmp_path / "again.safetensors")
    third = fishervec.load(tmp_path / "again.safetensors")
    assert repr(third) == repr(again)


@pytest.mark.parametrize("n_jobs", [1, 2, 3, -1, None])
@parametrize(ALL)
def test_the_number_of_threads_changes_no_bit(estimator, n_jobs):
    data = cases.data_of(estimator)
    expected = cases.output_of(clone(estimator).set_params(n_jobs=1).fit(data), data)
    assert_array_equal(cases.output_of(clone(estimator).set_params(n_jobs=n_jobs).fit(data), data), expected)


# ---- names of the entries --------------------------------------------------------------------------------


@parametrize(WITH_NAMES)
def test_names_are_as_many_as_entries_and_each_its_own(estimator):
    fitted = clone(estimator).fit(cases.data_of(estimator))
    names = fitted.get_feature_names_out()
    vectors = fitted.transform(cases.data_of(estimator))
    assert len(names) == len(set(names)) == fitted.n_features_out_ == vectors.shape[1]


@pytest.mark.parametrize("library", ["pandas", "polars"])
@parametrize(WITH_NAMES)
def test_set_output(estimator, library):
    data = cases.data_of(estimator)
    fitted = clone(estimator).fit(data)
    expected = fitted.transform(data)
    frame = fitted.set_output(transform=library).transform(data)
    assert type(frame).__module__.startswith(library)
    assert list(frame.columns) == fitted.get_feature_names_out().tolist()
    assert_array_equal(np.asarray(frame), expected)


def test_an_unknown_encoder_is_an_error():
    from fishervec._fishervec import Pipeline

    given = dict.fromkeys(("steps", "mixture", "start", "centres", "spatial"))
    with pytest.raises(ValueError, match="settings: unknown variant `cnn`, expected one of `fisher`"):
        Pipeline.assemble('{"encoder": {"kind": "cnn"}}', given, 3)

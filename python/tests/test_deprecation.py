"""Deprecated parameters still work, warn once at the user's line, and say what to write; old files load in silence."""

import json
import pickle

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.base import clone

import cases
import fishervec
from fishervec import FisherVector, Pooling, _registry
from fishervec._deprecation import DEPRECATED

FEW = "ignore:only .*(descriptors per component|empirical information)"
pytestmark = pytest.mark.filterwarnings(FEW)
WITH_CARRY = cases.with_parameter("carry")


def test_every_deprecated_parameter_has_the_default_that_says_so():
    for name, cls in _registry.estimators().items():
        for old, new in getattr(cls, "_deprecated", {}).items():
            params = cls().get_params(deep=False)
            assert params[old] == DEPRECATED, name
            assert new is None or new in params, name


def test_the_classes_that_had_carry_take_it():
    encoders = set(cases.kinds("encoder"))
    assert set(cases.with_parameter("position_columns")) == encoders
    # H2T is younger than the present name.
    assert set(WITH_CARRY) == {name for name in encoders if not name.startswith("H2T")}


@pytest.mark.parametrize("estimator", WITH_CARRY.values(), ids=WITH_CARRY.keys())
def test_carry_is_position_columns_with_a_warning(estimator, sets):
    expected = clone(estimator).set_params(position_columns=2).fit(sets)
    given = clone(clone(estimator).set_params(carry=2))
    assert given.get_params()["carry"] == 2
    with pytest.warns(FutureWarning, match=r"carry is deprecated .*: write position_columns=2") as caught:
        given.fit(sets)
    assert [warning.filename for warning in caught if warning.category is FutureWarning] == [__file__]
    assert_array_equal(given.transform(sets), expected.transform(sets))
    for again in (pickle.loads(pickle.dumps(given)), clone(given)):
        assert again.carry == 2


def test_two_different_numbers_of_position_columns_are_an_error(sets):
    with pytest.raises(ValueError, match="position_columns must be given alone, got 1 and carry=2"):
        FisherVector(2, position_columns=1, carry=2).fit(sets)


@pytest.mark.parametrize("estimator", WITH_CARRY.values(), ids=WITH_CARRY.keys())
def test_a_file_is_written_with_position_columns_and_read_with_either(estimator, sets, tmp_path):
    path = tmp_path / "model.safetensors"
    fitted = clone(estimator).set_params(carry=2)
    with pytest.warns(FutureWarning):
        fitted.fit(sets)
    fitted.save(path)
    note = note_of(path)
    assert note["params"]["position_columns"] == 2
    assert not set(note["params"]) & set(type(estimator)._deprecated)
    # A note of the time when the parameter was called carry, and Pooling had a verbose without effect.
    params = note["params"]
    params["carry"] = params.pop("position_columns")
    params["verbose"] = 0
    write_note(path, note)
    again = fishervec.load(path)
    assert (again.position_columns, again.carry) == (2, DEPRECATED)
    assert_array_equal(again.transform(sets), fitted.transform(sets))
    # Nothing warns, since pytest makes errors of warnings.
    assert_array_equal(clone(again).fit(sets).transform(sets), fitted.transform(sets))


def test_verbose_of_pooling_warns_that_it_has_no_effect(sets):
    with pytest.warns(FutureWarning, match="verbose is deprecated and will be removed: it has no effect; leave it out"):
        vectors = Pooling(verbose=1).fit_transform(sets)
    assert_array_equal(vectors, Pooling().fit_transform(sets))


def test_images_take_an_encoder_with_either_name():
    images = np.random.default_rng(0).integers(0, 256, (3, 40, 50), dtype=np.uint8)
    for params in ({"carry": 2}, {"position_columns": 2}, {}):
        template = FisherVector(2, pca=4, random_state=0, **params)
        fitted = fishervec.ImageEncoder(template, bins=(4,), augment="xy").fit(images)
        assert (fitted.encoder_.position_columns, fitted.encoder_.carry) == (2, DEPRECATED)


def header_of(path):
    data = path.read_bytes()
    n = int.from_bytes(data[:8], "little")
    return json.loads(data[8 : 8 + n]), data[8 + n :]


def note_of(path):
    header, _ = header_of(path)
    return json.loads(header["__metadata__"]["fishervec"])["estimator"]


def write_note(path, note):
    header, tensors = header_of(path)
    settings = json.loads(header["__metadata__"]["fishervec"]) | {"estimator": note}
    header["__metadata__"]["fishervec"] = json.dumps(settings)
    text = json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + tensors)

"""What all encoders promise beyond the contract of estimators: about sets, their weights and their number types."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone

import cases

pytestmark = pytest.mark.filterwarnings("ignore:only .*(descriptors per component|empirical information)")

ENCODERS = cases.instances(cases.kinds("encoder"))


@pytest.fixture(params=ENCODERS.values(), ids=ENCODERS.keys())
def encoder(request):
    return clone(request.param)


def test_sets_without_columns_cannot_be_fitted(encoder):
    with pytest.raises(ValueError, match="sets must have descriptors of at least one column, got 0"):
        encoder.fit([np.empty((3, 0)), np.empty((40, 0))])
    with pytest.raises(ValueError, match="sets must have at least one set to fit to, got 0"):
        encoder.fit([])


def test_a_set_alone_is_the_set_among_others_in_any_order(encoder, sets):
    vectors = encoder.fit(sets).transform(sets)
    for i, x in enumerate(sets):
        assert_array_equal(encoder.transform([x])[0], vectors[i])
    order = np.random.default_rng(0).permutation(len(sets))
    assert_array_equal(encoder.transform([sets[i] for i in order]), vectors[order])


def test_the_order_of_descriptors_does_not_matter(encoder, sets):
    vectors = encoder.fit(sets).transform(sets)
    shuffled = [np.random.default_rng(i).permutation(x) for i, x in enumerate(sets)]
    assert_allclose(encoder.transform(shuffled), vectors, atol=1e-6)


def test_empty_sets_are_zero_and_others_are_not(encoder, sets):
    vectors = encoder.fit(sets).transform(sets)
    for x, vector in zip(sets, vectors, strict=True):
        assert vector.any() == (len(x) > 0)


def test_float_type_in_is_float_type_out(encoder, sets):
    single = [x.astype(np.float32) for x in sets]
    vectors = encoder.fit(sets).transform(single)
    assert vectors.dtype == np.float32
    assert encoder.transform(sets).dtype == np.float64
    assert_allclose(vectors, encoder.transform(sets), atol=2e-3, rtol=1e-3)


def test_a_weight_of_two_is_the_descriptor_twice_and_of_zero_none(encoder, sets):
    times = [np.random.default_rng(i).integers(0, 3, len(x)) for i, x in enumerate(sets)]
    encoder.fit(sets)
    weighted = encoder.transform(sets, weights=times)
    repeated = encoder.transform([np.repeat(x, n, axis=0) for x, n in zip(sets, times, strict=True)])
    assert_allclose(weighted, repeated, atol=1e-6)

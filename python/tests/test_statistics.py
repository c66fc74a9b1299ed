"""Statistics: all that any encoding under a mixture needs of the data."""

import itertools
import pickle

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from fishervec import FisherVector, GaussianMixture, Pooling, Statistics

pytestmark = pytest.mark.filterwarnings("ignore:.*(descriptors a component|empirical information)")


@pytest.fixture(scope="module")
def encoder(sets):
    return FisherVector(3, pca=4, random_state=0).fit(sets)


@pytest.fixture(scope="module")
def statistics(encoder, sets):
    return encoder.statistics(sets)


def close(a, b):
    """Whether two statistics are the same up to rounding."""
    for name in ("n", "s0", "z1", "z2", "log_likelihood"):
        assert_allclose(getattr(a, name), getattr(b, name), atol=1e-9, err_msg=name)


def test_one_pass_over_the_data_then_every_encoding_without_it(encoder, statistics, sets):
    assert len(statistics) == len(sets)
    assert_array_equal(encoder.transform(statistics), encoder.transform(sets))
    ways = itertools.product(
        ["sanchez", "gist", "vlfeat", "scikit-image"],
        [None, "none", "closed-form", "empirical", "empirical-centred"],
        [1.0, 0.5],
        [None, "l2", "intra+l2"],
    )
    for convention, information, power, norm in ways:
        way = {"convention": convention, "information": information, "power": power, "norm": norm}
        other = FisherVector(mixture=encoder.mixture_, pca=encoder.pca_, random_state=0, **way)
        from_sets = other.fit(sets).transform(sets)
        without_data = FisherVector(mixture=encoder.mixture_, random_state=0, **way)
        assert_array_equal(without_data.fit(statistics).transform(statistics), from_sets, err_msg=str(way))


def test_statistics_of_a_set_against_numpy(sets):
    mixture = GaussianMixture(2, random_state=0).fit(np.concatenate(sets))
    x = sets[2]
    (one,) = mixture.statistics([x], threshold=0.0)
    q = mixture.predict_proba(x)
    assert one.n == len(x)
    assert_allclose(one.s0, q.sum(0), rtol=1e-12)
    assert_allclose(one.s1(mixture), q.T @ x, rtol=1e-10)
    assert_allclose(one.s2(mixture), q.T @ x**2, rtol=1e-10)
    assert_allclose(one.log_likelihood, mixture.score_samples(x).sum(), rtol=1e-12)
    assert_allclose(one.softness, q.max(1).mean(), rtol=1e-12)
    assert one.dropped_bound == 0.0


def test_they_add_take_apart_and_scale(encoder, statistics, sets):
    (whole,) = encoder.statistics([np.concatenate(sets)])
    close(sum(statistics), whole)
    close(whole - statistics[0], sum(statistics[1:]))
    close(2 * statistics[0], statistics[0] + statistics[0])
    close(statistics[0] / 2 + 0.5 * statistics[0], statistics[0])
    assert statistics[0] + statistics[1] == statistics[1] + statistics[0]
    assert "n=40" in repr(statistics[0])


def test_they_go_to_other_machines(statistics):
    one = statistics[0]
    assert Statistics.from_bytes(one.to_bytes()) == one
    assert pickle.loads(pickle.dumps(one)) == one
    with pytest.raises(ValueError, match="not a valid statistics"):
        Statistics.from_bytes(one.to_bytes()[:-1])


def test_those_of_two_mixtures_do_not_mix(encoder, statistics, sets):
    other = FisherVector(2, random_state=0).fit(sets)
    with pytest.raises(ValueError, match="statistics belong to mixture"):
        statistics[0] + other.statistics(sets)[0]
    with pytest.raises(ValueError, match="set 0: statistics belong to mixture"):
        other.transform(statistics)
    with pytest.raises(TypeError):
        statistics[0] + 1
    with pytest.raises(ValueError, match="factor: expected a finite number of at least 0"):
        -1.0 * statistics[0]


def test_what_statistics_cannot_do_is_said(statistics, sets):
    with pytest.raises(ValueError, match="expected descriptors to fit to, got statistics"):
        FisherVector(3).fit(statistics)
    with pytest.raises(TypeError, match="set 1: expected statistics like set 0, got ndarray"):
        FisherVector(3).fit([statistics[0], sets[1]])
    with pytest.raises((TypeError, ValueError), match="statistics"):
        Pooling().fit_transform(statistics)
    with pytest.raises(ValueError, match="weights"):
        FisherVector(3).fit(statistics, weights=[1.0])

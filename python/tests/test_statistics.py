"""Statistics: all that an encoding under a mixture needs of the data."""

import itertools
import pickle

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone

import cases
from fishervec import BagOfWords, FisherVector, GaussianMixture, Pooling, Statistics, Vlad

pytestmark = pytest.mark.filterwarnings("ignore:.*(descriptors per component|empirical information)")


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


def test_one_pass_over_the_data_then_every_encoding_from_statistics(encoder, statistics, sets):
    assert len(statistics) == len(sets)
    assert_array_equal(encoder.transform(statistics), encoder.transform(sets))
    settings = itertools.product(
        ["sanchez", "gist", "vlfeat", "scikit-image"],
        [None, "none", "closed-form", "empirical", "empirical-centred"],
        [1.0, 0.5],
        [None, "l2", "intra+l2"],
    )
    for convention, information, power, norm in settings:
        params = {"convention": convention, "information": information, "power": power, "norm": norm}
        other = FisherVector(mixture=encoder.mixture_, pca=encoder.pca_, random_state=0, **params)
        from_sets = other.fit(sets).transform(sets)
        without_data = FisherVector(mixture=encoder.mixture_, random_state=0, **params)
        assert_array_equal(without_data.fit(statistics).transform(statistics), from_sets, err_msg=str(params))


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


def test_statistics_add_subtract_and_scale(encoder, statistics, sets):
    (whole,) = encoder.statistics([np.concatenate(sets)])
    close(sum(statistics), whole)
    close(whole - statistics[0], sum(statistics[1:]))
    close(2 * statistics[0], statistics[0] + statistics[0])
    close(statistics[0] / 2 + 0.5 * statistics[0], statistics[0])
    assert statistics[0] + statistics[1] == statistics[1] + statistics[0]
    assert "n=40" in repr(statistics[0])


def test_statistics_are_equal_after_bytes_and_after_pickle(statistics):
    one = statistics[0]
    assert Statistics.from_bytes(one.to_bytes()) == one
    assert pickle.loads(pickle.dumps(one)) == one
    with pytest.raises(ValueError, match="not a valid statistics"):
        Statistics.from_bytes(one.to_bytes()[:-1])


def test_statistics_of_two_mixtures_do_not_mix(encoder, statistics, sets):
    other = FisherVector(2, random_state=0).fit(sets)
    with pytest.raises(ValueError, match="statistics belong to mixture"):
        statistics[0] + other.statistics(sets)[0]
    with pytest.raises(ValueError, match="set 0: statistics belong to mixture"):
        other.transform(statistics)
    with pytest.raises(TypeError):
        statistics[0] + 1
    with pytest.raises(ValueError, match=r"factor.* finite number of at least 0"):
        -1.0 * statistics[0]


def test_what_statistics_cannot_do_is_an_error(statistics, sets):
    with pytest.raises(ValueError, match="sets must be descriptors to fit mixture to, got statistics"):
        FisherVector(3).fit(statistics)
    with pytest.raises(TypeError, match="set 1 must be statistics like set 0, got ndarray"):
        FisherVector(3).fit([statistics[0], sets[1]])
    with pytest.raises(ValueError, match="weights"):
        FisherVector(3).fit(statistics, weights=[1.0])


# ---- encoders other than the Fisher vector ---------------------------------------------------------------

ENCODERS = {
    name: one
    for name, one in cases.instances(cases.kinds("encoder")).items()
    if getattr(one, "pyramid", None) is None and not getattr(one, "residual", False) and not isinstance(one, Pooling)
}


@pytest.mark.parametrize("estimator", ENCODERS.values(), ids=ENCODERS.keys())
def test_an_encoder_encodes_its_statistics_to_the_same_bits(estimator, sets):
    encoder = clone(estimator).fit(sets)
    statistics, vectors = encoder.statistics(sets), encoder.transform(sets)
    for given in (statistics, tuple(statistics), iter(statistics)):
        assert_array_equal(encoder.transform(given), vectors)


@pytest.mark.parametrize("information", ["none", "closed-form", "empirical"])
def test_words_and_residuals_of_the_statistics_of_a_fisher_vector(sets, information):
    fisher = FisherVector(3, random_state=0).fit(sets)
    statistics = fisher.statistics(sets)
    for encoder in (
        Vlad(codebook=fisher.mixture_, assignment="soft"),
        BagOfWords(codebook=fisher.mixture_, assignment="soft", information=information),
    ):
        expected = clone(encoder).set_params(codebook=fisher.mixture_).fit_transform(sets)
        assert_array_equal(encoder.fit(statistics).transform(statistics), expected)
        assert_array_equal(encoder.transform(sets), expected)
        assert encoder.n_features_in_ == 5


def test_words_of_the_statistics_of_a_hard_codebook(sets):
    vlad = Vlad(4, random_state=0).fit(sets)
    words = BagOfWords(codebook=vlad.cluster_centers_).fit(sets)
    assert_array_equal(words.transform(vlad.statistics(sets)), words.transform(sets))
    with pytest.raises(ValueError, match=r"set 0.*mixture"):
        words.transform(FisherVector(3, random_state=0).fit(sets).statistics(sets))


@pytest.mark.parametrize(
    ("estimator", "error", "message"),
    [
        (Pooling(), TypeError, "sets must be descriptors for Pooling: pooling has no statistics"),
        (Vlad(3, residual=True, random_state=0), ValueError, "residual must be False for statistics"),
    ],
)
def test_an_encoder_without_statistics_says_so(estimator, error, message, sets, statistics):
    encoder = clone(estimator)
    for call in (encoder.fit, encoder.fit_transform, encoder.fit(sets).transform):
        with pytest.raises(error, match=message):
            call(statistics)
    with pytest.raises(error, match=message):
        encoder.statistics(sets)


@pytest.mark.parametrize("assignment", ["hard", "soft"])
def test_a_codebook_cannot_be_fitted_to_statistics(statistics, assignment):
    with pytest.raises(ValueError, match="sets must be descriptors to fit codebook to, got statistics"):
        Vlad(3, assignment=assignment).fit(statistics)
    with pytest.raises(ValueError, match="sets must be descriptors to fit pca and codebook to, got statistics"):
        BagOfWords(3, pca=2).fit(statistics)

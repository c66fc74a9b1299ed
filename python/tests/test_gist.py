"""`fishervec.gist`: a program that changes only its import keeps its numbers."""

import inspect
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.datasets import load_digits
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.mixture import BayesianGaussianMixture
from sklearn.mixture import GaussianMixture as Sklearn

import fishervec
from fishervec import GaussianMixture
from fishervec.gist import fisher_vector
from origins import gist


@pytest.fixture(scope="module")
def rows():
    return load_digits().images.sum(axis=2)


def mixture_of(rows, k):
    return Sklearn(k, covariance_type="diag", random_state=0).fit(rows)


def relative_error(got, expected):
    assert got.shape == expected.shape
    return np.linalg.norm(got - expected) / np.linalg.norm(expected)


@pytest.mark.parametrize("n", [1, 2, 60, 900])
@pytest.mark.parametrize("k", [1, 2, 7, 64])
def test_the_numbers_are_the_gists(rows, k, n):
    gmm = mixture_of(rows, k)
    assert relative_error(fisher_vector(rows[:n], gmm), gist(rows[:n], gmm)) <= 1e-12


def test_they_are_not_those_of_the_default_convention(rows):
    gmm = mixture_of(rows, 7)
    assert relative_error(fishervec.fisher_vector(rows[:60], gmm), gist(rows[:60], gmm)) > 0.5


def test_one_descriptor_is_a_set_of_one(rows):
    gmm = mixture_of(rows, 7)
    assert_array_equal(fisher_vector(rows[3], gmm), fisher_vector(rows[3:4], gmm))
    assert relative_error(fisher_vector(rows[3].tolist(), gmm), gist(rows[3], gmm)) <= 1e-12


def test_the_float_type_is_the_gists(rows):
    for of_mixture in ("float32", "float64"):
        gmm = mixture_of(rows.astype(of_mixture), 3)
        for of_rows in ("float32", "float64", "int64"):
            ours, theirs = (f(rows[:60].astype(of_rows), gmm) for f in (fisher_vector, gist))
            assert ours.dtype == theirs.dtype, (of_mixture, of_rows)
            assert relative_error(ours, theirs) <= 1e-3


def test_float32_descriptors_lose_no_digits_under_a_float64_mixture(rows):
    gmm = mixture_of(rows, 7)
    single = rows[:60].astype(np.float32) / 3
    expected = gist(single.astype(np.float64), gmm)
    assert relative_error(fisher_vector(single, gmm), expected) <= 1e-12


def test_squares_of_small_integers_do_not_overflow():
    values = np.random.default_rng(0).integers(0, 256, (200, 4), dtype=np.uint8)
    gmm = mixture_of(values.astype(np.float64), 3)
    expected = gist(values.astype(np.float64), gmm)
    assert relative_error(fisher_vector(values, gmm), expected) <= 1e-12
    # In the gist 200**2 is 64.
    assert relative_error(gist(values, gmm), expected) > 1


def test_every_posterior_counts():
    # The second component has a posterior of 1e-49, which the encoders drop.
    gmm = SimpleNamespace(weights_=[0.5, 0.5], means_=[[0.1], [15.0]], covariances_=[[1.0], [1.0]])
    vector = fisher_vector(np.zeros((1, 1)), gmm)
    assert_allclose(vector[3], -15 * np.exp(-(15**2 - 0.1**2) / 2), rtol=1e-12)
    assert fishervec.fisher_vector(np.zeros((1, 1)), gmm, "gist")[3] == 0


def test_mixtures_of_both_packages_and_bare_parameters_are_taken(rows):
    gmm = mixture_of(rows, 7)
    expected = fisher_vector(rows[:60], gmm)
    bare = SimpleNamespace(weights_=gmm.weights_, means_=gmm.means_, covariances_=gmm.covariances_)
    for same in (GaussianMixture.from_sklearn(gmm), bare):
        assert_array_equal(fisher_vector(rows[:60], same), expected)


def test_a_component_of_weight_zero_is_zero(rows):
    gmm = mixture_of(rows, 2)
    dead = SimpleNamespace(
        weights_=np.append(gmm.weights_, 0.0),
        means_=np.vstack([gmm.means_, np.ones((1, 8))]),
        covariances_=np.vstack([gmm.covariances_, np.ones((1, 8))]),
    )
    vector, expected = fisher_vector(rows[:60], dead), fisher_vector(rows[:60], gmm)
    assert_allclose(vector[:2], expected[:2], atol=1e-15)
    assert not vector[[2, *range(3 + 16, 3 + 24), *range(3 + 40, 3 + 48)]].any()


def test_the_signature_is_the_gists():
    assert list(inspect.signature(fisher_vector).parameters) == ["xx", "gmm"]
    assert fishervec.gist.__all__ == ["fisher_vector"]


@pytest.mark.parametrize("kind", ["full", "tied"])
def test_other_covariances_are_an_error_even_where_the_gist_returns_numbers(rows, kind):
    # With as many components as columns, NumPy broadcasts a covariance matrix over components.
    gmm = Sklearn(8, covariance_type=kind, random_state=0).fit(rows)
    with pytest.raises(ValueError, match="gmm must have covariance_type 'diag'"):
        fisher_vector(rows[:9], gmm)


def test_spherical_covariances_are_those_of_every_column(rows):
    gmm = Sklearn(8, covariance_type="spherical", random_state=0).fit(rows)
    same = GaussianMixture.from_sklearn(gmm).to_sklearn()
    assert relative_error(fisher_vector(rows[:60], gmm), gist(rows[:60], same)) <= 1e-12


def test_a_mixture_with_posteriors_of_its_own_is_an_error(rows):
    gmm = BayesianGaussianMixture(n_components=3, covariance_type="diag", random_state=0, max_iter=500).fit(rows)
    bare = SimpleNamespace(weights_=gmm.weights_, means_=gmm.means_, covariances_=gmm.covariances_)
    assert relative_error(fisher_vector(rows[:60], bare), gist(rows[:60], gmm)) > 1e-6
    for given in (gmm, FrozenEstimator(gmm)):
        with pytest.raises(TypeError, match=r"got BayesianGaussianMixture, whose .* fishervec.fisher_vector"):
            fisher_vector(rows[:60], given)
    # What the error says gives the vector of the bare parameters.
    assert_allclose(
        fishervec.fisher_vector(rows[:60], gmm, convention="gist"), fisher_vector(rows[:60], bare), rtol=1e-9
    )


def test_columns_of_a_frame_must_be_those_of_the_fit(rows):
    frame = pd.DataFrame(rows, columns=list("abcdefgh"))
    gmm = mixture_of(frame, 2)
    for function in (fisher_vector, fishervec.fisher_vector):
        assert_array_equal(function(frame[:9], gmm), function(rows[:9], gmm))
        assert_array_equal(function(frame[:9], mixture_of(rows, 2)), function(rows[:9], gmm))
        with pytest.raises(ValueError, match="feature names should match those that were passed during fit"):
            function(frame[list("hgfedcba")], gmm)


@pytest.mark.parametrize(
    ("xx", "message"),
    [
        (np.zeros((0, 8)), "at least one descriptor, got none"),
        (np.zeros((3, 7)), r"^wrong dimension of descriptors: expected 8, got 7"),
        (np.zeros(7), "expected 8, got 7"),
        (np.full((3, 8), np.nan), r"^row 0, column 0 is NaN"),
        (np.zeros((2, 3, 8)), r"xx must be an array of shape \(n, d\)"),
        (np.ma.masked_less(np.zeros((3, 8)), 1), "row 0, column 0 is NaN"),
        (np.zeros((3, 8), complex), "Complex data not supported"),
        ([["a"] * 8], "xx must be an array of numbers"),
    ],
)
def test_wrong_descriptors_are_an_error(rows, xx, message):
    with pytest.raises(ValueError, match=message):
        fisher_vector(xx, mixture_of(rows, 2))


def test_what_is_no_fitted_mixture_is_an_error(rows):
    with pytest.raises(NotFittedError):
        fisher_vector(rows, Sklearn(2, covariance_type="diag"))
    with pytest.raises(TypeError, match="descriptors must come first and the mixture second, got Gaussian"):
        fisher_vector(mixture_of(rows, 2), rows)
    with pytest.raises(TypeError, match="gmm must be a fitted mixture, got str"):
        fisher_vector(rows, "gmm")

"""`fisher_vector` against the gist, scikit-image and VLFeat."""

import json
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from skimage.feature import fisher_vector as skimage_fisher_vector
from sklearn.datasets import load_digits
from sklearn.mixture import GaussianMixture as Sklearn

from fishervec import GaussianMixture, fisher_vector
from origins import gist

ROOT = Path(__file__).resolve().parents[2]
GOLDENS = json.loads((ROOT / "crates/fishervec/testdata/fisher.json").read_text())["cases"]


@pytest.fixture(scope="module")
def rows():
    return load_digits().images.sum(axis=2)


@pytest.fixture(scope="module")
def gmm(rows):
    return Sklearn(7, covariance_type="diag", random_state=0).fit(rows)


# ---- against the others ----------------------------------------------------------------------------------


def relative_error(got, expected):
    return np.linalg.norm(got - expected) / np.linalg.norm(expected)


@pytest.mark.parametrize("n", [1, 2, 60, 900])
def test_the_gist(rows, gmm, n):
    assert relative_error(fisher_vector(rows[:n], gmm, "gist"), gist(rows[:n], gmm)) <= 1e-12


def test_one_descriptor_needs_no_second_axis(rows, gmm):
    assert relative_error(fisher_vector(rows[3], gmm, "gist"), gist(rows[3], gmm)) <= 1e-12
    assert_array_equal(fisher_vector(rows[3], gmm), fisher_vector(rows[3:4], gmm))


def test_scikit_image(rows, gmm):
    for improved in (False, True):
        power, norm = (0.5, "l2") if improved else (None, None)
        ours = fisher_vector(rows[:60], gmm, "scikit-image", power, norm)
        assert_allclose(ours, skimage_fisher_vector(rows[:60], gmm, improved=improved), atol=1e-11)


@pytest.mark.parametrize("case", GOLDENS, ids=[case["name"] for case in GOLDENS])
def test_the_goldens_of_all_three(case):
    class Golden:
        weights_, means_, covariances_ = (np.array(case[key]) for key in ("weights", "means", "covariances"))

    for one in case["sets"]:
        data = np.array(one["data"])
        for convention, key, tolerance in [
            ("gist", "gist", 1e-12),
            ("scikit-image", "scikit_image", 1e-12),
            # VLFeat also drops posteriors below 1e-6.
            ("vlfeat", "vlfeat", 5e-6),
        ]:
            ours, theirs = fisher_vector(data, Golden(), convention), np.array(one[key])
            assert np.linalg.norm(ours - theirs) <= tolerance * np.linalg.norm(theirs), (
                one["name"],
                convention,
            )


def test_sanchez_is_scikit_image_with_the_variances_negated(rows, gmm):
    sanchez, theirs = fisher_vector(rows[:60], gmm), fisher_vector(rows[:60], gmm, "scikit-image")
    k, d = gmm.means_.shape
    assert_array_equal(sanchez[: k + k * d], theirs[: k + k * d])
    assert_array_equal(sanchez[k + k * d :], -theirs[k + k * d :])
    assert_array_equal(sanchez[k:], fisher_vector(rows[:60], gmm, "vlfeat"))


def test_the_gists_posted_correction_leaks_units_and_eq_18_does_not(rows, gmm):
    """The correction in the gist's comments lacks the division by the variance: C / sqrt(2 w).

    Rescaling a feature, and the mixture with it, must not change a Fisher vector; there it does, by the square.
    """
    factor = np.ones(8)
    factor[2] = 10.0

    def scaled():
        class Scaled:
            weights_, means_, covariances_ = gmm.weights_, gmm.means_ * factor, gmm.covariances_ * factor**2

        return Scaled()

    assert_allclose(fisher_vector(rows[:60] * factor, scaled()), fisher_vector(rows[:60], gmm), atol=1e-11)

    def posted(xx, mixture):
        c = -fisher_vector(xx, mixture, "gist")[-gmm.means_.size :].reshape(gmm.means_.shape)
        return c / np.sqrt(2 * gmm.weights_)[:, np.newaxis]

    ratio = posted(rows[:60] * factor, scaled()) / posted(rows[:60], gmm)
    assert_allclose(ratio[:, 2], 100.0, rtol=1e-6)


# ---- the function itself ---------------------------------------------------------------------------------


def test_all_mixtures_of_the_same_parameters_are_the_same(rows, gmm):
    ours = GaussianMixture.from_sklearn(gmm)
    assert_array_equal(fisher_vector(rows[:60], ours), fisher_vector(rows[:60], gmm))


def test_spherical(rows):
    spherical = Sklearn(4, covariance_type="spherical", random_state=0).fit(rows)
    expected = skimage_fisher_vector(rows[:60], GaussianMixture.from_sklearn(spherical).to_sklearn())
    assert_allclose(fisher_vector(rows[:60], spherical, "scikit-image"), expected, atol=1e-11)


@pytest.mark.parametrize("kind", ["full", "tied"])
def test_other_covariances_are_an_error(rows, kind):
    other = Sklearn(2, covariance_type=kind, random_state=0).fit(rows)
    with pytest.raises(ValueError, match="'diag'"):
        fisher_vector(rows, other)


def test_float_type_in_is_float_type_out(rows, gmm):
    types = {
        "float32": "float32",
        "float64": "float64",
        "float16": "float32",
        "uint8": "float32",
        "int64": "float64",
    }
    for given, returned in types.items():
        vector = fisher_vector(rows[:60].astype(given), gmm)
        assert vector.dtype == returned
        expected = fisher_vector(rows[:60].astype(given).astype(np.float64), gmm)
        assert relative_error(vector, expected) <= 1e-5


def test_power_and_norm(rows, gmm):
    plain = fisher_vector(rows[:60], gmm)
    rooted = np.sign(plain) * np.sqrt(np.abs(plain))
    assert_allclose(fisher_vector(rows[:60], gmm, power=0.5), rooted, rtol=1e-12)
    assert_allclose(fisher_vector(rows[:60], gmm, power=0.5, norm="l2"), rooted / np.linalg.norm(rooted), rtol=1e-12)
    k, d = gmm.means_.shape
    intra = fisher_vector(rows[:60], gmm, norm="intra+l2")
    blocks = np.concatenate([intra[:k, None], intra[k : k + k * d].reshape(k, d), intra[k + k * d :].reshape(k, d)], 1)
    assert_allclose(np.linalg.norm(blocks, axis=1), 1 / np.sqrt(k), rtol=1e-12)


def test_no_descriptors_are_the_zero_vector(gmm):
    for convention in ("sanchez", "gist", "vlfeat", "scikit-image"):
        vector = fisher_vector(np.empty((0, 8)), gmm, convention, 0.5, "l2")
        assert not vector.any()


@pytest.mark.parametrize(
    ("xx", "arguments", "error", "message"),
    [
        (
            np.zeros((2, 2, 2)),
            {},
            ValueError,
            r"xx must be an array of shape \(n, d\) or \(d,\), got shape",
        ),
        (np.zeros((3, 7)), {}, ValueError, "dimension of descriptors.*8, got 7"),
        (np.full((3, 8), np.nan), {}, ValueError, "row 0, column 0.*NaN"),
        (np.zeros((3, 8)), {"convention": "fv"}, ValueError, "convention.* one of sanchez, gist"),
        (np.zeros((3, 8)), {"norm": "l1"}, ValueError, 'norm.* one of none, l2, intra.l2, got "l1"'),
        (np.zeros((3, 8)), {"power": 0.0}, ValueError, "power.* a finite number above 0, got 0"),
        ("text", {}, (TypeError, ValueError), "xx must be an array of numbers"),
        (np.zeros((3, 8), complex), {}, ValueError, "Complex data not supported"),
    ],
)
def test_input_that_cannot_be_encoded_is_an_error(gmm, xx, arguments, error, message):
    with pytest.raises(error, match=message):
        fisher_vector(xx, gmm, **arguments)


def test_something_that_is_not_a_mixture_is_an_error():
    with pytest.raises(TypeError, match="gmm must be a fitted mixture, got str without weights_, means_, covar"):
        fisher_vector(np.zeros((3, 8)), "mixture")
    from sklearn.exceptions import NotFittedError

    for unfitted in (GaussianMixture(2), Sklearn(2, covariance_type="diag")):
        with pytest.raises(NotFittedError):
            fisher_vector(np.zeros((3, 8)), unfitted)

"""`GaussianMixture.partial_fit`: stepwise expectation maximization, for rows that come a few at a time."""

import copy
import pickle

import numpy as np
import pytest

from fishervec import GaussianMixture

RNG = np.random.default_rng(6)
CENTRES = RNG.normal(scale=4.0, size=(5, 3))
ROWS = (CENTRES[RNG.integers(0, 5, 20_000)] + RNG.normal(size=(20_000, 3))).astype(np.float32)
HELD_OUT = (CENTRES[RNG.integers(0, 5, 4_000)] + RNG.normal(size=(4_000, 3))).astype(np.float32)


def in_steps(rows, step=500, **params):
    gmm = GaussianMixture(5, random_state=0, **params)
    for start in range(0, len(rows), step):
        gmm.partial_fit(rows[start : start + step])
    return gmm


def test_one_pass_in_steps_is_near_a_fit_to_all():
    whole = GaussianMixture(5, random_state=0).fit(ROWS).score(HELD_OUT)
    assert in_steps(ROWS).score(HELD_OUT) > whole - 0.2
    assert in_steps(ROWS[:1000]).score(HELD_OUT) < in_steps(ROWS).score(HELD_OUT)


def test_rows_that_are_alike_make_it_forget():
    sorted_rows = ROWS[np.argsort(np.argmin(((ROWS[:, None] - CENTRES) ** 2).sum(2), axis=1), kind="stable")]
    assert in_steps(sorted_rows).score(HELD_OUT) < in_steps(ROWS).score(HELD_OUT)


def test_a_pickle_goes_on_with_the_same_bits():
    gmm = in_steps(ROWS[:5000])
    restored = [pickle.loads(pickle.dumps(gmm)), copy.deepcopy(gmm)]
    gmm.partial_fit(ROWS[5000:5500])
    for one in restored:
        one.partial_fit(ROWS[5000:5500])
        np.testing.assert_array_equal(one.means_, gmm.means_)
        np.testing.assert_array_equal(one.covariances_, gmm.covariances_)


def test_the_number_of_threads_does_not_matter():
    np.testing.assert_array_equal(in_steps(ROWS, 4000, n_jobs=1).means_, in_steps(ROWS, 4000, n_jobs=2).means_)


def test_weights_count():
    weights = np.where(np.arange(4000) % 2, 1.0, 0.0)
    a = GaussianMixture(2, random_state=0).partial_fit(ROWS[:4000], sample_weight=weights)
    b = GaussianMixture(2, random_state=0).partial_fit(ROWS[1:4000:2])
    np.testing.assert_allclose(a.score(HELD_OUT), b.score(HELD_OUT), atol=0.05)
    assert np.isfinite(a.means_).all()


def test_it_goes_on_from_a_fit_and_a_fit_begins_anew():
    gmm = GaussianMixture(5, random_state=0).fit(ROWS[:3000])
    before, means = gmm.score(HELD_OUT), gmm.means_
    gmm.partial_fit(ROWS[3000:6000])
    assert gmm.score(HELD_OUT) > before - 0.1
    assert not np.array_equal(gmm.means_, means)
    again = gmm.fit(ROWS[:3000])
    np.testing.assert_array_equal(again.means_, means)
    assert gmm.converged_


def test_wrong_rows_are_refused_and_change_nothing():
    gmm = in_steps(ROWS[:1000])
    means = gmm.means_
    bad = ROWS[:10].copy()
    bad[3, 1] = np.nan
    with pytest.raises(ValueError, match="row 3"):
        gmm.partial_fit(bad)
    with pytest.raises(ValueError, match="4 features"):
        gmm.partial_fit(np.ones((10, 4)))
    with pytest.raises(ValueError, match="0 sample"):
        gmm.partial_fit(ROWS[:0])
    with pytest.raises(ValueError):
        gmm.partial_fit(ROWS[:10], sample_weight=np.zeros(10))
    assert gmm.means_ is means
    gmm.partial_fit(ROWS[:1])
    with pytest.raises(ValueError):
        GaussianMixture(5).partial_fit(ROWS[:9])


def test_the_report_is_of_the_steps_so_far():
    gmm = in_steps(ROWS[:5000])
    assert not gmm.converged_ and gmm.n_iter_ == 1
    assert abs(gmm.lower_bound_ - gmm.score(ROWS[:5000])) < 0.5
    assert 0.2 < gmm.softness_ <= 1

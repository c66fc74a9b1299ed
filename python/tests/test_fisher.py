"""The Fisher vector's own parameters, its mixture and its projection, and its use with scikit-learn's estimators."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from sklearn import config_context
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline, make_union
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

from fishervec import DescriptorPCA, FisherVector, GaussianMixture, Pooling

pytestmark = pytest.mark.filterwarnings("ignore:only .*(descriptors per component|empirical information)")

# ---- parameters ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("params", "error", "message"),
    [
        ({"n_components": 0}, ValueError, "n_components must be an integer of at least 1, got 0"),
        ({"n_components": 1.5}, TypeError, "n_components must be an integer, got 1.5"),
        ({"n_components": 1000}, ValueError, "too few rows to fit a mixture.*at least 2000"),
        ({"n_components": 2**62}, ValueError, "n_components must be an integer of at most"),
        ({"mixture": 3}, TypeError, "mixture must be a fitted mixture, got int"),
        ({"mixture": LinearSVC()}, TypeError, "mixture must be a GaussianMixture, got LinearSVC"),
        ({"mixture": FrozenEstimator(GaussianMixture())}, NotFittedError, "GaussianMixture instance is not fitted"),
        ({"pca": 0}, ValueError, "pca must be an integer of at least 1, got 0"),
        ({"pca": 6}, ValueError, "pca.* 1 to 5 components, got 6"),
        ({"pca": DescriptorPCA(2)}, ValueError, "pca must be a number of components or a fitted DescriptorPCA"),
        ({"whiten": True}, ValueError, "whiten must be False unless pca is"),
        ({"whiten": "no", "pca": 2}, TypeError, "whiten must be a bool, got 'no'"),
        ({"rows": "l1"}, ValueError, 'rows.* one of none, l2, rootsift, got "l1"'),
        ({"convention": "fv"}, ValueError, "convention.* one of sanchez, gist, vlfeat, scikit-image, got fv"),
        ({"convention": None}, TypeError, "convention must be a string, got None"),
        ({"gradients": "x"}, ValueError, 'gradients.* some of w, m, v, each once, got "x"'),
        ({"information": "full"}, ValueError, "information.* one of none, closed-form, empirical"),
        ({"power": -1.0}, ValueError, "power.* a finite number above 0, got -1"),
        ({"power": "half"}, TypeError, "power must be a number, got 'half'"),
        ({"norm": "l1"}, ValueError, 'norm.* one of none, l2, intra.l2, got "l1"'),
        ({"threshold": 2.0}, ValueError, "threshold.* a number from 0 to 1, got 2"),
        ({"sample": 0}, ValueError, "sample must be an integer of at least 1, got 0"),
        ({"information": "empirical", "information_sets": 0}, ValueError, "information_sets must be an integer of"),
        ({"random_state": "x"}, ValueError, "x"),
        ({"random_state": 2**64}, ValueError, "random_state must be an integer of at most 18446744073709551615"),
        ({"n_jobs": 0}, ValueError, "n_jobs must be an integer other than 0"),
    ],
)
def test_a_parameter_out_of_range_is_named(sets, params, error, message):
    with pytest.raises(error, match=message):
        FisherVector(**{"n_components": 3, **params}).fit(sets)


# ---- weights and names -----------------------------------------------------------------------------------


def test_a_fit_leaves_descriptors_of_weight_zero_out(sets):
    spoiled = [np.concatenate([x, np.full((3, 5), 1e6)]) for x in sets]
    weights = [np.concatenate([np.ones(len(x)), np.zeros(3)]) for x in sets]
    for encoder in (FisherVector(3, random_state=0), FisherVector(3, pca=2, random_state=0)):
        fitted = clone(encoder).fit(spoiled, weights=weights)
        expected = clone(encoder).fit(sets)
        assert_allclose(np.sort(fitted.mixture_.means_, 0), np.sort(expected.mixture_.means_, 0), rtol=0.3, atol=0.3)
        assert np.abs(fitted.mixture_.means_).max() < 10
        assert_allclose(fitted.transform(spoiled, weights=weights), fitted.transform(sets), atol=1e-6)


def test_names_of_the_entries(sets):
    names = FisherVector(2, random_state=0).fit(sets).get_feature_names_out()
    assert names.tolist()[:4] == ["weight_0", "weight_1", "mean_0_0", "mean_0_1"]
    assert names[-1] == "variance_1_4"
    named = FisherVector(2, gradients="v", random_state=0).fit(sets).get_feature_names_out(list("abcde"))
    assert named.tolist() == [f"variance_{k}_{column}" for k in range(2) for column in "abcde"]
    projected = FisherVector(2, gradients="m", pca=2, random_state=0).fit(sets).get_feature_names_out(list("abcde"))
    assert projected.tolist() == ["mean_0_0", "mean_0_1", "mean_1_0", "mean_1_1"]
    assert Pooling().fit(sets).get_feature_names_out(list("abcde")).tolist()[4:6] == ["mean_e", "std_a"]
    with pytest.raises(ValueError, match="input_features must be 5 names, got 2"):
        Pooling().fit(sets).get_feature_names_out(["a", "b"])


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(0, 30), min_size=1, max_size=6), st.integers(1, 4), st.integers(1, 6), st.integers(0, 999))
def test_any_ragged_sets_against_ten_lines_of_numpy(sizes, k, d, seed):
    rng = np.random.default_rng(seed)
    sets = [rng.normal(size=(n, d)) for n in sizes]

    class Mixture:
        weights_, means_, covariances_ = (
            rng.dirichlet(np.ones(k) * 5),
            rng.normal(size=(k, d)),
            rng.uniform(0.5, 2, (k, d)),
        )

    def reference(x):
        if len(x) == 0:
            return np.zeros(k + 2 * k * d)
        w, mu, v = Mixture.weights_, Mixture.means_, Mixture.covariances_
        z = (x[:, None] - mu) / np.sqrt(v)
        log_q = np.log(w) - 0.5 * (np.log(2 * np.pi * v) + z**2).sum(-1)
        q = np.exp(log_q - log_q.max(1, keepdims=True))
        q /= q.sum(1, keepdims=True)
        a = (q.mean(0) - w) / np.sqrt(w)
        b = (q[..., None] * z).mean(0) / np.sqrt(w)[:, None]
        c = (q[..., None] * (z**2 - 1)).mean(0) / np.sqrt(2 * w)[:, None]
        return np.concatenate([a, b.ravel(), c.ravel()])

    encoder = FisherVector(mixture=Mixture(), power=1.0, norm=None).fit(sets)
    assert_allclose(encoder.transform(sets), [reference(x) for x in sets], atol=1e-10)


# ---- mixtures, projections, seeds, warnings --------------------------------------------------------------


def test_a_fitted_mixture_is_kept_its_clone_is_a_template_and_a_frozen_one_is_kept(sets):
    mixture = GaussianMixture(2, random_state=0).fit(np.concatenate(sets[::2]))
    given = FisherVector(mixture=mixture).fit(sets)
    assert_array_equal(given.mixture_.means_, mixture.means_)
    template = clone(FisherVector(mixture=mixture)).fit(sets)
    assert not np.array_equal(template.mixture_.means_, mixture.means_)
    assert_array_equal(template.mixture_.means_, GaussianMixture(2, random_state=0).fit(np.concatenate(sets)).means_)
    frozen = clone(FisherVector(mixture=FrozenEstimator(mixture))).fit(sets)
    assert_array_equal(frozen.transform(sets), given.transform(sets))
    theirs = FisherVector(mixture=mixture.to_sklearn()).fit(sets)
    assert_array_equal(theirs.transform(sets), given.transform(sets))


def test_the_fitted_mixture_has_the_parameters_of_its_template(sets):
    encoder = FisherVector(mixture=GaussianMixture(2, tol=1e-2, reg_covar=0.5, random_state=3), n_jobs=1).fit(sets)
    mixture = encoder.mixture_
    assert (mixture.n_components, mixture.tol, mixture.reg_covar, mixture.n_jobs) == (2, 1e-2, 0.5, 1)


def test_a_start_that_is_given(sets):
    start = {
        "weights_init": [0.5, 0.5],
        "means_init": np.repeat([[0.0], [2.0]], 5, axis=1),
        "precisions_init": np.ones((2, 5)),
    }
    template = GaussianMixture(2, **start)
    encoder = FisherVector(mixture=template).fit(sets)
    assert_allclose(encoder.mixture_.means_, template.fit(np.concatenate(sets)).means_, rtol=1e-12)
    with pytest.raises(
        ValueError, match="a mixture to be fitted must have all of weights_init, means_init, precisions_init or none"
    ):
        FisherVector(mixture=GaussianMixture(2, means_init=start["means_init"])).fit(sets)


def test_a_fitted_projection_is_used_as_it_is(sets):
    pca = DescriptorPCA(2, rows="l2").fit(sets)
    given = FisherVector(3, pca=pca, random_state=0).fit(sets)
    by_hand = FisherVector(3, random_state=0).fit(pca.transform(sets))
    assert_allclose(given.transform(sets), by_hand.transform(pca.transform(sets)), atol=1e-9)
    assert_array_equal(given.pca_.components_, pca.components_)
    assert_array_equal(
        clone(FisherVector(3, pca=FrozenEstimator(pca), random_state=0)).fit(sets).transform(sets),
        given.transform(sets),
    )


def test_projection_and_rows_against_scikit_learn(sets):
    from sklearn.decomposition import PCA
    from sklearn.preprocessing import normalize

    rows = np.concatenate(sets)
    for whiten in (False, True):
        ours, theirs = DescriptorPCA(3, whiten=whiten).fit(sets), PCA(3, whiten=whiten).fit(rows)
        assert_allclose(ours.explained_variance_ratio_, theirs.explained_variance_ratio_, rtol=1e-10)
        scale = np.sqrt((len(rows) - 1) / len(rows)) if whiten else 1.0
        assert_allclose(np.abs(ours.transform(rows)), np.abs(theirs.transform(rows)) / scale, atol=1e-9)
    assert DescriptorPCA().fit(rows).components_.shape == (5, 5)
    angles = DescriptorPCA(5, rows="l2").fit(rows)
    assert_allclose(angles.transform(rows) @ angles.components_ + angles.mean_, normalize(rows), atol=1e-12)
    rooted = DescriptorPCA(5, rows="rootsift").fit(np.abs(rows))
    expected = np.sqrt(np.abs(rows) / np.abs(rows).sum(1, keepdims=True))
    assert_allclose(rooted.transform(np.abs(rows)) @ rooted.components_ + rooted.mean_, expected, atol=1e-12)


def test_projected_sets_keep_their_form(sets):
    pca = DescriptorPCA(2).fit(sets)
    parts = pca.transform(sets)
    assert [x.shape for x in parts] == [(len(x), 2) for x in sets]
    values, offsets = np.concatenate(sets), np.cumsum([0, *map(len, sets)])
    rows, same = pca.transform((values, offsets))
    assert_array_equal(same, offsets)
    assert_array_equal(rows, np.concatenate(parts))
    assert_array_equal(pca.transform(values), rows)
    assert pca.transform([]) == []


def test_seeds_of_all_kinds(sets):
    def means(seed):
        return FisherVector(3, sample=100, random_state=seed).fit(sets).mixture_.means_

    assert_array_equal(means(7), means(7))
    assert_array_equal(means(np.random.RandomState(7)), means(np.random.RandomState(7)))
    assert_array_equal(means(np.random.default_rng(7)), means(np.random.default_rng(7)))
    assert not np.array_equal(means(7), means(8))
    assert not np.array_equal(means(None), means(None))


@pytest.mark.filterwarnings("default")
def test_warnings_of_a_fit(sets):
    with pytest.warns(UserWarning, match=r"only \d+\.\d descriptors per component; at least 50 recommended: use fewer"):
        FisherVector(20, random_state=0).fit(sets)
    with pytest.warns(UserWarning, match="only 10 sets for the empirical information; at least 100 recommended"):
        FisherVector(3, information="empirical", random_state=0).fit(sets)
    with pytest.warns(ConvergenceWarning, match="did not converge"):
        FisherVector(mixture=GaussianMixture(3, max_iter=1, tol=0.0)).fit(sets)


# ---- among scikit-learn's estimators ---------------------------------------------------------------------


def test_pipeline_grid_search_and_union(sets, labels):
    full = [x for x in sets if len(x)]
    of_full = labels[[len(x) > 0 for x in sets]]
    model = make_pipeline(FisherVector(2, random_state=0), StandardScaler(), LinearSVC())
    assert model.fit(full, of_full).score(full, of_full) == 1.0
    grid = GridSearchCV(
        make_pipeline(FisherVector(random_state=0), LinearSVC()),
        {"fishervector__n_components": [1, 2], "fishervector__power": [0.5, 1.0]},
        cv=2,
        error_score="raise",
    )
    assert grid.fit(full, of_full).best_score_ > 0.7
    assert cross_val_score(model, full, of_full, cv=2, n_jobs=2, error_score="raise").shape == (2,)
    union = make_union(FisherVector(2, random_state=0), Pooling())
    assert union.fit_transform(full).shape == (len(full), 2 + 4 * 5 + 10)


def test_weights_are_routed(sets, labels):
    weights = [np.random.default_rng(i).uniform(0.5, 1, len(x)) for i, x in enumerate(sets)]
    with config_context(enable_metadata_routing=True):
        encoder = FisherVector(2, random_state=0).set_fit_request(weights=True).set_transform_request(weights=True)
        model = make_pipeline(encoder, LinearSVC()).fit(sets, labels, weights=weights)
    expected = FisherVector(2, random_state=0).fit(sets, weights=weights)
    assert_array_equal(model[0].mixture_.means_, expected.mixture_.means_)

"""What a scikit-learn user expects of any estimator, of ours over sets.

scikit-learn's own checks make 2-D arrays, which are no sets: its `check_estimator` says so and runs 1 of its checks
(`test_scikit_learn_has_no_checks_for_sets`). So the contract is written down here.
"""

import copy
import io
import pickle

import joblib
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from sklearn import config_context
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning, NotFittedError, SkipTestWarning
from sklearn.frozen import FrozenEstimator
from sklearn.mixture import GaussianMixture as Sklearn
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline, make_union
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC
from sklearn.utils.estimator_checks import check_estimator

from fishervec import DescriptorPCA, FisherVector, GaussianMixture, Pooling

FEW = "ignore:.*(descriptors a component|empirical information)"
pytestmark = pytest.mark.filterwarnings(FEW)

ENCODERS = {
    "default": FisherVector(3, random_state=0),
    "pca": FisherVector(3, pca=2, whiten=True, rows="l2", random_state=0),
    "gist": FisherVector(3, convention="gist", power=1.0, norm=None, random_state=0),
    "vlfeat": FisherVector(3, convention="vlfeat", norm="intra+l2", random_state=0),
    "scikit-image": FisherVector(3, convention="scikit-image", gradients="v,w", random_state=0),
    "empirical": FisherVector(3, information="empirical", random_state=0),
    "centred": FisherVector(3, information="empirical-centred", power=1.0, random_state=0),
    "template": FisherVector(mixture=GaussianMixture(2, random_state=1)),
    "scikit-learn's template": FisherVector(mixture=Sklearn(2, covariance_type="diag", random_state=1)),
    "place": FisherVector(3, carry=1, spatial=2, pyramid="1,2", random_state=0),
    "hard": FisherVector(3, threshold=1.0, random_state=0),
    "pooling": Pooling(),
    "pooling of a projection": Pooling(pca=3, rows="rootsift", power=0.5, norm="l2", random_state=0),
}


@pytest.fixture(params=ENCODERS.values(), ids=ENCODERS.keys())
def encoder(request):
    return clone(request.param)


def test_scikit_learn_has_no_checks_for_sets():
    with pytest.warns(SkipTestWarning, match="Can't test estimator Pooling which requires input  of type"):
        results = check_estimator(Pooling(), on_fail="raise", on_skip=None)
    assert [result["check_name"] for result in results] == ["check_estimator_cloneable"]


# ---- parameters --------------------------------------------------------------------------------------------


def test_a_clone_has_the_parameters_and_nothing_else(encoder, sets):
    params = encoder.get_params(deep=False)
    assert set(vars(encoder)) == set(params)
    fitted = encoder.fit(sets)
    again = clone(fitted)
    assert not again.__sklearn_is_fitted__()
    assert repr(again) == repr(fitted)
    assert encoder.set_params(n_jobs=2).get_params()["n_jobs"] == 2


@pytest.mark.parametrize(
    "call",
    [
        lambda e: e.transform([[[0.0] * 5]]),
        lambda e: e.get_feature_names_out(),
        lambda e: e.save("nowhere.safetensors"),
        lambda e: e.n_features_out_,
    ],
)
def test_before_a_fit_everything_says_so(encoder, call):
    with pytest.raises(NotFittedError):
        call(encoder)


@pytest.mark.parametrize(
    ("params", "error", "message"),
    [
        ({"n_components": 0}, ValueError, "n_components: expected an integer of at least 1, got 0"),
        ({"n_components": 1.5}, TypeError, "n_components: expected an integer, got 1.5"),
        ({"n_components": 1000}, ValueError, "too few rows to fit a mixture .2 a component.: expected at least 2000"),
        ({"n_components": 2**62}, ValueError, "n_components: expected an integer of at most"),
        ({"mixture": 3}, TypeError, "mixture: expected a fitted mixture, got int"),
        ({"mixture": LinearSVC()}, TypeError, "mixture: expected a GaussianMixture, got LinearSVC"),
        ({"mixture": FrozenEstimator(GaussianMixture())}, NotFittedError, "GaussianMixture instance is not fitted"),
        ({"pca": 0}, ValueError, "pca: expected an integer of at least 1, got 0"),
        ({"pca": 6}, ValueError, "pca: expected 1 to 5 components, got 6"),
        ({"pca": DescriptorPCA(2)}, ValueError, "pca: expected a number of components or a fitted DescriptorPCA"),
        ({"whiten": True}, ValueError, "whiten: expected pca"),
        ({"whiten": "no", "pca": 2}, TypeError, "whiten: expected a bool, got 'no'"),
        ({"rows": "l1"}, ValueError, 'rows: expected one of none, l2, rootsift, got "l1"'),
        ({"convention": "fv"}, ValueError, "convention: expected one of sanchez, gist, vlfeat, scikit-image, got fv"),
        ({"convention": None}, TypeError, "convention: expected a string, got None"),
        ({"gradients": "x"}, ValueError, 'gradients: expected some of w, m, v, each once, got "x"'),
        ({"information": "full"}, ValueError, "information: expected one of none, closed-form, empirical"),
        ({"power": -1.0}, ValueError, "power: expected a finite number above 0, got -1"),
        ({"power": "half"}, TypeError, "power: expected a number, got 'half'"),
        ({"norm": "l1"}, ValueError, 'norm: expected one of none, l2, intra.l2, got "l1"'),
        ({"threshold": 2.0}, ValueError, "threshold: expected a number from 0 to 1, got 2"),
        ({"sample": 0}, ValueError, "sample: expected an integer of at least 1, got 0"),
        ({"information": "empirical", "information_sets": 0}, ValueError, "information_sets: expected an integer of"),
        ({"random_state": "x"}, ValueError, "x"),
        ({"random_state": 2**64}, ValueError, "random_state: expected an integer of at most 18446744073709551615"),
        ({"n_jobs": 0}, ValueError, "n_jobs: expected an integer other than 0"),
    ],
)
def test_a_parameter_out_of_range_is_named(sets, params, error, message):
    with pytest.raises(error, match=message):
        FisherVector(**{"n_components": 3, **params}).fit(sets)


# ---- fit and transform -------------------------------------------------------------------------------------


def test_sets_without_columns_cannot_be_fitted(encoder):
    with pytest.raises(ValueError, match="sets: expected descriptors of at least one column, got 0"):
        encoder.fit([np.empty((3, 0)), np.empty((40, 0))])


def test_fit_returns_itself_changes_no_input_and_twice_gives_the_same_bits(encoder, sets, labels):
    before = copy.deepcopy(sets)
    assert encoder.fit(sets, labels) is encoder
    first = encoder.transform(sets)
    assert first.shape == (len(sets), encoder.n_features_out_)
    assert np.isfinite(first).all()
    assert_array_equal(encoder.fit(sets).transform(sets), first)
    assert_array_equal(clone(encoder).fit_transform(sets, labels), first)
    assert encoder.n_features_in_ == 5
    for x, y in zip(before, sets, strict=True):
        assert_array_equal(x, y)


def test_copies_of_all_kinds_encode_to_the_same_bits(encoder, sets):
    expected = encoder.fit(sets).transform(sets)
    file = io.BytesIO()
    joblib.dump(encoder, file)
    file.seek(0)
    for again in (pickle.loads(pickle.dumps(encoder)), copy.deepcopy(encoder), joblib.load(file)):
        assert_array_equal(again.transform(sets), expected)
        assert_array_equal(again.get_feature_names_out(), encoder.get_feature_names_out())


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


@pytest.mark.parametrize("n_jobs", [1, 2, 3, -1, None])
def test_the_number_of_threads_changes_no_bit(encoder, sets, n_jobs):
    expected = clone(encoder).set_params(n_jobs=1).fit_transform(sets)
    assert_array_equal(encoder.set_params(n_jobs=n_jobs).fit_transform(sets), expected)


def test_a_weight_of_two_is_the_descriptor_twice_and_of_zero_none(encoder, sets):
    times = [np.random.default_rng(i).integers(0, 3, len(x)) for i, x in enumerate(sets)]
    encoder.fit(sets)
    weighted = encoder.transform(sets, weights=times)
    repeated = encoder.transform([np.repeat(x, n, axis=0) for x, n in zip(sets, times, strict=True)])
    assert_allclose(weighted, repeated, atol=1e-6)


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
    with pytest.raises(ValueError, match="input_features: expected 5 names, got 2"):
        Pooling().fit(sets).get_feature_names_out(["a", "b"])


def test_names_are_as_many_as_entries_and_each_its_own(encoder, sets):
    names = encoder.fit(sets).get_feature_names_out()
    assert len(names) == len(set(names)) == encoder.n_features_out_


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_set_output(encoder, sets, library):
    pytest.importorskip(library)
    expected = encoder.fit(sets).transform(sets)
    frame = encoder.set_output(transform=library).transform(sets)
    assert type(frame).__module__.startswith(library)
    assert list(frame.columns) == encoder.get_feature_names_out().tolist()
    assert_array_equal(np.asarray(frame), expected)


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


# ---- mixtures, projections, seeds, warnings ----------------------------------------------------------------


def test_a_fitted_mixture_stays_a_clone_of_it_becomes_a_template_and_a_frozen_one_stays(sets):
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


def test_what_is_fitted_has_the_parameters_of_its_template(sets):
    encoder = FisherVector(mixture=GaussianMixture(2, tol=1e-2, reg_covar=0.5, random_state=3), n_jobs=1).fit(sets)
    mixture = encoder.mixture_
    assert (mixture.n_components, mixture.tol, mixture.reg_covar, mixture.n_jobs) == (2, 1e-2, 0.5, 1)


def test_a_start_of_ones_own(sets):
    start = {
        "weights_init": [0.5, 0.5],
        "means_init": np.repeat([[0.0], [2.0]], 5, axis=1),
        "precisions_init": np.ones((2, 5)),
    }
    template = GaussianMixture(2, **start)
    encoder = FisherVector(mixture=template).fit(sets)
    assert_allclose(encoder.mixture_.means_, template.fit(np.concatenate(sets)).means_, rtol=1e-12)
    with pytest.raises(ValueError, match="mixture: a template's start wants weights_init, means_init and precisions"):
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


def test_projected_sets_come_back_in_their_form(sets):
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
    with pytest.warns(UserWarning, match="descriptors a component: few .50 are the least to aim for"):
        FisherVector(20, random_state=0).fit(sets)
    with pytest.warns(UserWarning, match="an empirical information from 10 sets: few"):
        FisherVector(3, information="empirical", random_state=0).fit(sets)
    with pytest.warns(ConvergenceWarning, match="did not converge"):
        FisherVector(mixture=GaussianMixture(3, max_iter=1, tol=0.0)).fit(sets)


# ---- among scikit-learn's ----------------------------------------------------------------------------------


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

"""The share of each descriptor in a score: shares sum to it, in every form of sets and of coefficients."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MaxAbsScaler, Normalizer, StandardScaler
from sklearn.svm import SVC, LinearSVC

import cases
from fishervec import FisherVector, Pooling, Vlad, open_sets

ENCODERS = cases.instances(cases.kinds("encoder"))
#: The sets of these cases are few and small.
pytestmark = pytest.mark.filterwarnings("ignore:only .* sets", "ignore:only .* descriptors", "ignore:.*converge")
KINDS = np.arange(len(cases.SETS)) % 2


def coefficients(m, p, seed=0):
    return np.random.default_rng(seed).normal(size=(m, p))


def two_kinds():
    return FisherVector(3, random_state=0).fit(cases.SETS)


@pytest.mark.parametrize("estimator", ENCODERS.values(), ids=ENCODERS)
@pytest.mark.parametrize(("number", "tolerance"), [(np.float64, 1e-12), (np.float32, 1e-6)])
def test_shares_sum_to_the_score_for_every_encoder(estimator, number, tolerance):
    sets = [x.astype(number) for x in cases.SETS]
    encoder = clone(estimator).fit(sets)
    coef = coefficients(3, encoder.n_features_out_)
    vectors = encoder.transform(sets).astype(np.float64)
    shares = encoder.contributions(sets, coef)
    for x, share, scores, vector in zip(sets, shares, vectors @ coef.T, vectors, strict=True):
        assert share.shape == (len(x), 3) and share.dtype == np.float64
        size = np.abs(coef * vector).sum(axis=1) + np.abs(share).sum(axis=0)
        assert (np.abs(share.sum(axis=0) - scores) <= tolerance * size).all()
    for by in ("component", "block", "dimension"):
        if by == "component" and isinstance(encoder, Pooling):
            continue
        for whole, divided in zip(shares, encoder.contributions(sets, coef, by=by), strict=True):
            assert divided.ndim == 3
            assert_allclose(divided.sum(axis=2), whole, atol=1e-12 * (1 + np.abs(divided).sum()))


def test_the_shapes_follow_the_coefficients():
    encoder = two_kinds()
    p = encoder.n_features_out_
    one, row, many = (encoder.contributions(cases.SETS, c) for c in (np.ones(p), np.ones((1, p)), np.ones((4, p))))
    assert [x.shape for x in one] == [(len(x),) for x in cases.SETS]
    assert [x.shape for x in row] == [(len(x), 1) for x in cases.SETS]
    assert [x.shape for x in many] == [(len(x), 4) for x in cases.SETS]
    for by, parts in (("component", 3), ("block", 3), ("dimension", 6)):
        assert encoder.contributions(cases.SETS, np.ones(p), by=by)[0].shape == (40, parts)
        assert encoder.contributions(cases.SETS, np.ones((4, p)), by=by)[4].shape == (0, 4, parts)
    assert encoder.contributions([], np.ones(p)) == []
    (empty,) = encoder.contributions([np.empty((0, 5))], np.ones(p))
    assert empty.shape == (0,)


@pytest.mark.parametrize("model", [LinearSVC(), LogisticRegression()], ids=["LinearSVC", "LogisticRegression"])
@pytest.mark.parametrize("labels", [KINDS, np.arange(12) % 3], ids=["two classes", "three classes"])
@pytest.mark.parametrize("scalers", [(), (StandardScaler(),), (MaxAbsScaler(), StandardScaler(with_mean=False))])
def test_shares_explain_the_decision_of_a_pipeline(model, labels, scalers):
    pipeline = make_pipeline(FisherVector(3, random_state=0), *scalers, model).fit(cases.SETS, labels)
    encoder, classifier = pipeline[0], pipeline[-1]
    shares = encoder.contributions(cases.SETS, pipeline)
    nothing = pipeline.decision_function([np.empty((0, 5))])[0]
    decisions = pipeline.decision_function(cases.SETS)
    assert shares[0].shape == ((40,) if len(np.unique(labels)) == 2 else (40, 3))
    for share, decision in zip(shares, decisions, strict=True):
        assert_allclose(share.sum(axis=0) + nothing, decision, atol=1e-10 * (1 + np.abs(share).sum()))
    if not scalers:
        assert_allclose(np.squeeze(nothing), np.squeeze(classifier.intercept_))
        for a, b in zip(shares, encoder.contributions(cases.SETS, classifier), strict=True):
            assert_array_equal(a, b)
        sparse = classifier.__class__(C=1.0).fit(encoder.transform(cases.SETS), labels).sparsify()
        assert encoder.contributions(cases.SETS, sparse)[0].shape == shares[0].shape


def test_a_search_stands_for_its_best_model():
    vectors = two_kinds().transform(cases.SETS)
    search = GridSearchCV(LinearSVC(), {"C": [0.1, 1.0]}, cv=2).fit(vectors, KINDS)
    for a, b in zip(
        two_kinds().contributions(cases.SETS, search),
        two_kinds().contributions(cases.SETS, search.best_estimator_.coef_[0]),
        strict=True,
    ):
        assert_array_equal(a, b)


def test_every_form_of_sets_gives_the_same_shares():
    encoder = two_kinds()
    coef = coefficients(2, encoder.n_features_out_)
    expected = encoder.contributions(cases.SETS, coef)
    offsets = np.cumsum([0, *map(len, cases.SETS)])
    for sets in ((cases.ROWS, offsets), iter(cases.SETS), (x for x in cases.SETS), tuple(map(list, cases.SETS[:3]))):
        for got, share in zip(encoder.contributions(sets, coef), expected, strict=False):
            assert_array_equal(got, share)
    for n_jobs in (2, 3):
        for got, share in zip(encoder.set_params(n_jobs=n_jobs).contributions(cases.SETS, coef), expected, strict=True):
            assert_array_equal(got, share)


def test_sets_in_files_are_read_part_by_part(tmp_path):
    for i, x in enumerate(cases.SETS):
        np.save(tmp_path / f"{i:02}.npy", x)
    encoder = two_kinds()
    coef = coefficients(2, encoder.n_features_out_)
    expected = encoder.contributions(cases.SETS, coef, by="component")
    for got, share in zip(encoder.contributions(open_sets(tmp_path), coef, by="component"), expected, strict=True):
        assert_array_equal(got, share)


def test_weights_and_positions_count_as_in_transform():
    sets = [x[:, :4] for x in cases.SETS]
    positions = [x[:, 4:] for x in cases.SETS]
    weights = [np.arange(len(x)) % 3.0 for x in sets]
    encoder = FisherVector(3, spatial=2, pyramid="1,2", random_state=0).fit(sets, positions=positions)
    coef = coefficients(1, encoder.n_features_out_)[0]
    shares = encoder.contributions(sets, coef, positions=positions, weights=weights)
    vectors = encoder.transform(sets, positions=positions, weights=weights)
    for share, weight, score in zip(shares, weights, vectors @ coef, strict=True):
        assert_allclose(share.sum(), score, atol=1e-12 * (1 + np.abs(share).sum()))
        assert (share[weight == 0] == 0).all()
    with pytest.raises(ValueError, match="positions must be given as in fit"):
        encoder.contributions(sets, coef)


def test_the_loudest_descriptors_are_those_that_make_the_difference():
    # Each odd set holds thirty descriptors of another kind, and a classifier of the sets points at them.
    rng = np.random.default_rng(3)
    plain = [rng.normal(size=(200, 4)) for _ in range(30)]
    odd = [np.concatenate([rng.normal(size=(170, 4)), rng.normal(4.0, 0.3, (30, 4))]) for _ in range(30)]
    encoder = FisherVector(4, random_state=0).fit(plain + odd)
    model = LinearSVC().fit(encoder.transform(plain + odd), [0] * 30 + [1] * 30)
    for share in encoder.contributions(odd, model):
        assert (np.argsort(share)[-20:] >= 170).sum() >= 18
        assert share[170:].mean() > 5 * abs(share[:170].mean())


WRONG = {
    "another length": (np.ones(5), ValueError, r"n_features_out_ is 33, got shape \(5,\)"),
    "three axes": (np.ones((1, 1, 33)), ValueError, "shape"),
    "NaN": (np.full(33, np.nan), ValueError, "coef must be finite"),
    "text": ("coef", TypeError, "coef must be coefficients"),
    "complex numbers": (np.ones(33) * 1j, TypeError, "complex128"),
    "text of numbers": (["1.0"] * 33, TypeError, "coef must be coefficients"),
    "shares beyond numbers": (np.full(33, 1.7e308), ValueError, "coef: expected coefficients whose shares are finite"),
    "nothing": (None, (TypeError, ValueError), "coef must be"),
    "no linear model": (SVC(), NotFittedError, "not fitted"),
    "a model that is not fitted": (LinearSVC(), NotFittedError, "not fitted"),
}


@pytest.mark.parametrize(("coef", "error", "match"), WRONG.values(), ids=WRONG)
def test_wrong_coefficients_are_errors_that_say_so(coef, error, match):
    with pytest.raises(error, match=match):
        two_kinds().contributions(cases.SETS, coef)


def test_what_has_no_shares_is_an_error():
    encoder, p = two_kinds(), 33
    with pytest.raises(ValueError, match="by: expected one of component, block, dimension"):
        encoder.contributions(cases.SETS, np.ones(p), by="descriptor")
    with pytest.raises(TypeError, match="by must be a string"):
        encoder.contributions(cases.SETS, np.ones(p), by=3)
    with pytest.raises(ValueError, match="descriptors"):
        encoder.contributions(encoder.statistics(cases.SETS), np.ones(p))
    with pytest.raises(ValueError, match="block or dimension"):
        Pooling().fit(cases.SETS).contributions(cases.SETS, np.ones(10), by="component")
    vectors = encoder.transform(cases.SETS)
    with pytest.raises(TypeError, match="with coef_"):
        encoder.contributions(cases.SETS, SVC(kernel="rbf").fit(vectors, KINDS))
    with pytest.raises(ValueError, match="for each of its 4 classes, got SVC with 6, for pairs"):
        encoder.contributions(cases.SETS, SVC(kernel="linear").fit(vectors, np.arange(12) % 4))
    steps = make_pipeline(FisherVector(3, random_state=0), Normalizer(), LinearSVC()).fit(cases.SETS, KINDS)
    with pytest.raises(ValueError, match="normalizer, Normalizer"):
        steps[0].contributions(cases.SETS, steps)
    other = make_pipeline(Vlad(3, random_state=0), LinearSVC()).fit(cases.SETS, KINDS)
    with pytest.raises(ValueError, match="first step is this encoder"):
        encoder.contributions(cases.SETS, other)
    with pytest.raises(ValueError, match=r"set 1.*row 2"):
        encoder.contributions([cases.SETS[0], np.where(np.arange(15).reshape(3, 5) == 11, np.nan, 1.0)], np.ones(p))

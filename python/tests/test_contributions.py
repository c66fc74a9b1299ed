"""The share of each descriptor in a score: shares sum to it, in every form of sets and of coefficients."""

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from PIL import Image
from scipy.sparse import csr_array
from sklearn.base import clone
from sklearn.datasets import load_sample_images
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MaxAbsScaler, Normalizer, StandardScaler
from sklearn.svm import SVC, LinearSVC

import cases
from fishervec import DenseSift, FisherVector, ImageEncoder, Pooling, Vlad, open_sets, smooth_contributions

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


# ---- groups ----------------------------------------------------------------------------------------------

LABELS = ["b", "a", "b", "c", "d", "a", "c", "b", "a", "c", "d", "a"]
NAMES = sorted(set(LABELS))
MATRIX = np.array([[label == name for label in LABELS] for name in NAMES])


@pytest.mark.parametrize("estimator", ENCODERS.values(), ids=ENCODERS)
@pytest.mark.parametrize(("number", "tolerance"), [(np.float64, 1e-12), (np.float32, 1e-6)])
def test_shares_of_a_group_sum_to_its_score_for_every_encoder(estimator, number, tolerance):
    sets = [x.astype(number) for x in cases.SETS]
    encoder = clone(estimator).fit(sets)
    coef = coefficients(2, encoder.n_features_out_)
    shares = encoder.contributions(sets, coef, groups=LABELS)
    vectors = encoder.transform(sets, groups=LABELS).astype(np.float64)
    assert [x.shape for x in shares] == [(len(x), 2) for x in sets]
    for name, vector in zip(NAMES, vectors, strict=True):
        own = np.concatenate([share for share, label in zip(shares, LABELS, strict=True) if label == name])
        size = np.abs(coef * vector).sum(axis=1) + np.abs(own).sum(axis=0)
        assert (np.abs(own.sum(axis=0) - coef @ vector) <= tolerance * size).all()


def test_shares_of_a_group_are_those_of_its_sets_as_one_set():
    encoder = FisherVector(3, position_columns=1, spatial=1, pyramid="1,2", random_state=0).fit(cases.SETS)
    coef = coefficients(2, encoder.n_features_out_)
    weights = [np.linspace(0, 2, len(x)) for x in cases.SETS]
    for by in (None, "component", "block", "dimension"):
        shares = encoder.contributions(cases.SETS, coef, weights=weights, groups=LABELS, by=by)
        for name in NAMES:
            own = [i for i, label in enumerate(LABELS) if label == name]
            (whole,) = encoder.contributions(
                [np.concatenate([cases.SETS[i] for i in own])],
                coef,
                weights=[np.concatenate([weights[i] for i in own])],
                by=by,
            )
            assert_allclose(np.concatenate([shares[i] for i in own]), whole, atol=1e-11 * np.abs(whole).sum())


def test_every_form_of_groups_and_of_sets_gives_the_same_shares(tmp_path):
    encoder = two_kinds()
    coef = coefficients(1, encoder.n_features_out_)[0]
    expected = encoder.contributions(cases.SETS, coef, groups=LABELS)
    for i, x in enumerate(cases.SETS):
        np.save(tmp_path / f"{i:02}.npy", x)
    every = [(cases.SETS, groups) for groups in (np.array(LABELS), iter(LABELS), MATRIX, csr_array(MATRIX))]
    every += [(X, LABELS) for X in (iter(cases.SETS), (x for x in cases.SETS), open_sets(tmp_path))]
    for X, groups in every:
        for got, share in zip(encoder.contributions(X, coef, groups=groups), expected, strict=True):
            assert_array_equal(got, share)
    for got, share in zip(
        encoder.set_params(n_jobs=2).contributions(cases.SETS, coef, groups=LABELS), expected, strict=True
    ):
        assert_array_equal(got, share)


def test_sets_and_what_belongs_to_them_are_read_twice_from_iterators_and_files(tmp_path):
    sets, positions = [x[:, :4] for x in cases.SETS], [x[:, 4:] for x in cases.SETS]
    weights = [np.arange(len(x)) % 3.0 for x in sets]
    for i, x in enumerate(sets):
        np.save(tmp_path / f"{i:02}.npy", x)
    encoder = FisherVector(3, spatial=2, random_state=0).fit(sets, positions=positions)
    coef = coefficients(1, encoder.n_features_out_)[0]
    expected = encoder.contributions(sets, coef, weights=weights, positions=positions, groups=LABELS)
    for X in (iter(sets), open_sets(tmp_path)):
        found = encoder.contributions(X, coef, weights=iter(weights), positions=iter(positions), groups=LABELS)
        for got, share in zip(found, expected, strict=True):
            assert_array_equal(got, share)


def test_a_set_counts_as_much_as_the_matrix_says_and_one_of_no_group_has_no_share():
    encoder = two_kinds()
    coef = coefficients(2, encoder.n_features_out_)
    matrix = np.zeros((2, 12))
    matrix[0, :5], matrix[1, 6:9] = 0.5, [1.0, 3.0, 0.25]
    scores = encoder.transform(cases.SETS, groups=matrix) @ coef.T
    shares = encoder.contributions(cases.SETS, coef, groups=matrix, by="block")
    for score, row in zip(scores, matrix, strict=True):
        sums = sum(shares[i].sum(axis=(0, 2)) for i in np.flatnonzero(row))
        assert_allclose(sums, score, atol=1e-12 * sum(np.abs(shares[i]).sum() for i in np.flatnonzero(row)))
    for i in (5, 9, 10, 11):
        assert shares[i].shape == (len(cases.SETS[i]), 2, 3) and not shares[i].any()
    # What belongs to no group is not looked at, as in transform.
    wrong = [*cases.SETS[:11], np.full((3, 5), np.nan)]
    assert not encoder.contributions(wrong, coef, groups=matrix)[11].any()
    nothing = encoder.contributions(cases.SETS, coef, groups=np.zeros((3, 12)))
    assert [x.shape for x in nothing] == [(len(x), 2) for x in cases.SETS] and not any(x.any() for x in nothing)
    assert encoder.contributions([], coef, groups=[]) == []


WRONG_GROUPS = {
    "too few": (LABELS[:4], "groups must be those of 12 sets, got 4"),
    "a missing label": ([*LABELS[:11], None], "label for each set, got None"),
    "transposed": (MATRIX.T, r"pass groups\.T"),
    "overlapping": (MATRIX | np.eye(4, 12, dtype=bool), r"got set 0 in 0 and 1: .* groups=groups\[\[1\]\]"),
    "negative": (-1.0 * MATRIX, "groups must be a matrix of 1"),
}


@pytest.mark.parametrize(("groups", "match"), WRONG_GROUPS.values(), ids=WRONG_GROUPS)
def test_wrong_groups_are_errors_that_say_so(groups, match):
    encoder = two_kinds()
    for X in (cases.SETS, iter(cases.SETS)):
        with pytest.raises(ValueError, match=match):
            encoder.contributions(X, np.ones(33), groups=groups)


def test_groups_of_statistics_have_no_shares():
    encoder = two_kinds()
    for X in (encoder.statistics(cases.SETS), iter(encoder.statistics(cases.SETS))):
        with pytest.raises(ValueError, match="sets must be descriptors, got statistics"):
            encoder.contributions(X, np.ones(33), groups=LABELS)
    with pytest.raises(ValueError, match=r"set 1.*row 2"):
        wrong = [cases.SETS[0], np.where(np.arange(15).reshape(3, 5) == 11, np.nan, 1.0)]
        encoder.contributions(wrong, np.ones(33), groups=[0, 0])


# ---- images ----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def images():
    return [
        np.ascontiguousarray(image[y : y + 80, x : x + 100])
        for image in load_sample_images().images
        for y in (0, 150, 300)
        for x in (100, 400)
    ]


def image_encoder(images, encoder=None, **settings):
    encoder = encoder or FisherVector(4, rows="rootsift", pca=8, random_state=0)
    return ImageEncoder(encoder, **settings).fit(images)


@pytest.mark.parametrize(
    "settings",
    [{}, {"features": "patches", "step": 4}, {"color": "rgb"}, {"augment": "xy"}, {"max_side": 64}],
    ids=str,
)
def test_shares_of_an_image_sum_to_its_score(images, settings):
    encoder = image_encoder(images, **settings)
    coef = coefficients(2, encoder.n_features_out_)
    vectors = np.float64(encoder.transform(images))
    for share, vector, places in zip(
        encoder.contributions(images, coef), vectors, encoder.positions(images), strict=True
    ):
        size = np.abs(coef * vector).sum(axis=1) + np.abs(share).sum(axis=0)
        assert share.shape == (len(places), 2) and (np.abs(share.sum(axis=0) - coef @ vector) < 1e-6 * size).all()


def test_a_score_of_a_pyramid_and_of_groups_of_images(images):
    encoder = image_encoder(images, FisherVector(3, rows="rootsift", pca=8, pyramid="1x1,2x2", random_state=0))
    coef = coefficients(1, encoder.n_features_out_)[0]
    groups = list("abcabcabcabc")
    vectors = np.float64(encoder.transform(images, groups=groups))
    found = encoder.contributions(images, coef, groups=groups)
    for group, vector in zip("abc", vectors, strict=True):
        own = np.concatenate([share for share, name in zip(found, groups, strict=True) if name == group])
        assert abs(own.sum() - coef @ vector) < 1e-6 * (np.abs(own).sum() + np.abs(coef * vector).sum())
    for got, share in zip(encoder.contributions(iter(images), coef, groups=iter(groups)), found, strict=True):
        assert_array_equal(got, share)
    with pytest.raises(ValueError, match="groups must be those of 12 sets, got 3"):
        encoder.contributions(images, coef, groups=list("abc"))
    divided = encoder.contributions(images[:2], coef, by="component")
    assert divided[0].shape == (*encoder.contributions(images[:1], coef)[0].shape, 3)


def test_every_form_of_images_has_the_same_shares_and_positions(images, tmp_path):
    # A file says that it is turned.
    exif = Image.Exif()
    exif[0x0112] = 6
    paths = [tmp_path / f"{i}.png" for i in range(2)]
    Image.fromarray(np.ascontiguousarray(np.rot90(images[0]))).save(paths[0], exif=exif)
    Image.fromarray(images[1]).save(paths[1])
    encoder = image_encoder(images)
    coef = coefficients(1, encoder.n_features_out_)[0]
    shares, positions = encoder.contributions(images[:2], coef), encoder.positions(images[:2])
    for forms in (paths, [Image.open(path) for path in paths], iter(images[:2]), np.stack(images[:2])):
        again = list(forms)
        for got, share in zip(encoder.contributions(iter(again), coef), shares, strict=True):
            assert_array_equal(got, share)
        for got, places in zip(encoder.positions(iter(again)), positions, strict=True):
            assert_array_equal(got, places)
    assert encoder.contributions([], coef) == [] and encoder.positions([]) == []
    small = np.zeros((5, 5), np.uint8)
    assert encoder.contributions([small], coef)[0].shape == (0,) and encoder.positions([small])[0].shape == (0, 3)


def test_positions_are_the_squares_that_descriptors_describe(images):
    encoder = image_encoder(images, bins=[4, 6], step=5)
    (found,) = encoder.positions(images[:1])
    expected = DenseSift(bins=[4, 6], step=5).positions(images[0].shape)
    assert_array_equal(found, expected * np.float32([1, 1, 4]))
    # A square has its 4 x 4 bins around its centre, inside the image but for half a bin.
    assert (found[:, 0] - found[:, 2] / 2 >= -3).all() and (found[:, 0] + found[:, 2] / 2 <= 100 + 2).all()
    (patches,) = image_encoder(images, features="patches", patch_size=8, step=8).positions(images[:1])
    assert patches.shape == (10 * 12, 3) and patches[0].tolist() == [3.5, 3.5, 8.0]
    # Of a larger image those of the reduced one.
    large = np.ascontiguousarray(np.kron(images[0], np.ones((3, 3, 1), np.uint8)))
    assert_array_equal(image_encoder(images, bins=[4, 6], step=5, max_side=100).positions([large])[0], found)


def test_a_pipeline_of_images_is_explained_by_its_encoder(images):
    labels = [0] * 6 + [1] * 6
    pipeline = make_pipeline(image_encoder(images), LinearSVC()).fit(images, labels)
    shares = pipeline[0].contributions(images, pipeline)
    decisions = pipeline.decision_function(images) - pipeline[-1].intercept_
    for share, decision in zip(shares, decisions, strict=True):
        assert_allclose(share.sum(), decision, atol=1e-6 * np.abs(share).sum())
    # The encoder of the descriptors must be a step of the pipeline.
    with pytest.raises(ValueError, match="first step is this encoder"):
        pipeline[0].encoder_.contributions([np.ones((3, 128))], pipeline)
    with pytest.raises(NotFittedError):
        ImageEncoder().contributions(images, np.ones(3))
    with pytest.raises(NotFittedError):
        ImageEncoder().positions(images)
    with pytest.raises(ValueError, match="n_features_out_ is 68, got shape"):
        pipeline[0].contributions(images, np.ones(67))
    with pytest.raises(ValueError, match="by: expected one of component"):
        pipeline[0].contributions(images, np.ones(68), by="pixel")
    for call in (pipeline[0].positions, lambda X: pipeline[0].contributions(X, np.ones(68))):
        with pytest.raises(TypeError, match="got one image"):
            call("photograph.png")
        with pytest.raises(OSError, match=r"no such <file>\.png"):
            call([images[0], "no such <file>.png"])
        with pytest.raises(ValueError, match=r"image 1 must have shape"):
            call([images[0], np.zeros((9, 9, 2))])


# ---- smoothing -------------------------------------------------------------------------------------------


def spread_over_cells(shares, cells, shape):
    """The definition: each share is spread evenly over cells, and each cell is divided among those that cover it."""
    field, cover = np.zeros(shape), np.zeros(shape)
    for share, (rows, columns) in zip(shares, cells, strict=True):
        field[rows, columns] += share / field[rows, columns].size
        cover[rows, columns] += 1
    return np.array([(field[own] / cover[own]).sum() for own in cells])


def test_shares_of_patches_are_smoothed_over_their_neighbours_and_sums_stay():
    rng = np.random.default_rng(0)
    y, x = np.divmod(np.arange(300), 20)
    there = rng.random(300) < 0.8
    shares = rng.normal(size=(there.sum(), 2, 3))
    cells = [
        (slice(max(0, i - 1), i + 2), slice(max(0, j - 1), j + 2)) for i, j in zip(y[there], x[there], strict=True)
    ]
    coords = np.stack([40_000 + 512 * x, 7_000 + 512 * y], axis=1)[there]
    for positions in (coords, coords.astype(np.float32), coords.tolist()):
        smoothed = smooth_contributions(shares, positions)
        assert smoothed.shape == shares.shape
        assert_allclose(smoothed.sum(axis=0), shares.sum(axis=0), atol=1e-11)
        for k in range(2):
            expected = spread_over_cells(shares[:, k, 1], cells, (15, 20))
            assert_allclose(smoothed[:, k, 1], expected, atol=1e-12)
    assert_array_equal(smooth_contributions(shares[:, 0, 0], coords), smooth_contributions(shares, coords)[:, 0, 0])


def test_smoothing_of_little_leaves_what_is_there():
    assert smooth_contributions([], np.empty((0, 2))).shape == (0,)
    assert smooth_contributions(np.empty((0, 3)), np.empty((0, 2))).shape == (0, 3)
    assert smooth_contributions([2.0], [[5, 7]]).tolist() == [2.0]
    # At one place all have the same.
    assert_allclose(smooth_contributions([1.0, 3.0, -1.0], [[5, 7]] * 3), [1.0, 1.0, 1.0], atol=1e-15)
    for positions in ([[0, 0], [1e300, -1e300]], [[0, 0], [1e-300, 0]], [[1e15, 0], [1e15 + 1, 0]]):
        smoothed = smooth_contributions([1e-200, 2.0], positions)
        assert np.isfinite(smoothed).all() and abs(smoothed.sum() - 2) < 1e-12


@pytest.mark.parametrize(
    ("shares", "positions", "error", "match"),
    [
        (np.ones(3), np.ones((3, 3)), ValueError, r"smooth=True\); of three columns x, y, z, choose two"),
        (np.ones(3), np.ones((2, 2)), ValueError, r"got shape \(2, 2\) for shares of shape \(3,\)"),
        (np.ones(3), np.ones(3), ValueError, r"positions must be two columns, x and y"),
        (1.0, np.ones((1, 2)), ValueError, r"shares of shape \(\)"),
        ([np.ones(3), np.ones(2)], np.ones((3, 2)), ValueError, "shares must be those of one set, got several"),
        ([np.ones(3)] * 2, np.ones((2, 3, 2)), ValueError, "smooth sets one by one"),
        (np.ones(3), [[0, 0], [1, np.nan], [2, 2]], ValueError, "positions must be finite"),
        ([1, np.inf, 2], np.ones((3, 2)), ValueError, "shares must be finite"),
        (np.ma.masked_array([1.0, 2.0], [0, 1]), np.ones((2, 2)), ValueError, "shares must be finite"),
        (["a", "b"], np.ones((2, 2)), TypeError, "shares must be an array of numbers"),
        (np.ones(2), [[-1e308, 0], [1e308, 0]], ValueError, "distances below 1e308"),
    ],
)
def test_what_cannot_be_smoothed_is_an_error_that_says_so(shares, positions, error, match):
    with pytest.raises(error, match=match):
        smooth_contributions(shares, positions)


def test_shares_of_an_image_are_smoothed_over_the_squares_of_its_descriptors(images):
    encoder = image_encoder(images, bins=[4, 6], step=5)
    coef = coefficients(2, encoder.n_features_out_)
    (shares,), (smoothed,) = (encoder.contributions(images[:1], coef, smooth=smooth) for smooth in (False, True))
    (places,) = encoder.positions(images[:1])
    assert_allclose(smoothed.sum(axis=0), shares.sum(axis=0), atol=1e-11 * np.abs(shares).sum())
    # Pixel i is of a square if its centre is.
    first, last = np.ceil(places[:, :2].T - places[:, 2] / 2), np.ceil(places[:, :2].T + places[:, 2] / 2)
    starts, stops = np.int64(np.maximum(first, 0)), np.int64(last)
    cells = [(slice(a, b), slice(c, d)) for c, a, d, b in zip(starts[0], starts[1], stops[0], stops[1], strict=True)]
    for k in range(2):
        expected = spread_over_cells(shares[:, k], cells, images[0].shape[:2])
        assert_allclose(smoothed[:, k], expected, atol=1e-11 * np.abs(shares).max())
    assert np.abs(smoothed).sum() < 0.7 * np.abs(shares).sum()
    by = encoder.contributions(images[:1], coef, by="component", smooth=True)[0]
    assert_allclose(by.sum(axis=2), smoothed, atol=1e-11 * np.abs(shares).max())
    grouped = encoder.contributions(images[:2], coef, groups=[0, 0], smooth=True)
    assert_allclose(
        sum(x.sum(axis=0) for x in grouped), (encoder.transform(images[:2], groups=[0, 0]) @ coef.T)[0], atol=1e-4
    )
    with pytest.raises(TypeError, match="smooth must be a bool"):
        encoder.contributions(images[:1], coef, smooth="yes")


def test_the_command_has_the_same_shares_places_and_smoothed_shares(images, tmp_path):
    encoder = image_encoder(images)
    encoder.save(tmp_path / "m.safetensors")
    coef = coefficients(1, encoder.n_features_out_)
    np.savez(tmp_path / "coef.npz", coef=coef, intercept=[0.0], classes=["a", "b"])
    Image.fromarray(images[0]).save(tmp_path / "a <b>.png")
    arguments = ["explain", "a <b>.png", "-m", "m.safetensors", "--classifier", "coef.npz", "--class", "b"]
    subprocess.run(
        [sys.executable, "-m", "fishervec._cli", *arguments, "-o", "why.html", "-q"], cwd=tmp_path, check=True
    )
    table = pd.read_csv(tmp_path / "why.csv")
    assert_allclose(table[["x", "y", "side"]] - [0.5, 0.5, 0], encoder.positions(images[:1])[0])
    for column, smooth in (("contribution", False), ("smoothed", True)):
        (expected,) = encoder.contributions(images[:1], coef[0], smooth=smooth)
        assert_allclose(table[column], expected, rtol=1e-9, atol=1e-12)


# ---- errors ----------------------------------------------------------------------------------------------

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

"""Groups of sets are encoded as one set each, in whatever form sets and groups come."""

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import scipy.sparse
import sklearn
from numpy.testing import assert_array_equal
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import cases
import fishervec
from fishervec import BagOfWords, FisherVector, ImageEncoder, Pooling, Statistics, Vlad

SETS = cases.SETS
LABELS = ["b", "a", "b", "c", "d", "a", "c", "b", "a", "c", "d", "a"]
NAMES = ["a", "b", "c", "d"]
WHOLE = [np.concatenate([x for x, label in zip(SETS, LABELS, strict=True) if label == name]) for name in NAMES]
MATRIX = np.array([[label == name for label in LABELS] for name in NAMES])
PLAIN = {
    "fisher": FisherVector(3, power=None, norm=None, random_state=0),
    "located": FisherVector(3, position_columns=1, spatial=1, pyramid="1,2", power=None, norm=None, random_state=0),
    "pca": FisherVector(3, pca=3, rows="l2", power=None, norm=None, random_state=0),
    "vlad": Vlad(3, power=None, norm=None, random_state=0),
    "residual": Vlad(3, residual=True, power=None, norm=None, random_state=0),
    "bag": BagOfWords(3, assignment="soft", power=None, norm=None, random_state=0),
    "pooling": Pooling(),
}


@pytest.fixture(scope="module")
def encoder():
    return FisherVector(3, random_state=0).fit(SETS)


def close(got, expected, tolerance):
    """Whether each vector differs by that fraction of its length."""
    error = np.linalg.norm(got.astype(np.float64) - expected, axis=1)
    assert (error <= tolerance * np.linalg.norm(expected, axis=1)).all(), error


@pytest.mark.parametrize("name", PLAIN)
def test_a_group_has_the_vector_of_its_sets_as_one_set(name):
    encoder = PLAIN[name].fit(SETS)
    close(encoder.transform(SETS, groups=LABELS), encoder.transform(WHOLE), 1e-12)
    # Descriptors that the mixture does not expect: of its own sample the gradient is nothing but noise.
    single = [(1.3 * x + 0.2).astype(np.float32) for x in SETS]
    whole = [(1.3 * x + 0.2).astype(np.float32) for x in WHOLE]
    got = encoder.transform(single, groups=LABELS)
    assert got.dtype == np.float32
    close(got, encoder.transform(whole).astype(np.float64), 1e-6)
    weights = [np.linspace(0, 2, len(x)) for x in SETS]
    of_whole = [
        np.concatenate([w for w, label in zip(weights, LABELS, strict=True) if label == name]) for name in NAMES
    ]
    expected = encoder.transform(WHOLE, weights=of_whole)
    close(encoder.transform(SETS, weights=weights, groups=LABELS), expected, 1e-12)


def test_all_forms_of_groups_give_the_same_bits(encoder):
    expected = encoder.transform(SETS, groups=LABELS)
    numbers = [NAMES.index(label) for label in LABELS]
    for groups in (
        tuple(LABELS),
        np.array(LABELS),
        np.array(LABELS, dtype=object),
        pd.Series(LABELS, index=range(100, 112)),
        pd.Categorical(LABELS),
        pl.Series(LABELS),
        pa.array(LABELS),
        (label for label in LABELS),
        numbers,
        np.array(numbers, dtype=np.uint8),
        [float(i) for i in numbers],
        MATRIX,
        MATRIX.astype(np.int64),
        MATRIX.astype(float).tolist(),
        pd.DataFrame(MATRIX),
        scipy.sparse.csr_matrix(MATRIX),
        scipy.sparse.csc_array(MATRIX.astype(np.float32)),
        scipy.sparse.coo_matrix(MATRIX),
    ):
        assert_array_equal(encoder.transform(SETS, groups=groups), expected, err_msg=type(groups).__name__)


@pytest.mark.parametrize(
    "labels", [[2**63, 2**63 + 1, 1], [2**64, 2**64 + 1, -1], [2**53, 2**53 + 1, 0.5], ["a", "a\0", "b"]], ids=str
)
def test_labels_that_an_array_cannot_tell_apart_are_labels_of_their_own(encoder, labels):
    groups = labels * 4
    expected = encoder.transform(SETS, groups=[sorted(labels).index(label) for label in groups])
    assert_array_equal(encoder.transform(SETS, groups=groups), expected)
    encoder.set_output(transform="pandas")
    try:
        assert encoder.transform(SETS, groups=groups).index.tolist() == sorted(labels)
    finally:
        encoder.set_output(transform="default")


def test_entries_of_a_sparse_matrix_that_are_there_often_are_added_up(encoder):
    often = scipy.sparse.coo_matrix((np.ones(300, np.uint8), ([0] * 300, [1] * 300)), shape=(1, 12))
    assert_array_equal(encoder.transform(SETS, groups=often), encoder.transform(SETS, groups=300.0 * np.eye(12)[1:2]))


def test_all_forms_of_sets_give_the_same_bits(encoder):
    expected = encoder.transform(SETS, groups=LABELS)
    offsets = np.concatenate([[0], np.cumsum([len(x) for x in SETS])])
    for X in (iter(SETS), tuple(SETS), (np.concatenate(SETS), offsets), pd.Series(SETS)):
        assert_array_equal(encoder.transform(X, groups=LABELS), expected)
    assert_array_equal(FisherVector(3, random_state=0).fit_transform(SETS, groups=LABELS), expected)
    assert_array_equal(FisherVector(3, random_state=0).fit_transform(iter(SETS), groups=LABELS), expected)
    out = np.full_like(expected, 7.0)
    assert encoder.transform(SETS, groups=LABELS, out=out) is out
    assert_array_equal(out, expected)
    assert_array_equal(encoder.set_params(n_jobs=1).transform(SETS, groups=LABELS), expected)
    encoder.set_params(n_jobs=None)


def test_sets_may_come_in_parts_that_cut_groups(encoder):
    # More sets than are worked on at a time, with groups from the first to the last.
    many = [SETS[i % 12][: 5 + i % 7] for i in range(600)]
    labels = np.arange(600) % 5
    expected = encoder.transform(many, groups=labels)
    assert_array_equal(encoder.transform(iter(many), groups=labels), expected)
    with pytest.raises(ValueError, match=r"^set 300: row 0, column 0 is NaN"):
        encoder.transform((np.full((1, 5), np.nan if i == 300 else 0.0) for i in range(600)), groups=labels)
    with pytest.raises(ValueError, match="groups must be those of 599 sets, got 600"):
        encoder.transform(iter(many[:-1]), groups=labels)
    with pytest.raises(ValueError, match="groups must be those of at least 512 sets, got 400"):
        encoder.transform(iter(many), groups=labels[:400])


def test_sets_of_files_are_grouped_by_their_folders(encoder, tmp_path):
    for i, (x, label) in enumerate(zip(SETS, LABELS, strict=True)):
        (tmp_path / label).mkdir(exist_ok=True)
        np.save(tmp_path / label / f"{i}.npy", x)
    sets = fishervec.open_sets(tmp_path, groups="folder")
    expected = encoder.transform(SETS, groups=LABELS)
    assert_array_equal(encoder.transform(sets, groups=sets.groups), expected)
    again = FisherVector(3, random_state=0).fit_transform(sets, groups=sets.groups)
    assert again.shape == expected.shape


def test_groups_overlap_and_count_in_part(encoder):
    matrix = scipy.sparse.lil_matrix((5, 12))
    matrix[0, :] = 1
    matrix[1, [0, 2]] = 1
    matrix[2, [2, 3]] = [0.5, 2]
    matrix[4, 4] = 1
    got = encoder.transform(SETS, groups=matrix)
    close(got[:1], encoder.transform([np.concatenate(SETS)]), 1e-9)
    close(got[1:2], encoder.transform([np.concatenate([SETS[0], SETS[2]])]), 1e-9)
    weights = [np.r_[np.full(len(SETS[2]), 0.5), np.full(len(SETS[3]), 2.0)]]
    close(got[2:3], encoder.transform([np.concatenate(SETS[2:4])], weights=weights), 1e-9)
    # A group without sets, and one of an empty set.
    assert not got[3:].any()


def test_segments_of_superpixels_are_groups_of_pieces(encoder):
    x = np.concatenate(SETS)
    superpixel = np.arange(len(x)) * 7 % 40
    order = np.argsort(superpixel, kind="stable")
    pieces = (x[order], np.searchsorted(superpixel[order], np.arange(41)))
    segments = scipy.sparse.random(6, 40, 0.3, format="csr", random_state=0, data_rvs=np.ones)
    expected = [x[np.isin(superpixel, segment.indices)] for segment in segments]
    close(encoder.transform(pieces, groups=segments), encoder.transform(expected), 1e-9)


def test_statistics_of_groups(encoder):
    got = encoder.statistics(SETS, groups=LABELS)
    assert [one.n for one in got] == [len(x) for x in WHOLE]
    expected = encoder.transform(SETS, groups=LABELS)
    assert_array_equal(encoder.transform(got), expected)
    assert_array_equal(encoder.transform(encoder.statistics(SETS), groups=LABELS), expected)
    assert_array_equal(encoder.transform(iter(encoder.statistics(SETS)), groups=MATRIX), expected)
    empty = encoder.statistics(SETS, groups=np.zeros((1, 12)))
    assert isinstance(empty[0], Statistics)
    assert empty[0].n == 0
    assert not encoder.transform(encoder.statistics(SETS), groups=np.zeros((2, 12))).any()
    assert [one.n for one in encoder.statistics(iter(SETS), groups=LABELS)] == [len(x) for x in WHOLE]
    with pytest.raises(ValueError, match="groups must be those of 12 sets, got 3"):
        encoder.transform(encoder.statistics(SETS), groups=[1, 1, 2])
    with pytest.raises(TypeError, match="pooling has no statistics"):
        Pooling().fit(SETS).statistics(SETS, groups=LABELS)


def test_images_of_a_group():
    images = cases.IMAGES
    plain = FisherVector(2, rows="rootsift", pca=4, random_state=0)
    encoder = ImageEncoder(plain).fit(images)
    got = encoder.transform(images, groups=[5, 3, 5, 3])
    alone = encoder.transform(images)
    assert got.dtype == np.float32
    assert_array_equal(encoder.transform(images, groups=range(4)), alone)
    assert_array_equal(encoder.transform(iter(images), groups=[5, 3, 5, 3]), got)
    assert_array_equal(ImageEncoder(plain).fit_transform(images, groups=[5, 3, 5, 3]), got)
    assert not np.array_equal(got, alone[:2])
    with pytest.raises(ValueError, match=r"groups must be those of (at least )?4 sets, got 3"):
        encoder.transform(images, groups=[1, 2, 3])


def test_pandas_output_has_the_labels_as_index(encoder):
    encoder.set_output(transform="pandas")
    try:
        frame = encoder.transform(pd.Series(SETS), groups=LABELS)
        assert frame.index.tolist() == NAMES
        assert frame.columns.tolist() == encoder.get_feature_names_out().tolist()
        assert encoder.transform(SETS, groups=MATRIX).index.tolist() == [0, 1, 2, 3]
        encoder.set_output(transform="polars")
        assert encoder.transform(pd.Series(SETS), groups=LABELS).shape == frame.shape
    finally:
        encoder.set_output(transform="default")


@pytest.mark.parametrize(
    ("groups", "error", "text"),
    [
        (LABELS[:-1], ValueError, "groups must be those of 12 sets, got 11"),
        ([*LABELS[:-1], None], ValueError, "groups must have a label for each set, got None for set 11"),
        ([*LABELS[:-1], np.nan], ValueError, "got nan for set 11"),
        (pd.Series([*LABELS[:-1], pd.NA], dtype=object), ValueError, "got <NA> for set 11"),
        (pd.Series([*LABELS[:-1], pd.NA]), ValueError, "got nan for set 11"),
        (pa.array([*LABELS[:-1], None]), ValueError, "got None for set 11"),
        ([*LABELS[:-1], 3], TypeError, "labels of one kind, got int and str"),
        ("patient", TypeError, "groups must be one label per set, .* got str"),
        ({"a": 1}, TypeError, "got dict"),
        (7, TypeError, "got int"),
        ([np.zeros(len(x)) for x in SETS], ValueError, "to group parts of sets, pass each part as a set"),
        (MATRIX.T, ValueError, "a matrix of groups has shape .n_groups, n_sets., pass groups.T|got 4"),
        (-MATRIX.astype(float), ValueError, "of how much it counts there, and of 0 elsewhere, got -1.0"),
        (np.where(MATRIX, np.nan, 0), ValueError, "0 elsewhere, got nan"),
        (np.array([LABELS]), TypeError, "groups must be a matrix of numbers"),
        (pd.DataFrame({"patient": LABELS}), ValueError, "a frame of one column: pass the column"),
    ],
)
def test_what_is_no_group_is_told(encoder, groups, error, text):
    with pytest.raises(error, match=text):
        encoder.transform(SETS, groups=groups)


def test_labels_in_another_order_of_the_index_are_an_error(encoder):
    X = pd.Series(SETS, index=list("abcdefghijkl"))
    groups = pd.Series(LABELS, index=X.index)
    expected = encoder.transform(SETS, groups=LABELS)
    assert_array_equal(encoder.transform(X, groups=groups), expected)
    with pytest.raises(ValueError, match="groups must have the index of the sets in the same order"):
        encoder.transform(X, groups=groups.iloc[::-1])


def test_out_must_have_one_row_per_group(encoder):
    with pytest.raises(ValueError, match="out must have one row per group, shape"):
        encoder.transform(SETS, groups=LABELS, out=np.zeros((12, encoder.n_features_out_)))
    with pytest.raises(TypeError, match="out must be an array of floats"):
        encoder.transform(SETS, groups=LABELS, out=[])


def test_no_sets_make_no_groups(encoder):
    assert encoder.transform([], groups=[]).shape == (0, encoder.n_features_out_)
    assert encoder.transform(iter([]), groups=[]).shape == (0, encoder.n_features_out_)
    assert encoder.transform([], groups=np.zeros((2, 0))).shape == (2, encoder.n_features_out_)


def test_groups_of_a_splitter_are_not_those_of_an_encoder():
    """`groups` means something in scikit-learn: it reaches an encoder only where that is asked for."""
    y = np.arange(12) % 2
    numbers = np.repeat(np.arange(4), 3)
    model = make_pipeline(FisherVector(2, random_state=0), StandardScaler(), LogisticRegression())
    expected = cross_val_score(model, SETS, y, groups=numbers, cv=GroupKFold(2))
    with sklearn.config_context(enable_metadata_routing=True):
        got = cross_val_score(model, SETS, y, params={"groups": numbers}, cv=GroupKFold(2))
        asked = FisherVector(2, random_state=0).set_transform_request(groups=True)
        pipeline = make_pipeline(asked, StandardScaler())
        vectors = pipeline.fit_transform(SETS, groups=LABELS)
        assert vectors.shape[0] == len(NAMES)
        assert_array_equal(pipeline.transform(SETS, groups=LABELS), vectors)
    assert_array_equal(got, expected)

"""Every form of sets gives the vectors of a list of arrays; everything else is an error that says what and where."""

import itertools
import tracemalloc

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from fishervec import FisherVector, GaussianMixture, Pooling, _batch
from fishervec._sets import as_batch

pytestmark = pytest.mark.filterwarnings("ignore:.*descriptors per component")


@pytest.fixture(scope="module")
def encoder(sets):
    return FisherVector(3, random_state=0).fit(sets)


@pytest.fixture(scope="module")
def expected(encoder, sets):
    return encoder.transform(sets)


def flat(sets):
    return np.concatenate(sets), np.cumsum([0, *map(len, sets)])


def arrow(sets, of_rows=pa.list_):
    values, offsets = flat(sets)
    starts = np.arange(len(values) + 1) * values.shape[1]
    if of_rows is pa.list_:
        rows = pa.ListArray.from_arrays(pa.array(starts, pa.int32()), pa.array(values.ravel()))
    else:
        rows = pa.FixedSizeListArray.from_arrays(pa.array(values.ravel()), values.shape[1])
    return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), rows)


class OnlyArray:
    def __init__(self, x):
        self.x = x

    def __array__(self, dtype=None, copy=None):
        return self.x


class OnlyDLPack:
    def __init__(self, x):
        self.x = x

    def __dlpack__(self, **kwargs):
        return self.x.__dlpack__(**kwargs)

    def __dlpack_device__(self):
        return self.x.__dlpack_device__()


def objects(sets):
    out = np.empty(len(sets), dtype=object)
    out[:] = sets
    return out


FORMS = {
    "tuple of arrays": tuple,
    "iterator": iter,
    "generator": lambda sets: (x for x in sets),
    "object array": objects,
    "values and offsets": flat,
    "values and a list of offsets": lambda sets: (flat(sets)[0], flat(sets)[1].tolist()),
    "values and a tuple of offsets": lambda sets: (flat(sets)[0], tuple(flat(sets)[1])),
    "values and a column of offsets": lambda sets: (flat(sets)[0], pd.Series(flat(sets)[1])),
    "values and unsigned offsets": lambda sets: (flat(sets)[0], flat(sets)[1].astype(np.uint32)),
    "Fortran order": lambda sets: [np.asfortranarray(x) for x in sets],
    "every second row of twice as many": lambda sets: [np.repeat(x, 2, axis=0)[::2] for x in sets],
    "reversed columns": lambda sets: [np.ascontiguousarray(x[:, ::-1])[:, ::-1] for x in sets],
    "big-endian": lambda sets: [x.astype(">f8") for x in sets],
    "unaligned": lambda sets: [np.frombuffer(b"_" + x.tobytes(), "f8", offset=1).reshape(x.shape) for x in sets],
    "lists of lists": lambda sets: [x.tolist() for x in sets],
    "objects with __array__": lambda sets: [OnlyArray(x) for x in sets],
    "objects with __dlpack__": lambda sets: [OnlyDLPack(x) for x in sets],
    "Arrow lists of lists": arrow,
    "Arrow lists of fixed-size lists": lambda sets: arrow(sets, pa.FixedSizeListArray),
    "Arrow, sliced": lambda sets: arrow([sets[0], *sets, sets[1]])[1 : 1 + len(sets)],
    "Arrow, large": lambda sets: arrow(sets).cast(pa.large_list(pa.large_list(pa.float64()))),
    "Arrow, chunked": lambda sets: pa.chunked_array([arrow(sets[:5]), arrow(sets[5:])]),
    "pandas column of objects": lambda sets: pd.Series([x.tolist() for x in sets]),
    "pandas column of arrays": lambda sets: pd.Series(list(sets)),
    "pandas column of Arrow lists": lambda sets: pd.Series(pd.arrays.ArrowExtensionArray(arrow(sets))),
    "polars column": lambda sets: pl.Series([x.tolist() for x in sets], dtype=pl.List(pl.List(pl.Float64))),
    "polars column of arrays": lambda sets: pl.Series(
        [x.tolist() for x in sets], dtype=pl.List(pl.Array(pl.Float64, 5))
    ),
}


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS.keys())
def test_every_form_of_the_same_sets_gives_the_same_bits(encoder, expected, sets, form):
    assert_array_equal(encoder.transform(form(sets)), expected)
    assert_array_equal(FisherVector(3, random_state=0).fit(form(sets)).mixture_.means_, encoder.mixture_.means_)


@pytest.mark.parametrize("like", ["torch", "jax.numpy"])
def test_tensors_of_other_libraries(encoder, sets, like):
    tensors = pytest.importorskip(like)
    make = tensors.from_numpy if like == "torch" else tensors.asarray
    few = [x.astype(np.float32) for x in sets]
    assert_array_equal(encoder.transform([make(x) for x in few]), encoder.transform(few))


def test_sets_of_one_size_are_one_array(encoder, sets):
    cube = np.stack([sets[2][:40], sets[3][:40], sets[6][:40]])
    assert_array_equal(encoder.transform(cube), encoder.transform(list(cube)))
    assert_array_equal(encoder.transform(cube[:, ::2]), encoder.transform([x[::2] for x in cube]))


def test_an_iterator_longer_than_what_is_encoded_at_a_time(encoder, expected, sets):
    many = encoder.transform(sets[i % len(sets)] for i in range(600))
    assert_array_equal(many, expected[np.arange(600) % len(sets)])


@pytest.mark.parametrize(
    ("given", "float_type"),
    [("f4", "f4"), ("f8", "f8"), ("f2", "f4"), ("u1", "f4"), ("i8", "f8"), ("i4", "f8"), ("?", "f8"), ("g", "f8")],
)
def test_number_types(encoder, sets, given, float_type):
    typed = [np.abs(x).astype(given) for x in sets]
    vectors = encoder.transform(typed)
    assert vectors.dtype == float_type
    assert_allclose(vectors, encoder.transform([x.astype("f8") for x in typed]), atol=1e-3)


def test_mixed_number_types_become_the_larger_one(encoder, sets):
    mixed = [x.astype("f4") if i % 2 else x for i, x in enumerate(sets)]
    assert encoder.transform(mixed).dtype == np.float64
    small = [x.astype("f4") if i % 2 else np.abs(x).astype("u1") for i, x in enumerate(sets)]
    assert encoder.transform(small).dtype == np.float32


@pytest.mark.parametrize(
    "nothing", [[], np.empty((0, 4, 5)), (np.empty((0, 5)), [0]), pa.array([], pa.list_(pa.list_(pa.float64())))]
)
def test_no_sets_give_no_vectors(encoder, expected, nothing):
    assert encoder.transform(nothing).shape == (0, expected.shape[1])


def test_an_empty_set_is_zero_in_every_form(encoder, sets):
    for empty in ([np.empty((0, 5))], [[]], (np.empty((0, 5)), [0, 0]), np.empty((1, 0, 5)), pd.Series([[]])):
        vectors = encoder.transform(empty)
        assert vectors.shape[0] == 1
        assert not vectors.any()


@pytest.mark.parametrize("kind", ["f4", "f8", "f2", "u1"])
def test_arrays_of_kept_types_are_not_copied(kind):
    x = np.ones((5, 100, 3), kind)
    for sets in (list(x), x, (x.reshape(-1, 3), np.arange(6) * 100)):
        values = as_batch(sets).values
        for array in values if isinstance(values, list) else [values]:
            assert np.shares_memory(array, x)


def test_a_large_set_is_encoded_without_a_copy(encoder):
    x = np.random.default_rng(0).normal(size=(400_000, 5)).astype(np.float32)
    tracemalloc.start()
    encoder.transform([x])
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < x.nbytes / 10


# ---- weights ---------------------------------------------------------------------------------------------


def test_weights_in_every_form(encoder, sets):
    weights = [np.random.default_rng(i).uniform(size=len(x)) for i, x in enumerate(sets)]
    expected = encoder.transform(sets, weights=weights)
    joined = np.concatenate(weights)
    assert_array_equal(encoder.transform(flat(sets), weights=joined), expected)
    assert_array_equal(encoder.transform(flat(sets), weights=(joined, flat(sets)[1])), expected)
    assert_array_equal(encoder.transform(arrow(sets), weights=pa.array([w.tolist() for w in weights])), expected)
    assert_array_equal(encoder.transform(iter(sets), weights=iter(weights)), expected)
    cube = np.stack([sets[2][:40], sets[3][:40]])
    square = np.random.default_rng(0).uniform(size=(2, 40))
    assert_array_equal(encoder.transform(cube, weights=square), encoder.transform(list(cube), weights=list(square)))


# ---- errors ----------------------------------------------------------------------------------------------

PLAIN = "sets must be several sets, got one array of shape .9, 5.. For one set write .x.; for sets of one size"
CASES = {
    "one array": (lambda: np.zeros((9, 5)), ValueError, PLAIN),
    "a frame of pandas": (lambda: pd.DataFrame(np.zeros((9, 5))), ValueError, PLAIN),
    "a frame of polars": (lambda: pl.DataFrame(np.zeros((9, 5))), ValueError, PLAIN),
    "a table of Arrow": (lambda: pa.table({name: np.zeros(9) for name in "abcde"}), ValueError, PLAIN),
    "a frame that may hold a column of sets": (
        lambda: pd.DataFrame({"sets": [np.zeros((2, 5))] * 2, "age": [1, 2]}),
        ValueError,
        "got one array of shape .2, 2.*; for a column of sets this column alone, such as x...sets...",
    ),
    "text": (
        lambda: "sets",
        TypeError,
        "sets must be a list of arrays of shape .n_i, d. or another form of sets, got str",
    ),
    "a dictionary": (
        lambda: {"a": np.zeros((2, 5))},
        TypeError,
        "sets must be a list of arrays of shape .n_i, d. or another form of sets, got dict",
    ),
    "a number": (
        lambda: 3,
        TypeError,
        "sets must be a list of arrays of shape .n_i, d. or another form of sets, got int",
    ),
    "None": (
        lambda: None,
        TypeError,
        "sets must be a list of arrays of shape .n_i, d. or another form of sets, got NoneType",
    ),
    "four axes": (lambda: np.zeros((2, 2, 2, 5)), ValueError, "one array of shape .2, 2, 2, 5."),
    "rows instead of sets": (
        lambda: list(np.zeros((3, 5))),
        ValueError,
        r"set 0 must be an array .* got shape \(5,\); if this is one set, write \[x\].*; if these are sets of one",
    ),
    "three axes in a set": (lambda: [np.zeros((2, 3, 5))], ValueError, r"set 0 must be .* got shape \(2, 3, 5\)"),
    "columns": (
        lambda: [np.zeros((2, 5)), np.zeros((2, 4))],
        ValueError,
        "set 1.*dimension of descriptors.*5, got 4",
    ),
    "NaN": (lambda: [np.zeros((2, 5)), np.full((2, 5), np.nan)], ValueError, "set 1: row 0, column 0 is NaN"),
    "infinity": (
        lambda: [np.zeros((2, 5)), [[0, 0, 0, 0, 0], [0, 0, 0, -np.inf, 0]]],
        ValueError,
        "set 1: row 1, column 3 is -inf",
    ),
    "complex": (lambda: [np.zeros((2, 5), complex)], ValueError, "Complex data not supported"),
    "strings": (lambda: [[["a", "b"]]], (TypeError, ValueError), "set 0 must be an array of numbers"),
    "ragged rows": (lambda: [[[1, 2], [3]]], (TypeError, ValueError), "set 0 must be an array"),
    "masked": (
        lambda: [np.ma.masked_less(np.eye(5), 0.5)],
        ValueError,
        r"set 0: row 0, column 1 is NaN.*; leave the row out, or give it a weight of 0 \(masked values",
    ),
    "offsets do not start at 0": (lambda: (np.zeros((3, 5)), [1, 3]), ValueError, "offsets.0. .*0"),
    "offsets fall": (lambda: (np.zeros((3, 5)), [0, 2, 1, 3]), ValueError, "offsets.2. .*at least 2"),
    "offsets end early": (
        lambda: (np.zeros((3, 5)), [0, 2]),
        ValueError,
        "offsets.1. .*the number of rows, 3",
    ),
    "negative offsets": (lambda: (np.zeros((3, 5)), [0, -1, 3]), ValueError, "offsets.1. .*at least 0"),
    "values of one axis": (lambda: (np.zeros(3), [0, 3]), ValueError, r"values must be an array of shape \(n, d\)"),
    "Arrow, ragged rows": (
        lambda: pa.array([[[1.0, 2.0]], [[1.0, 2.0], [3.0]]]),
        ValueError,
        "set 1: row 1 must have 2 numbers like the first row, got 1",
    ),
    "Arrow, no set": (
        lambda: pa.array([[[1.0]], None]),
        ValueError,
        "set 1 must be an array .* got null: .*pass np.empty",
    ),
    "Arrow, no row": (
        lambda: pa.array([[[1.0]], [[1.0], None]]),
        ValueError,
        "set 1: row 1 must be a list, got null",
    ),
    "Arrow, no number": (lambda: pa.array([[[1.0, None, 1.0, 1.0, 1.0]]]), ValueError, "set 0: row 0, column 1 is NaN"),
    "Arrow, not nested": (lambda: pa.array([1.0, 2.0]), TypeError, "sets must be a column of lists of rows"),
}


@pytest.mark.parametrize(("make", "error", "message"), CASES.values(), ids=CASES.keys())
def test_what_is_not_sets_is_an_error_that_says_where(encoder, make, error, message):
    with pytest.raises(error, match=message):
        encoder.transform(make())
    with pytest.raises(error, match=message):
        Pooling().fit_transform(make())


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ([[1.0, 1.0]], "weights must be those of 2 sets, got 1"),
        ([[1.0, 1.0], [1.0]], r"set 1: weights must have shape \(3,\), got shape \(1,\)"),
        ([[1.0, 1.0], [1.0, -2.0, 1.0]], "set 1: the weight of row 1 is -2"),
        ([[1.0, np.nan], [1.0, 1.0, 1.0]], "set 0: the weight of row 1 is NaN"),
    ],
)
def test_weights_that_do_not_fit(encoder, weights, message):
    with pytest.raises(ValueError, match=message):
        encoder.transform([np.zeros((2, 5)), np.zeros((3, 5))], weights=weights)


def test_sets_with_another_number_of_columns_than_fitted(encoder):
    with pytest.raises(ValueError, match=r"set 0.*dimension of descriptors.*5, got 4"):
        encoder.transform([np.zeros((2, 4))])


def test_weights_of_a_3d_array_have_its_shape(encoder):
    with pytest.raises(ValueError, match="weights must be those of 2 sets, got 40"):
        encoder.transform(np.zeros((2, 40, 5)), weights=np.ones((40, 2)))


@pytest.mark.parametrize("spoiled", [np.full((2, 5), np.nan), np.zeros((2, 4)), np.zeros(5)])
def test_an_error_in_an_iterator_counts_sets_from_its_start(encoder, sets, spoiled):
    with pytest.raises(ValueError, match=r"^set 300\b"):
        encoder.transform(spoiled if i == 300 else sets[0] for i in range(400))


# ---- many views of one array -----------------------------------------------------------------------------


def views(x):
    """Ways to cut one array into many sets, and what must be said of each."""
    ends = np.linspace(0, len(x), 101).astype(int)
    cut = [x[a:b] for a, b in itertools.pairwise(ends)]
    return {
        "one after the other": (cut, True),
        "in another order": (cut[::3] + cut[1::3] + cut[2::3], True),
        "overlapping": ([x[i : i + 7] for i in range(200)], True),
        "some of them empty": ([x[i : i + i % 3] for i in range(200)], True),
        "all of them empty": ([x[i:i] for i in range(200)], False),
        "planes": (list(x.reshape(-1, 5, x.shape[1])), True),
        "every other row": ([x[i : i + 9 : 2] for i in range(0, 400, 2)], True),
        "some columns": ([x[i : i + 9, 1:3] for i in range(200)], True),
        "other columns each": ([x[i : i + 9, i % 2 : i % 2 + 2] for i in range(200)], False),
        "backwards": ([x[i + 9 : i : -1] for i in range(200)], False),
        "one row again and again": ([np.broadcast_to(x[i], (4, x.shape[1])) for i in range(200)], False),
        "own arrays": ([part.copy() for part in cut], False),
        "one that is another's": ([*cut, x[:5].copy()], False),
        "few": (cut[:5], False),
    }


@pytest.mark.parametrize("dtype", ["f4", "f8", "f2", "u1"])
@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("name", views(np.zeros((500, 4))))
def test_many_views_of_one_array_are_read_as_one(name, order, dtype):
    x = (100 * np.random.default_rng(0).random((500, 4))).astype(dtype, order=order)
    sets, are_one = views(x)[name]
    batch = _batch.Batch(sets)
    if order == "C":
        assert (batch.spans is not None) == are_one
    if batch.spans is not None:
        whole, rows = batch.spans
        assert np.shares_memory(whole, x) and not whole.flags.writeable
        for part, (start, end) in zip(sets, rows, strict=True):
            np.testing.assert_array_equal(whole[start:end], part)
    gmm = GaussianMixture(3, random_state=0).fit(x[:, : sets[0].shape[1]])
    encoder = FisherVector(mixture=gmm).fit(sets)
    np.testing.assert_array_equal(encoder.transform(sets), encoder.transform([part.copy() for part in sets]))


def test_an_error_names_the_view():
    x = np.random.default_rng(0).normal(size=(900, 4))
    encoder = FisherVector(2, random_state=0).fit([x])
    x[777, 2] = np.nan
    with pytest.raises(ValueError, match=r"set 77.*row 7, column 2 is NaN"):
        encoder.transform([x[i : i + 10] for i in range(0, 900, 10)])

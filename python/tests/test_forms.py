"""A list of numbers per descriptor, in all forms that hold one: the answer, or the cure."""

import re

import h5py
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.dataset
import pyarrow.parquet as pq
import pytest
import zarr
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse

from fishervec import DescriptorPCA, FisherVector, GaussianMixture

pytestmark = pytest.mark.filterwarnings("ignore:only .* descriptors per component")

X = np.random.default_rng(0).normal(size=(40, 3)).astype(np.float32)
LISTS, FIXED = pa.list_(pa.float32()), pa.list_(pa.float32(), 3)
COLUMN = pa.chunked_array([X[:9].tolist(), X[9:].tolist()], LISTS)
TABLE = pa.table({"features": COLUMN})
KEYS = np.repeat(["a", "b"], 20)
KEYED = pa.table({"slide_id": KEYS, "features": COLUMN})

#: Of each form, the rows of one set.
ROWS = {
    "Table": TABLE,
    "RecordBatch": TABLE.combine_chunks().to_batches()[0],
    "ChunkedArray": COLUMN,
    "Array": COLUMN.combine_chunks(),
    "large lists": COLUMN.cast(pa.large_list(pa.float32())),
    "list views": pa.array(X.tolist(), pa.list_view(pa.float32())),
    "fixed-size lists": pa.array(X.tolist(), FIXED),
    "table of fixed-size lists": pa.table({"features": pa.array(X.tolist(), FIXED)}),
    "tensors": pa.FixedShapeTensorArray.from_numpy_ndarray(X),
    "polars column": pl.Series("f", X.tolist(), dtype=pl.List(pl.Float32)),
    "polars array": pl.Series("f", X),
    "polars frame": pl.from_arrow(TABLE),
    "pandas column of lists": pd.Series([[np.float32(v) for v in row] for row in X]),
    "pandas column of arrays": pd.Series(list(X), index=range(40, 0, -1)),
    "pandas frame": pd.DataFrame({"f": list(X)}),
    "pandas column of Arrow": pd.Series(X.tolist(), dtype=pd.ArrowDtype(LISTS)),
    "pandas column of fixed-size lists": pd.Series(X.tolist(), dtype=pd.ArrowDtype(FIXED)),
    "pandas frame of Arrow": pd.DataFrame({"f": pd.Series(X.tolist(), dtype=pd.ArrowDtype(LISTS))}),
}
BOTH = (
    r"^sets must be several sets, got a column of 40 lists of numbers, each a descriptor: \[x\] if all are one set; "
    r"fishervec\.open_sets\(table, groups=NAME\) for several"
)


@pytest.fixture(scope="module")
def encoder():
    return FisherVector(2, random_state=0).fit([X])


@pytest.mark.parametrize("form", ROWS.values(), ids=ROWS.keys())
def test_a_column_of_lists_is_one_set_if_it_is_in_a_list(encoder, form):
    expected = encoder.transform([X, X[:7]])
    assert_array_equal(encoder.transform([form, X[:7]]), expected)
    fitted = FisherVector(2, random_state=0).fit([form])
    assert_array_equal(fitted.transform([X, X[:7]]), expected)
    assert not hasattr(fitted, "feature_names_in_")


@pytest.mark.parametrize("form", ROWS.values(), ids=ROWS.keys())
def test_a_column_of_lists_alone_can_be_one_set_or_several(encoder, form):
    for call in (encoder.transform, FisherVector(2).fit):
        with pytest.raises(ValueError, match=BOTH):
            call(form)


@pytest.mark.parametrize("form", ROWS.values(), ids=ROWS.keys())
def test_a_column_of_lists_is_the_values_of_sets_with_offsets(encoder, form):
    assert_array_equal(encoder.transform((form, [0, 9, 9, 40])), encoder.transform([X[:9], X[:0], X[9:]]))


@pytest.mark.parametrize("form", ROWS.values(), ids=ROWS.keys())
def test_where_descriptors_need_no_sets_the_rows_are_taken(form):
    pca = DescriptorPCA(2).fit(form)
    assert_array_equal(pca.transform(form), DescriptorPCA(2).fit([X]).transform([X])[0])
    mixture = GaussianMixture(2, random_state=0)
    assert_allclose(mixture.fit(form).means_, GaussianMixture(2, random_state=0).fit(X).means_)
    assert_allclose(mixture.score_samples(form), mixture.score_samples(X))


@pytest.mark.parametrize(
    "frame", [KEYED, KEYED.combine_chunks().to_batches()[0], pl.from_arrow(KEYED), KEYED.to_pandas()], ids=type
)
def test_a_table_of_several_columns_names_the_lists_and_the_key(encoder, frame):
    cure = (
        r"each row of features is a descriptor: \[x\['features'\]\] if all are one set; fishervec\.open_sets\(x, "
        r"groups=NAME\) for several, with a column that says whose each row is, such as slide_id"
    )
    for given in (frame, [frame]):
        with pytest.raises(ValueError, match=cure):
            encoder.transform(given)
    assert_array_equal(encoder.transform([frame["features"]]), encoder.transform([X]))


OPENED_FIRST = {
    "path": (lambda path: str(path), "got str: for a file or a folder fishervec.open_sets(path)"),
    "Path": (lambda path: path, "Path: for a file or a folder fishervec.open_sets(path)"),
    "ParquetFile": (pq.ParquetFile, "got ParquetFile: fishervec.open_sets(path, groups="),
    "dataset": (pyarrow.dataset.dataset, "got FileSystemDataset: fishervec.open_sets(path, groups="),
    "reader": (lambda path: TABLE.to_reader(), "got RecordBatchReader: [x.read_all()] for one set, or for several"),
    "LazyFrame": (lambda path: pl.from_arrow(KEYED).lazy(), "got LazyFrame: x.collect()"),
    "groupby": (lambda path: KEYED.to_pandas().groupby("slide_id"), "got DataFrameGroupBy: [rows for _, rows in x]"),
    "zarr group": (lambda path: zarr.open_group(path.with_suffix(".zarr")), "got Group: fishervec.open_sets(path)"),
    "sparse": (lambda path: sparse.csr_array(X), "got csr_array: x.toarray()"),
}


@pytest.mark.parametrize(("make", "cure"), OPENED_FIRST.values(), ids=OPENED_FIRST.keys())
def test_what_must_be_opened_first_says_how(tmp_path, encoder, make, cure):
    pq.write_table(KEYED, tmp_path / "a.parquet")
    for wrap in (lambda x: x, lambda x: [x], lambda x: [X, x]):
        with pytest.raises(TypeError, match=re.escape(cure)):
            encoder.transform(wrap(make(tmp_path / "a.parquet")))
        with pytest.raises(TypeError, match=re.escape(cure)):
            FisherVector(2).fit(wrap(make(tmp_path / "a.parquet")))


def test_arrays_of_zarr_and_hdf5_are_sets(tmp_path, encoder):
    zarr.save_array(tmp_path / "a.zarr", X)
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["x"] = X
        for array in (zarr.open(tmp_path / "a.zarr"), file["x"]):
            assert_array_equal(encoder.transform([array]), encoder.transform([X]))
        with pytest.raises(TypeError, match=r"got File: fishervec\.open_sets\(path\), or the array"):
            encoder.transform(file)


def test_numbers_whose_lists_are_gone_say_how_they_come_back(encoder):
    flat = COLUMN.combine_chunks().flatten()
    with pytest.raises(TypeError, match=r"if rows of d numbers were flattened, np\.asarray\(x\)\.reshape\(-1, d\)"):
        encoder.transform(flat)
    with pytest.raises(ValueError, match=r"set 0 .* got shape \(120,\).* x\.reshape\(-1, d\)"):
        encoder.transform([flat])
    assert_array_equal(encoder.transform([np.asarray(flat).reshape(-1, 3)]), encoder.transform([X]))


def test_batches_of_a_table_are_not_taken_for_sets(tmp_path, encoder):
    pq.write_table(TABLE, tmp_path / "a.parquet", row_group_size=10)
    with pq.ParquetFile(tmp_path / "a.parquet") as file:
        for batches in (file.iter_batches(10), list(file.iter_batches(10))):
            with pytest.raises(ValueError, match="got batches of lists, which may be parts of a table"):
                encoder.transform(batches)
        whole = pa.Table.from_batches(file.iter_batches(10))
    assert_array_equal(encoder.transform([whole]), encoder.transform([X]))


WRONG = {
    "null row": (pa.array([[1.0, 2.0, 3.0], None]), "set 0: row 1 must be a list, got null"),
    "ragged": (pa.array([[1.0, 2.0, 3.0], [1.0]]), "set 0: row 1 must have 3 numbers like the rows before it, got 1"),
    "null number": (pa.array([[1.0, 2.0, None]]), "set 0: row 0, column 2 is NaN"),
    "missing in pandas": (pd.Series([[1.0, 2.0, 3.0], None]), "row 1 must be a list of numbers like row 0, got a miss"),
    "ragged in pandas": (pd.Series([[1.0, 2.0, 3.0], [1.0]]), "row 1 must be a list of numbers like row 0, got 1 num"),
    "null in polars": (pl.Series([[1.0, 2.0, 3.0], None]), "set 0: row 1 must be a list, got null"),
    "other width": (pa.array([[1.0, 2.0]]), "dimension of descriptors: expected 3, got 2"),
}


@pytest.mark.parametrize(("column", "message"), WRONG.values(), ids=WRONG.keys())
def test_a_row_that_is_wrong_is_named(encoder, column, message):
    with pytest.raises(ValueError, match=message):
        encoder.transform([column])


def test_a_column_that_begins_with_an_empty_set_is_a_column_of_sets(encoder):
    assert_array_equal(encoder.transform(pd.Series([np.empty(0), X])), encoder.transform([X[:0], X]))


def test_positions_and_weights_may_be_columns_of_lists():
    places = np.random.default_rng(1).uniform(size=(40, 2)).astype(np.float32)
    encoder = FisherVector(2, spatial=1, random_state=0).fit([X], positions=[places])
    column = pa.array(places.tolist(), pa.list_(pa.float32(), 2))
    assert_array_equal(encoder.transform([COLUMN], positions=[column]), encoder.transform([X], positions=[places]))

"""Parquet, Arrow IPC and csv files as sets: a set per row, or a descriptor per row."""

import pickle
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.dataset
import pyarrow.feather
import pyarrow.parquet as pq
import pytest
from numpy.testing import assert_array_equal

from fishervec import _grouped, _pieces, _reading
from fishervec._readers import kind_of, open_reader
from fishervec._tables import open_arrow, open_parquet
from readers import BY_KEY, KEYS, MIXED, NAMES, ROWS, SETS, check

RNG = np.random.default_rng(1)
F32 = pa.float32()


def nested(kind):
    return pa.array([x.tolist() for x in SETS], kind)


def rows(kind=None, order=slice(None)):
    return pa.array(ROWS[order].tolist(), pa.list_(F32) if kind is None else kind)


def table(**columns):
    return pa.table({"slide_id": KEYS[MIXED], "features": rows(order=MIXED), **columns})


@pytest.fixture
def write(tmp_path):
    def write(columns, name="a.parquet", **how):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        written = columns if isinstance(columns, pa.Table) else pa.table(columns)
        if name.endswith("parquet"):
            pq.write_table(written, path, **how)
        else:
            pyarrow.feather.write_feather(written, path, **how)
        return str(path)

    return write


# ---- a set per row ---------------------------------------------------------------------------------------

SET_PER_ROW = {
    "lists of lists": {"features": nested(pa.list_(pa.list_(F32)))},
    "large lists": {"features": nested(pa.large_list(pa.large_list(F32)))},
    "lists of fixed-size lists": {"features": nested(pa.list_(pa.list_(F32, 3)))},
    "flat lists and shapes": {
        "features": pa.array([x.ravel() for x in SETS], pa.list_(F32)),
        "features_shape": pa.array([x.shape for x in SETS], pa.list_(pa.int64())),
    },
    "flat lists and fixed-size shapes": {
        "shape": pa.array([list(x.shape) for x in SETS], pa.list_(pa.int32(), 2)),
        "bag": pa.array([x.ravel() for x in SETS], pa.list_(F32)),
    },
}


@pytest.mark.parametrize("size", [1, 2, 100])
@pytest.mark.parametrize("columns", SET_PER_ROW.values(), ids=SET_PER_ROW.keys())
def test_each_row_of_lists_is_a_set_with_its_name_and_its_label(write, columns, size):
    path = write({"id": NAMES, "label": [1, 0, 1, None, 0], "patient": list("aabbb"), **columns}, row_group_size=size)
    reader = open_parquet(path, groups="patient")
    check(reader, SETS, NAMES)
    assert reader.labels == [1, 0, 1, None, 0]
    assert reader.groups == list("aabbb")
    assert reader.positions(0) is None


@pytest.mark.parametrize("compression", ["uncompressed", "lz4", "zstd"])
def test_arrow_files_are_read_by_batches(write, compression):
    columns = {"name": NAMES, **SET_PER_ROW["lists of lists"]}
    check(open_arrow(write(columns, "a.feather", chunksize=2, compression=compression)), SETS, NAMES)
    check(open_arrow(write(columns, "b.arrow", compression=compression)), SETS, NAMES)


@pytest.mark.parametrize("dtype", ["f2", "f4", "f8", "u1", "i4", "i8", "u2"])
def test_numbers_keep_their_type_and_integers_become_float64(write, dtype):
    x = (np.arange(12).reshape(4, 3) * 9).astype(dtype)
    reader = open_parquet(write({"x": pa.array([x.tolist()], pa.list_(pa.list_(pa.from_numpy_dtype(x.dtype))))}))
    assert reader.dtype == (dtype if dtype in ("f2", "f4", "f8", "u1") else "f8")
    check(reader, [x])


def test_tensors_of_arrow_and_arrays_of_polars_are_sets(tmp_path):
    cube = RNG.normal(size=(4, 5, 3)).astype(np.float32)
    pq.write_table(pa.table({"x": pa.FixedShapeTensorArray.from_numpy_ndarray(cube)}), tmp_path / "a.parquet")
    check(open_parquet(tmp_path / "a.parquet"), list(cube))
    pl.DataFrame({"x": pl.Series(cube)}).write_parquet(tmp_path / "b.parquet")
    check(open_parquet(tmp_path / "b.parquet"), list(cube))
    pl.DataFrame({"x": [x.tolist() for x in SETS]}).write_ipc(tmp_path / "c.arrow", compression="zstd")
    check(open_arrow(tmp_path / "c.arrow"), [x.astype(np.float64) for x in SETS])


def test_positions_beside_sets_are_kept(write):
    places = [x[:, :2] * 10 for x in SETS]
    coords = pa.array([x.tolist() for x in places], pa.list_(pa.list_(F32)))
    path = write({"coords": coords, **SET_PER_ROW["lists of lists"]}, row_group_size=2)
    reader = open_parquet(path)
    for i in (4, 0, 2):
        assert_array_equal(reader.positions(i), places[i])
    assert open_parquet(path, positions=False).positions(0) is None
    reader = open_parquet(path, column="coords", positions="features")
    check(reader, places)
    assert_array_equal(reader.positions(0), SETS[0])


def test_a_set_that_is_null_or_of_another_width_is_an_error_that_names_it(write):
    path = write({"id": list("ab"), "x": pa.array([[[1.0, 2.0]], None])})
    with pytest.raises(ValueError, match=r"a\.parquet: set b must be a list, got null: leave the row out"):
        open_parquet(path).read(1, 0, 1)
    path = write({"id": list("ab"), "x": pa.array([[[1.0, 2.0]], [[1.0]]])})
    with pytest.raises(ValueError, match=r"a\.parquet: set b must have 2 columns like the sets before it, got 1"):
        open_parquet(path).read(1, 0, 1)
    path = write({"id": list("ab"), "x": [[1.0, 2.0], [3.0]], "shape": [[1, 2], [1, 2]]})
    with pytest.raises(ValueError, match=r"set b must have a shape \(n, d\) of its 1 numbers, got \[1, 2\]"):
        open_parquet(path).read(1, 0, 1)


def test_names_that_are_missing_or_doubled_are_an_error(write):
    columns = {"x": pa.array([[[1.0]], [[2.0]]])}
    with pytest.raises(ValueError, match="must name each set once, got a in rows 0 and 1; id=False numbers the sets"):
        open_parquet(write({"id": ["a", "a"], **columns}))
    with pytest.raises(ValueError, match="must name each set, got null in row 1"):
        open_parquet(write({"id": ["a", None], **columns}))
    assert open_parquet(write({"id": ["a", "a"], **columns}), id=False).names == ["0", "1"]
    assert open_parquet(write({"id": ["a", "a"], "key": [7, 9], **columns}), id="key").names == ["7", "9"]


# ---- a descriptor per row --------------------------------------------------------------------------------

DESCRIPTOR_PER_ROW = {
    "lists": {"features": rows(order=MIXED)},
    "fixed-size lists": {"features": rows(pa.list_(F32, 3), MIXED)},
    "columns of numbers": {name: ROWS[MIXED][:, j] for j, name in enumerate(("f0", "f1", "f2"))},
}


@pytest.mark.parametrize("size", [1, 4, 100])
@pytest.mark.parametrize("columns", DESCRIPTOR_PER_ROW.values(), ids=DESCRIPTOR_PER_ROW.keys())
def test_rows_of_one_key_are_a_set_wherever_they_lie(write, columns, size):
    path = write({"slide_id": KEYS[MIXED], **columns}, row_group_size=size)
    check(open_parquet(path, groups="slide_id"), list(BY_KEY.values()), BY_KEY)


@pytest.mark.parametrize("columns", DESCRIPTOR_PER_ROW.values(), ids=DESCRIPTOR_PER_ROW.keys())
def test_rows_that_lie_together_are_read_together(write, columns):
    order = np.argsort(MIXED)
    together = {name: pa.array(column).take(pa.array(order)) for name, column in columns.items()}
    path = write({"slide_id": KEYS, **together}, row_group_size=9)
    there = [i for i, x in enumerate(SETS) if len(x)]
    check(open_parquet(path, groups="slide_id"), [SETS[i] for i in there], [NAMES[i] for i in there])


@pytest.mark.parametrize("kind", [pa.dictionary(pa.int8(), pa.string()), pa.large_string(), pa.string_view()])
def test_keys_may_be_texts_of_any_kind(write, kind):
    path = write(table().set_column(0, "slide_id", pa.array(KEYS[MIXED]).cast(kind)), row_group_size=9)
    check(open_parquet(path, groups="slide_id"), list(BY_KEY.values()), BY_KEY)


def test_keys_may_be_integers(write):
    keys = np.array([NAMES.index(key) for key in KEYS[MIXED]])
    reader = open_parquet(write(table(case=keys)), groups="case")
    check(reader, list(BY_KEY.values()), [str(NAMES.index(key)) for key in BY_KEY])


def test_labels_are_constant_in_a_set_or_an_error(write):
    path = write(table(cancer=[len(key) for key in KEYS[MIXED]], tile=np.arange(len(ROWS))))
    reader = open_parquet(path, groups="slide_id", labels="cancer")
    assert reader.labels == [len(key) for key in BY_KEY]
    with pytest.raises(ValueError, match=r"set s\w+ must have one label, got \d+ and \d+; labels=False"):
        open_parquet(path, groups="slide_id", labels="tile")


def test_positions_beside_rows_are_kept(write):
    places = ROWS[MIXED][:, :2]
    expected = [x[:, :2] for x in BY_KEY.values()]
    path = write(table(coords=pa.array(places.tolist(), pa.list_(F32))), row_group_size=5)
    reader = open_parquet(path, groups="slide_id")
    for i in (3, 0, 2):
        assert_array_equal(reader.positions(i), expected[i])
    path = write(table(x=places[:, 0], y=places[:, 1]), row_group_size=5)
    reader = open_parquet(path, groups="slide_id", positions=["x", "y"])
    for i in (3, 0, 2):
        assert_array_equal(reader.positions(i), expected[i])


def test_a_file_of_descriptors_alone_is_one_set_by_the_name_of_the_file(write):
    check(open_parquet(write({"features": rows()}, "slide 7.parquet")), [ROWS], ["slide 7"])
    check(open_parquet(write(table()), groups=False), [ROWS[MIXED]], ["a"])


def test_a_file_that_can_be_one_set_or_several_is_an_error_with_both_cures(write):
    with pytest.raises(ValueError, match="groups='slide_id' to make a set of each of its values, or groups=False"):
        open_parquet(write(table()))


def test_a_folder_of_files_is_a_set_per_file_in_natural_order(write, tmp_path):
    for name, x in zip(("s10", "s2", "deep/s1"), (SETS[2], SETS[0], SETS[3]), strict=True):
        path = write({"features": pa.array(x.tolist(), pa.list_(F32))}, f"all/{name}.parquet", row_group_size=3)
    (tmp_path / "all/_SUCCESS").touch()
    (tmp_path / "all/.part.parquet.crc").touch()
    (tmp_path / "all/notes.txt").touch()
    check(open_parquet(tmp_path / "all"), [SETS[3], SETS[0], SETS[2]], ["deep/s1", "s2", "s10"])
    check(open_parquet([path, tmp_path / "all/s2.parquet"]), [SETS[3], SETS[0]], ["deep/s1", "s2"])
    with pytest.raises(ValueError, match=r"no file ends in \.arrow or \.feather or \.ipc"):
        open_arrow(tmp_path / "all")


def test_scattered_sets_are_gathered_in_as_few_passes_as_may_be_held(write, monkeypatch):
    keys = np.tile([f"s{i}" for i in range(20)], 30)
    x = RNG.normal(size=(600, 3)).astype(np.float32)
    path = write({"slide_id": keys, "features": pa.array(x.tolist(), pa.list_(F32))}, row_group_size=50)
    sets = [x[keys == f"s{i}"] for i in range(20)]
    for room, passes in ((20 * 360, 1), (10 * 360, 2), (360, 20)):
        monkeypatch.setattr(_grouped, "AHEAD", room)
        reader = open_parquet(path, groups="slide_id")
        count = []
        blocks = reader.iter_blocks
        monkeypatch.setattr(reader, "iter_blocks", lambda blocks=blocks, count=count: count.append(1) or blocks())
        for i in range(20):
            assert_array_equal(reader.read(i, 0, 30), sets[i])
        assert len(count) == passes
    monkeypatch.setattr(_grouped, "AHEAD", 359)
    check(open_parquet(path, groups="slide_id"), sets)


def test_rows_of_one_key_in_several_files_are_one_set(write, tmp_path):
    for i, part in enumerate(np.array_split(MIXED, 3)):
        write({"slide_id": KEYS[part], "features": rows(order=part)}, f"all/{i}.parquet", row_group_size=4)
    check(open_parquet(tmp_path / "all", groups="slide_id"), list(BY_KEY.values()), BY_KEY)


def test_folders_may_say_the_key_as_spark_and_hive_write_it(write, tmp_path):
    for key, x in zip(NAMES, SETS, strict=True):
        name = f"all/slide_id={key.replace(' ', '%20')}/part-0.parquet"
        write({"features": pa.array(x.tolist(), pa.list_(F32))}, name, row_group_size=3)
    there = {key: x for key, x in zip(NAMES, SETS, strict=True) if len(x)}
    by_name = sorted(there, key=lambda key: _reading.natural(key.replace(" ", "%20")))
    check(open_parquet(tmp_path / "all", groups="slide_id"), [there[key] for key in by_name], by_name)
    dataset = pyarrow.dataset.dataset(tmp_path / "all", partitioning="hive")
    reader = open_parquet(dataset, groups="slide_id")
    check(reader, [there[name] for name in reader.names])
    assert set(reader.names) == set(there)
    with pytest.raises(ValueError, match=r"filter"):
        open_parquet(dataset.filter(pyarrow.dataset.field("slide_id") == "s1"), groups="slide_id")


def test_files_of_other_columns_or_types_are_an_error_that_names_the_file(write, tmp_path):
    write({"features": rows()}, "all/1.parquet")
    path = write({"features": pa.array([1.0, 2.0])}, "all/2.parquet")
    with pytest.raises(ValueError, match=r"2\.parquet: column features must be list<.*> as in .*1\.parquet"):
        open_parquet(tmp_path / "all")
    write({"feats": rows()}, "all/2.parquet")
    with pytest.raises(ValueError, match=r"2\.parquet: there is no column features, which .*1\.parquet has"):
        open_parquet(tmp_path / "all")
    assert path.endswith("2.parquet")


OBJECTS = {
    "table": lambda path: pq.read_table(path),
    "record batch": lambda path: pq.read_table(path).combine_chunks().to_batches()[0],
    "polars": lambda path: pl.read_parquet(path),
    "pandas": lambda path: pd.read_parquet(path, dtype_backend="pyarrow"),
    "dataset": lambda path: pyarrow.dataset.dataset(path),
}


@pytest.mark.parametrize("make", OBJECTS.values(), ids=OBJECTS.keys())
def test_tables_in_memory_are_read_as_files_are(write, make):
    path = write(table(), row_group_size=9)
    made = make(path)
    assert kind_of(made) == "parquet"
    check(open_reader(made, groups="slide_id"), list(BY_KEY.values()), BY_KEY)


def test_an_open_parquet_file_is_read_and_is_not_pickled(write):
    with pq.ParquetFile(write(table(), row_group_size=9)) as file:
        reader = open_reader(file, groups="slide_id")
        for i, x in enumerate(BY_KEY.values()):
            assert_array_equal(reader.read(i, 0, len(x)), x)
        with pytest.raises(TypeError, match="an open ParquetFile cannot be pickled: pass the path of its file"):
            pickle.dumps(reader)


# ---- which column is what --------------------------------------------------------------------------------

NUMBERS = {"a": ROWS[:, 0], "b": ROWS[:, 1], "c": ROWS[:, 2]}
CHOICES = {
    "a usual name first": ({"other": rows(), "features": rows()}, {}),
    "the only column of lists": ({"bag": rows(), "n": np.arange(len(ROWS))}, {}),
    "numbers in columns": (NUMBERS, {}),
    "points": (dict(zip("xyz", ROWS.T, strict=True)), {}),
    "the index of pandas": ({**NUMBERS, "__index_level_0__": np.arange(len(ROWS))}, {}),
    "a pattern": ({"id": np.arange(len(ROWS)), **{f"f{j}": ROWS[:, j] for j in range(3)}}, {"column": "f*"}),
    "names": ({"y": ROWS[:, 0], **NUMBERS}, {"column": ["a", "b", "c"]}),
    "positions": ({"x": ROWS[:, 0], **NUMBERS}, {"positions": ["x"]}),
    "labels": ({"label": np.zeros(len(ROWS), int), **NUMBERS}, {}),
}


@pytest.mark.parametrize(("columns", "asked"), CHOICES.values(), ids=CHOICES.keys())
def test_the_columns_of_the_descriptors_are_found(write, columns, asked):
    check(open_parquet(write(columns), groups=False, **asked), [ROWS])


UNCLEAR = {
    "two columns of lists": ({"one": rows(), "two": rows()}, {}, "one and two could both be the descriptors"),
    "no column": ({"text": KEYS}, {}, "no column holds descriptors"),
    "coordinates among numbers": ({"x": ROWS[:, 0], **NUMBERS}, {}, "x can be descriptors like the other columns"),
    "an id among numbers": ({"tile_id": ROWS[:, 0], **NUMBERS}, {}, "tile_id can be descriptors"),
    "a text among numbers": ({"text": KEYS, **NUMBERS}, {}, "text must be numbers like the other columns"),
    "no such column": ({"features": rows()}, {"column": "feats"}, "array='feats' is not columns of numbers"),
    "no such group": ({"features": rows()}, {"groups": "case"}, "there is no column 'case'"),
    "no such label": ({"features": rows()}, {"labels": "case"}, "there is no column 'case'"),
    "no such position": ({"features": rows()}, {"positions": "x"}, "positions='x' is not a column of numbers"),
    "lists as keys": ({"features": rows()}, {"groups": "features"}, "must be a column of one value per row"),
    "id of rows": ({"features": rows(), "k": KEYS}, {"id": "k"}, "id='k' names sets, but each row is a descriptor"),
    "a column twice": ({"f": ROWS[:, 0], "g": ROWS[:, 0]}, {"column": ["f", "f"]}, "is not columns of numbers"),
    "lists and numbers": ({"f": rows(), "g": ROWS[:, 0]}, {"column": ["f", "g"]}, "must be one column of lists, or"),
    "bools": ({"features": pa.array([[True]] * 43)}, {}, "no column holds descriptors"),
    "too many lists": ({"features": pa.array([[[[1.0]]]] * 43)}, {}, "no column holds descriptors"),
    "nothing": ({"features": pa.nulls(43)}, {}, "no column holds descriptors"),
    "structs": ({"features": pa.array([{"a": 1.0}] * 43)}, {}, "no column holds descriptors"),
    "only coords": ({"coords": rows()}, {}, "no column holds descriptors"),
}


@pytest.mark.parametrize(("columns", "asked", "message"), UNCLEAR.values(), ids=UNCLEAR.keys())
def test_columns_that_can_be_meant_two_ways_are_an_error_that_lists_all(write, columns, asked, message):
    with pytest.raises(ValueError, match=message) as error:
        open_parquet(write(columns), **asked)
    assert "a.parquet: " in str(error.value) and "; columns: " in str(error.value) and "; pass " in str(error.value)
    assert all(name in str(error.value) for name in columns)


# ---- rows that are wrong ---------------------------------------------------------------------------------


def test_a_row_that_is_null_or_of_another_width_is_an_error_that_names_it(write):
    path = write({"features": pa.array([[1.0, 2.0]] * 9 + [None])}, row_group_size=4)
    with pytest.raises(ValueError, match=r"a\.parquet: row 9 must be a list, got null"):
        open_parquet(path).read(0, 0, 10)
    path = write({"features": pa.array([[1.0, 2.0]] * 9 + [[1.0]])}, row_group_size=4)
    with pytest.raises(ValueError, match=r"a\.parquet: row 9 must have 2 numbers like the rows before it, got 1"):
        open_parquet(path).read(0, 0, 10)
    path = write({"features": pa.array([[1.0, 2.0]] * 8 + [[1.0]] * 2)}, row_group_size=4)
    with pytest.raises(ValueError, match=r"row 8 must have 2 numbers like row 0, got 1"):
        open_parquet(path).read(0, 0, 10)


def test_a_number_that_is_null_is_nan_and_among_bytes_an_error(write):
    reader = open_parquet(write({"features": pa.array([[1.0, None]], pa.list_(F32))}))
    assert np.isnan(reader.read(0, 0, 1)[0, 1])
    reader = open_parquet(write({"features": pa.array([[1, 2], [3, None]], pa.list_(pa.uint8()))}, row_group_size=1))
    with pytest.raises(ValueError, match="row 1 and on must be numbers, got null"):
        reader.read(0, 0, 2)


def test_one_column_may_be_the_key_and_the_label(write):
    reader = open_parquet(write(table()), groups="slide_id", labels="slide_id")
    assert reader.labels == reader.names


def test_a_frame_of_arrays_says_that_they_are_sets_already():
    frame = pd.DataFrame({"id": ["a", "b"], "features": [SETS[0], SETS[2]]})
    with pytest.raises(ValueError, match=r"a column of arrays is sets as it is: encoder\.fit\(frame\[NAME\]\)"):
        open_reader(frame)


def test_a_key_that_is_null_is_an_error(write):
    keys = [None if key == "s10" else key for key in KEYS[MIXED]]
    with pytest.raises(ValueError, match="the set of a row must be named, got None"):
        open_parquet(write(table(case=keys)), groups="case")


def test_tables_without_rows_have_no_sets_or_one_that_is_empty(write):
    reader = open_parquet(write({"features": pa.array([], pa.list_(F32, 3))}))
    assert reader.dim == 3 and open_parquet(write({"features": pa.array([], pa.list_(F32))})).dim == 0
    assert reader.sizes == [0] and reader.read(0, 0, 0).shape[0] == 0 and list(reader.iter_blocks()) == []
    assert open_parquet(write(table().slice(0, 0)), groups="slide_id").sizes == []
    assert open_parquet(write({"features": pa.array([], pa.list_(pa.list_(F32)))})).sizes == []


def test_files_that_are_not_what_their_names_say_are_errors_that_name_them(tmp_path, write):
    whole = Path(write(table())).read_bytes()
    for n in (0, 3, 8, len(whole) // 2, len(whole) - 1):
        (tmp_path / "cut.parquet").write_bytes(whole[:n])
        with pytest.raises((ValueError, OSError), match=r"cut\.parquet"):
            open_parquet(tmp_path / "cut.parquet")
    whole = Path(write(table(), "a.feather")).read_bytes()
    for n in (0, 3, 8, len(whole) // 2, len(whole) - 1):
        (tmp_path / "cut.feather").write_bytes(whole[:n])
        with pytest.raises((ValueError, OSError), match=r"cut\.feather"):
            open_arrow(tmp_path / "cut.feather")
    with pa.OSFile(str(tmp_path / "s.arrow"), "wb") as file, pa.ipc.new_stream(file, table().schema) as stream:
        stream.write_table(table())
    with pytest.raises(ValueError, match=r"s\.arrow: not a valid Arrow IPC file.*got an Arrow stream"):
        open_arrow(tmp_path / "s.arrow")
    with pytest.raises(FileNotFoundError, match="nothing"):
        open_parquet(tmp_path / "nothing.parquet")


def test_a_page_that_is_damaged_is_an_error_that_names_the_file(write):
    path = Path(write({"features": rows()}, compression="zstd"))
    data = bytearray(path.read_bytes())
    start = pq.read_metadata(path).row_group(0).column(0).data_page_offset
    data[start + 30 : start + 60] = bytes(30)
    path.write_bytes(data)
    with pytest.raises(ValueError, match=r"a\.parquet: not a valid Parquet file"):
        open_parquet(path).read(0, 0, len(ROWS))


def test_a_file_that_became_shorter_is_an_error(write):
    path = write(table(), row_group_size=9)
    reader = pickle.loads(pickle.dumps(open_parquet(path, groups="slide_id")))
    write(table().slice(0, 12), row_group_size=9)
    with pytest.raises(ValueError, match=r"a\.parquet: the file has changed since it was opened"):
        reader.read(2, 0, reader.sizes[2])
    write(table(), row_group_size=8)
    with pytest.raises(ValueError, match=r"a\.parquet: the file has changed since it was opened"):
        pickle.loads(pickle.dumps(reader)).read(2, 0, reader.sizes[2])


def test_files_of_one_name_are_not_one_set_and_a_file_is_not_read_twice(write, tmp_path):
    one, other = write({"features": rows()}), write({"features": rows()}, "a.pq.parquet")
    Path(other).rename(tmp_path / "a.pq")
    with pytest.raises(
        ValueError, match=r"each file is a set, but .*a\.parquet and .*a\.pq have the same name, a: rename"
    ):
        open_parquet([one, str(tmp_path / "a.pq")])
    for paths in ([one, one], [one, str(tmp_path)]):
        with pytest.raises(ValueError, match=r"a\.parquet is given twice, itself or by its folder: pass it once"):
            open_parquet(paths)


def test_paths_may_be_full_and_not(write, tmp_path, monkeypatch):
    write({"features": rows()}, "in/a.parquet")
    other = write({"features": rows()}, "b.parquet")
    monkeypatch.chdir(tmp_path)
    assert open_parquet(["in/a.parquet", other]).names == ["in/a", "b"]


def test_a_column_that_is_in_files_and_folders_must_say_the_same(write, tmp_path):
    for key in (1, 2):
        write({"features": rows(), "case": np.full(len(ROWS), key)}, f"all/case={key}/1.parquet")
    check(open_parquet(tmp_path / "all", groups="case"), [ROWS, ROWS], "12")
    write({"features": rows(), "case": np.full(len(ROWS), 3)}, "all/case=2/1.parquet")
    with pytest.raises(ValueError, match=r"1\.parquet: column case must be 2 as its folder says, got 3"):
        open_parquet(tmp_path / "all", groups="case")


def test_a_missing_value_of_a_folder_is_missing(write, tmp_path):
    write({"features": rows(), "key": KEYS}, "all/label=x/1.parquet")
    write({"features": rows(), "key": KEYS + "'"}, "all/label=__HIVE_DEFAULT_PARTITION__/1.parquet")
    reader = open_parquet(tmp_path / "all", groups="key")
    assert dict(zip(reader.names, reader.labels, strict=True)) == {
        **dict.fromkeys(np.unique(KEYS), "x"),
        **dict.fromkeys(np.unique(KEYS + "'"), None),
    }
    with pytest.raises(ValueError, match="the set of a row must be named, got None"):
        open_parquet(tmp_path / "all", groups="label")
    dataset = pyarrow.dataset.dataset(tmp_path / "all", partitioning="hive")
    assert open_parquet(dataset, groups="key").labels == reader.labels


def test_a_label_that_is_nan_is_missing_and_a_key_of_bytes_is_a_text(write):
    numbers = {"a": [1.0, 2.0, 3.0], "b": [4.0, 5.0, 6.0]}
    path = write({"key": pa.array([b"k", b"l", b"k"]), "label": [np.nan, 1.0, np.nan], **numbers})
    reader = open_parquet(path, groups="key")
    assert reader.names == ["k", "l"] and reader.labels == [None, 1.0]
    path = write({"id": pa.array([b"k", b"l"]), "label": [np.nan, 1.0], "x": pa.array([[[1.0]], [[2.0]]])})
    assert open_parquet(path).names == ["k", "l"] and open_parquet(path).labels == [None, 1.0]
    path = write({"key": pa.array([{"a": 1}] * 3), **numbers})
    with pytest.raises(ValueError, match="groups='key' must be a column of one value per row"):
        open_parquet(path, groups="key")


def test_a_fit_leaves_out_no_set_without_a_word(write):
    for wrong in ([None, 2], [-1, -2], [2], None):
        path = write({"id": ["a", "b"], "x": [[1.0, 2.0], [3.0, 4.0]], "shape": [[1, 2], wrong]})
        with pytest.raises(ValueError, match=r"a\.parquet: set b must have a shape \(n, d\) of its numbers, got"):
            assert open_parquet(path).sizes
    with pytest.raises(ValueError, match=r"a\.parquet: set b must be a list, got null: leave the row out"):
        assert open_parquet(write({"id": ["a", "b"], "x": [[[1.0, 2.0]], None]})).sizes


def test_positions_of_another_number_are_an_error_that_names_the_set(write):
    reader = open_parquet(write({"id": ["a"], "x": [[[1.0], [2.0]]], "coords": [[[1.0, 2.0]]]}))
    with pytest.raises(ValueError, match=r"a\.parquet: set a must have 2 positions, one per row, got 1"):
        reader.positions(0)


def test_columns_without_a_table_say_what_they_may_be():
    for column in (rows(), pa.chunked_array([rows()]), pl.Series("f", ROWS.tolist()), pd.Series(ROWS.tolist())):
        with pytest.raises(
            (ValueError, TypeError), match=r"got one column, .*: \[x\] is one set for an encoder; pyarrow\."
        ):
            open_parquet(column)


def test_threads_do_not_disturb_each_other(write):
    reader = open_parquet(write(table(), row_group_size=5), groups="slide_id")
    sets = list(BY_KEY.values())
    with ThreadPoolExecutor(4) as pool:
        read = pool.map(lambda i: reader.read(i, 0, len(sets[i])), [i % len(sets) for i in range(200)])
        for i, x in enumerate(read):
            assert_array_equal(x, sets[i % len(sets)])


# ---- memory and imports ----------------------------------------------------------------------------------

MEMORY = """
import sys
import numpy as np
from fishervec._readers import open_reader

def resident(key):
    return next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith(key)) / 1024

reader = open_reader(sys.argv[1], **eval(sys.argv[2]))
before = resident("VmRSS")
total = sum(float(block.sum(dtype=np.float64)) for _, block in reader.iter_blocks())
total += sum(float(reader.read(i, 0, n).sum(dtype=np.float64)) for i, n in enumerate(reader.sizes))
print(total, resident("VmHWM") - before)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
@pytest.mark.parametrize("form", ["sets", "rows"])
def test_a_row_group_of_160_megabytes_is_read_in_less_than_80(tmp_path, form):
    x = RNG.normal(size=(160_000, 256)).astype(np.float32)
    descriptors = pa.FixedSizeListArray.from_arrays(pa.array(x.ravel()), 256)
    if form == "sets":
        sets = pa.ListArray.from_arrays(pa.array(np.arange(161) * 1000, pa.int32()), descriptors)
        columns, asked = {"features": sets}, {}
    else:
        columns = {"slide_id": np.repeat(np.arange(160), 1000), "features": descriptors}
        asked = {"groups": "slide_id"}
    pq.write_table(pa.table(columns), tmp_path / "a.parquet")
    assert pq.read_metadata(tmp_path / "a.parquet").num_row_groups == 1
    done = subprocess.run(
        [sys.executable, "-c", MEMORY, tmp_path / "a.parquet", repr(asked)], capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    total, added = map(float, done.stdout.split())
    assert np.isclose(total, 2 * x.sum(dtype=np.float64), rtol=1e-9)
    assert added < 80


def test_numbers_that_repeat_are_read_in_blocks_like_others(write, monkeypatch):
    monkeypatch.setattr(_pieces, "BLOCK", 4 * 3 * 1000)
    zeros = pa.FixedSizeListArray.from_arrays(pa.array(np.zeros(3 * 50_000, np.float32)), 3)
    path = write({"features": zeros})
    assert pq.read_metadata(path).row_group(0).total_byte_size < 50_000
    assert max(len(block) for _, block in open_parquet(path).iter_blocks()) <= 1000


@pytest.mark.parametrize("path", ["a.parquet", "a.csv", "a.arrow"])
def test_a_missing_library_is_an_error_that_says_what_to_install(tmp_path, path):
    code = (
        f"import sys; sys.modules['pyarrow'] = None\nfrom fishervec._readers import open_reader\nopen_reader({path!r})"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, cwd=tmp_path)
    assert 'needs pyarrow: pip install "fishervec[parquet]"' in done.stderr.splitlines()[-1]

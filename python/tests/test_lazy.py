"""Sets in files that are shared by threads, that change, and with what belongs to them: as safe as sets in memory."""

import multiprocessing
import os
import pickle
import shutil
import threading
from concurrent.futures import ThreadPoolExecutor

import joblib
import numpy as np
import pandas as pd
import polars as pl
import pytest

from fishervec import FisherVector, Pooling, open_sets


def arrays(n_sets=5, d=4, seed=0):
    rng = np.random.default_rng(seed)
    return [rng.normal(size=(60 + 7 * i, d)).astype(np.float32) for i in range(n_sets)]


@pytest.fixture
def folder(tmp_path):
    sets = arrays()
    for i, x in enumerate(sets):
        np.save(tmp_path / f"s{i}.npy", x)
    return tmp_path, sets


# ---- what belongs to sets --------------------------------------------------------------------------------
def test_a_first_set_that_is_missing_is_not_lost_from_an_iterator(folder):
    _, sets = folder
    sets = [None, *sets]
    encoder = FisherVector(n_components=2, random_state=0, missing="empty").fit(sets)
    groups = list("aabbcc")
    np.testing.assert_array_equal(encoder.transform(iter(sets), groups=groups), encoder.transform(sets, groups=groups))
    weights = [np.ones(0 if x is None else len(x)) for x in sets]
    again = FisherVector(n_components=2, random_state=0, missing="empty").fit(iter(sets), weights=weights)
    np.testing.assert_array_equal(again.mixture_.means_, encoder.mixture_.means_)
    with pytest.raises(ValueError, match=r"^set 0 must be an array of shape .* got None"):
        FisherVector(n_components=2).fit(iter(sets))


def test_iterators_of_weights_and_positions_go_with_sets_in_files_that_are_read_twice(folder):
    path, sets = folder
    rng = np.random.default_rng(1)
    beside = {
        "weights": [rng.uniform(0.5, 1, len(x)) for x in sets],
        "positions": [rng.uniform(0, 1, (len(x), 2)) for x in sets],
    }
    encoder = FisherVector(n_components=2, spatial=1, random_state=0)
    expected = encoder.fit_transform(sets, **beside)
    given = {name: iter(each) for name, each in beside.items()}
    np.testing.assert_allclose(encoder.fit_transform(open_sets(path), **given), expected, atol=1e-6)


def test_positions_of_other_sets_are_an_error_of_a_fit_to_files(tmp_path):
    h5py = pytest.importorskip("h5py")
    rng = np.random.default_rng(1)
    for i, x in enumerate(arrays()):
        with h5py.File(tmp_path / f"s{i}.h5", "w") as file:
            file["features"], file["coords"] = x, rng.integers(0, 99, (len(x), 2))
    sets, encoder = open_sets(tmp_path), FisherVector(n_components=2, random_state=0)
    encoder.fit(sets[:2], positions=sets[:2].positions)
    with pytest.raises(ValueError, match="positions must be those of 2 sets, got 5"):
        encoder.fit(sets[:2], positions=sets.positions)
    for positions, n in ((sets[1:3].positions, 67), (sets[::-1][3:].positions, 67)):
        with pytest.raises(ValueError, match=rf"^set 0 \(s0\): positions must have 60 rows, .* got {n}$"):
            encoder.fit(sets[:2], positions=positions)


def test_a_drawn_row_that_ends_with_zeros_does_not_equal_its_positions(tmp_path):
    sets = [np.zeros((1, 4), np.float32), *arrays()]
    for i, x in enumerate(sets):
        np.save(tmp_path / f"s{i}.npy", x)
    positions = [np.zeros((1, 2)), *(np.random.default_rng(0).uniform(0, 1, (len(x), 2)) for x in sets[1:])]
    encoder = FisherVector(n_components=2, random_state=0)
    expected = encoder.fit(sets, positions=positions).mixture_.means_
    np.testing.assert_array_equal(encoder.fit(open_sets(tmp_path), positions=positions).mixture_.means_, expected)


@pytest.mark.parametrize("sample", [150, 100_000])
def test_a_fit_to_files_with_weights_and_positions_draws_the_sample_of_arrays(folder, sample):
    path, sets = folder
    rng = np.random.default_rng(2)
    weights = [rng.uniform(0, 1, len(x)) * (rng.random(len(x)) < 0.7) for x in sets]
    weights[2][:] = 0
    positions = [rng.uniform(0, 1, (len(x), 2)) for x in sets]
    encoder, lazy = FisherVector(n_components=2, random_state=0, sample=sample), open_sets(path)
    for beside in ({"weights": weights}, {"positions": positions}, {"weights": weights, "positions": positions}):
        expected = encoder.fit(sets, **beside).mixture_.means_
        np.testing.assert_allclose(encoder.fit(lazy, **beside).mixture_.means_, expected, atol=1e-6)


@pytest.mark.parametrize("weight", [-1.0, np.nan, np.inf])
def test_a_wrong_weight_is_told_whether_its_row_is_drawn_or_not(folder, weight):
    path, sets = folder
    weights = [np.ones(len(x)) for x in sets]
    weights[3][5] = weight
    for sample in (100, 100_000):
        encoder = FisherVector(n_components=2, random_state=0, sample=sample)
        for X in (sets, iter(sets), open_sets(path)):
            with pytest.raises(
                ValueError, match=r"^set 3( \(s3\))?: the weight of row 5 is (-1|NaN|inf): weights must be"
            ):
                encoder.fit(X, weights=weights)


def test_positions_that_some_files_lack_are_an_error_wherever_they_are(tmp_path):
    h5py = pytest.importorskip("h5py")
    for lacking in (0, 2):
        for i in range(3):
            with h5py.File(tmp_path / f"s{i}.h5", "w") as file:
                file["features"] = np.ones((5, 3), np.float32)
                if i != lacking:
                    file["coords"] = np.zeros((5, 2))
        with pytest.raises(ValueError, match=rf"set {lacking} \(s{lacking}\) has no positions, though others"):
            list(open_sets(tmp_path).positions)


def test_an_empty_slide_needs_no_positions(tmp_path):
    h5py = pytest.importorskip("h5py")
    rng = np.random.default_rng(0)
    for name, n in (("a", 0), ("b", 80), ("c", 0), ("d", 60)):
        with h5py.File(tmp_path / f"{name}.h5", "w") as file:
            file["features"] = rng.normal(size=(n, 3)).astype(np.float32) if name != "c" else np.zeros(0, np.float32)
            file["coords"] = rng.integers(0, 99, (n, 2)) if n else np.zeros(0)
    sets, encoder = open_sets(tmp_path), FisherVector(n_components=2, spatial=1, random_state=0)
    assert [x.shape for x in sets.positions] == [(0, 2), (80, 2), (0, 2), (60, 2)]
    expected = encoder.fit_transform(list(sets), positions=list(sets.positions))
    np.testing.assert_array_equal(encoder.fit_transform(sets, positions=sets.positions), expected)
    assert not expected[[0, 2]].any() and expected[1].any()


# ---- files that change -----------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "other", [np.ones((60, 4)), np.ones((60, 5), np.float32), np.ones((61, 4), np.float32)], ids=["type", "d", "n"]
)
@pytest.mark.parametrize("is_read", [False, True])
def test_a_file_that_is_written_again_in_place_is_noticed(folder, other, is_read):
    path, sets = folder
    lazy = open_sets(path)
    if is_read:
        np.testing.assert_array_equal(lazy[0], sets[0])
    np.save(path / "s0.npy", other)
    os.utime(path / "s0.npy", ns=(1, 1))
    for call in (lambda: lazy[0], lambda: Pooling().fit(lazy)):
        with pytest.raises(ValueError, match=r"s0\.npy: it has changed since open_sets read its header"):
            call()
    np.testing.assert_array_equal(lazy[1], sets[1])


def test_a_store_that_is_written_again_is_noticed(tmp_path):
    zarr = pytest.importorskip("zarr")
    for shape in ((30, 4), (50, 5)):
        for store in (tmp_path / "a.zarr", tmp_path / "b.zarr"):
            shutil.rmtree(store, ignore_errors=True)
            zarr.save(str(store), np.ones((50, 4)))
        sets = pickle.dumps(open_sets(tmp_path))
        shutil.rmtree(tmp_path / "b.zarr")
        zarr.save(str(tmp_path / "b.zarr"), np.ones(shape))
        again = pickle.loads(sets)
        assert again[0].shape == (50, 4)
        with pytest.raises(ValueError, match=r"set 1 \(b\) has changed since it was opened: expected shape \(50, 4\)"):
            again[1]


def test_a_cache_of_joblib_knows_files_that_were_written_again(folder):
    path, sets = folder
    before = joblib.hash(open_sets(path))
    assert joblib.hash(open_sets(path)) == before
    np.save(path / "s0.npy", sets[0] + 1)
    os.utime(path / "s0.npy", ns=(1, 1))
    assert joblib.hash(open_sets(path)) != before


def test_a_file_that_is_gone_or_cut_short_is_an_error_that_names_it(folder):
    path, _ = folder
    lazy = open_sets(path)
    assert len(lazy[0]) == 60 and len(lazy[1]) == 67
    (path / "s0.npy").unlink()
    with pytest.raises(FileNotFoundError, match=r"s0\.npy"):
        lazy[0]
    os.truncate(path / "s1.npy", 300)
    with pytest.raises(ValueError, match=r"s1\.npy: .* the file is cut short"):
        lazy[1]


# ---- threads and processes -------------------------------------------------------------------------------
@pytest.fixture
def tables(tmp_path):
    """Sets in tables that are read from a row on, and the same sets in memory."""
    pa, pq = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    feather = pytest.importorskip("pyarrow.feather")
    sets = arrays(40, 8)
    names = [f"s{i}" for i in range(40)]
    lists = pa.table({"id": names, "features": [x.tolist() for x in sets]})
    rows = pa.table({"slide": np.repeat(names, [len(x) for x in sets]), "features": list(np.concatenate(sets))})
    pq.write_table(lists, tmp_path / "lists.parquet", row_group_size=3)
    pq.write_table(rows, tmp_path / "rows.parquet", row_group_size=500)
    feather.write_feather(lists, tmp_path / "lists.feather", chunksize=3)
    asked = {"lists.parquet": {}, "rows.parquet": {"groups": "slide"}, "lists.feather": {}}
    return [open_sets(tmp_path / name, **given) for name, given in asked.items()], sets


def test_threads_that_share_a_table_read_their_own_sets(tables):
    opened, sets = tables
    order = np.random.default_rng(0).integers(0, len(sets), 300).tolist()
    for lazy in opened:
        with ThreadPoolExecutor(8) as pool:
            for i, x in zip(order, pool.map(lazy.__getitem__, order), strict=True):
                np.testing.assert_allclose(x, sets[i], rtol=1e-6)


@pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="there is no fork")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded, use of fork")
def test_a_process_that_is_forked_while_a_thread_reads_can_read(tables):
    from fishervec import _lazy

    opened, sets = tables
    held, done = threading.Event(), threading.Event()

    def hold():
        with _lazy.ALONE:
            held.set()
            done.wait(60)

    thread = threading.Thread(target=hold)
    thread.start()
    held.wait()

    def read():
        np.testing.assert_allclose(opened[0][3], sets[3], rtol=1e-6)

    child = multiprocessing.get_context("fork").Process(target=read, daemon=True)
    child.start()
    child.join(20)
    done.set()
    thread.join()
    assert child.exitcode == 0


# ---- what is read, and what is not -----------------------------------------------------------------------
def test_a_sample_of_a_set_of_any_size_is_read_in_blocks(tables, monkeypatch):
    from fishervec import _lazy

    lazy = tables[0][1]
    monkeypatch.setattr(_lazy, "BLOCK", 4 * 8 * 20)
    reader, read = lazy._readers[0], []
    monkeypatch.setattr(reader, "read", lambda i, a, b: read.append(b - a) or type(reader).read(reader, i, a, b))
    rows = np.array([0, 1, 5, 19, 20, 21, 58, 59])
    np.testing.assert_array_equal(lazy._gather(0, rows), tables[1][0][rows])
    assert read == [20, 2, 2]


def test_sets_of_other_widths_in_stores_of_their_own_are_an_error(tmp_path):
    zarr = pytest.importorskip("zarr")
    for name, d in (("a", 3), ("b", 4)):
        zarr.save(str(tmp_path / f"{name}.zarr"), np.ones((5, d)))
    with pytest.raises(ValueError, match="sets must have one number of columns, got 3 in set a and 4 in set b"):
        open_sets(tmp_path)


def test_sizes_of_lists_are_not_counted_before_they_are_asked_for(tables):
    lazy = tables[0][0]
    assert "sizes" not in vars(lazy._readers[0])
    assert lazy.sizes.tolist() == [len(x) for x in tables[1]]


# ---- an array of one's own for vectors -------------------------------------------------------------------
def test_what_cannot_take_the_vectors_is_told_before_anything_is_read(folder, monkeypatch):
    path, sets = folder
    lazy, encoder = open_sets(path), Pooling().fit(sets)
    monkeypatch.setattr(type(lazy), "_read", lambda self, i: pytest.fail("a set was read"))
    read_only = np.empty((5, 8))
    read_only.flags.writeable = False
    for out, text in (
        (np.empty((4, 8)), r"out must have shape \(5, 8\), got \(4, 8\)"),
        (np.empty((6, 8)), r"out must have shape \(5, 8\), got \(6, 8\)"),
        (np.empty((5, 7)), r"out must have shape \(5, 8\), got \(5, 7\)"),
        (read_only, "out must be an array that can be written to"),
    ):
        with pytest.raises(ValueError, match=text):
            encoder.transform(lazy, out=out)
    with pytest.raises(ValueError, match="out must be an array that can be written to"):
        encoder.transform(lazy, groups=range(5), out=read_only)
    for call in (encoder.transform, FisherVector(2, random_state=0).fit(sets).statistics):
        with pytest.raises(ValueError, match="groups must be those of 5 sets, got 4"):
            call(lazy, groups=[0, 0, 1, 1])


def test_vectors_that_the_type_of_ones_array_cannot_hold_are_an_error(folder):
    _, sets = folder
    encoder, large = Pooling().fit(sets), [1e6 * x for x in sets]
    for given in ({}, {"groups": range(5)}):
        with pytest.raises(ValueError, match="out must be of a type that holds the vectors, got float16"):
            encoder.transform(large, out=np.empty((5, 8), np.float16), **given)
        out = encoder.transform(large, out=np.empty((5, 8), np.float32), **given)
        np.testing.assert_array_equal(out, encoder.transform(large))


# ---- what is given for files -----------------------------------------------------------------------------
def test_paths_may_be_what_a_glob_returns_or_a_column(folder):
    path, sets = folder
    paths = [str(path / f"s{i}.npy") for i in (3, 1)]
    for given in (iter(paths), np.array(paths), pd.Series(paths), pl.Series(paths)):
        lazy = open_sets(given, labels=pd.Series([7, 8]))
        assert lazy.names == ["s3", "s1"] and lazy.labels.tolist() == [7, 8]
        np.testing.assert_array_equal(lazy[0], sets[3])
    assert sorted(open_sets(path.glob("*.npy")).names) == [f"s{i}" for i in range(5)]
    with pytest.raises(ValueError, match="at least one file or folder, got none"):
        open_sets(path.glob("*.h5"))


def test_files_that_are_given_twice_are_told(folder):
    path, _ = folder
    with pytest.warns(UserWarning, match=r"files given more than once count each time: .*s1\.npy$"):
        assert open_sets([path, path / "s1.npy"]).names == [*(f"s{i}" for i in range(5)), "s1"]


def test_labels_that_can_be_meant_two_ways_are_errors(folder):
    path, _ = folder
    frame = pd.DataFrame({"name": [f"s{i}" for i in range(5)], "label": range(5)})
    assert open_sets(path, labels=frame.set_index("name")["label"]).labels.tolist() == [*range(5)]
    for given in (frame, frame.set_index("name")):
        with pytest.raises(ValueError, match=r"labels must be one column of a frame.*set_index\(NAME\)\[COLUMN\]"):
            open_sets(path, labels=given)
    with pytest.raises(ValueError, match=r"labels must have one value for each set, got \(0, 1\) for s0"):
        open_sets(path, labels={f"s{i}": (i, 1) for i in range(5)})
    # The number 1 and the text "1" are two labels.
    mixed = open_sets(path, labels={"s0": 1, "s1": "1", "s2": 1, "s3": 1, "s4": 1}).labels
    assert mixed.tolist() == [1, "1", 1, 1, 1]
    assert open_sets(path, groups=[2**63, 2**63 + 1, 1, 1, "1"]).groups.tolist() == [2**63, 2**63 + 1, 1, 1, "1"]
    with pytest.raises(FileNotFoundError, match=r"none\.csv"):
        open_sets(path, labels="none.csv")
    with pytest.raises(ValueError, match='groups "folder": no folder below the given path holds s0, s1, s2 and 2 more'):
        open_sets(path, groups="folder")


@pytest.mark.parametrize("what", ["array", "positions"])
def test_names_of_several_arrays_are_an_error_for_files_of_arrays(folder, what):
    with pytest.raises(TypeError, match=rf"{what} must be one name in files of arrays, got \['x', 'y'\]"):
        open_sets(folder[0], **{what: ["x", "y"]})

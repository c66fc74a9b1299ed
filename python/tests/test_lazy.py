"""Sets in files that are shared by threads, that change, and with what belongs to them: as safe as sets in memory."""

import multiprocessing
import os
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
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


# ---- what belongs to sets ----------------------------------------------------------------------------------


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


# ---- files that change -------------------------------------------------------------------------------------


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


# ---- threads and processes ---------------------------------------------------------------------------------


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


# ---- what is read, and what is not -------------------------------------------------------------------------


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

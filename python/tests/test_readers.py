"""Zarr stores and Kaldi's files as sets, and the rule that finds descriptors among named arrays."""

import csv
import struct
import subprocess
import sys
from pathlib import Path

import kaldiio
import numpy as np
import pytest
import zarr
from numpy.testing import assert_allclose, assert_array_equal

import fishervec
from fishervec import _reading, _stored
from fishervec._ark import open_ark
from fishervec._readers import kind_of, open_reader
from fishervec._zarr import Node, open_zarr
from readers import check

# Zarr has no specification yet for texts of NumPy.
pytestmark = pytest.mark.filterwarnings("ignore:.*does not have a Zarr V3 specification")

RNG = np.random.default_rng(0)
SETS = [RNG.normal(size=(n, 3)).astype(np.float32) for n in (5, 0, 7, 1, 30)]
ROWS = np.concatenate(SETS)
COMMAND = Path(sys.executable).with_name("fishervec")


def group(path, arrays, version=3, **how):
    store = zarr.open_group(path, mode="w", zarr_format=version)
    for name, array in arrays.items():
        store.create_array(name, data=np.asarray(array), **how)
    return store


# ---- zarr ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", [2, 3])
@pytest.mark.parametrize("chunks", [(4, 2), (1, 3), (100, 3)])
def test_a_group_of_groups_is_a_set_per_group_in_natural_order(tmp_path, version, chunks):
    root = zarr.open_group(tmp_path / "a.zarr", mode="w", zarr_format=version)
    for i, x in enumerate(SETS):
        inside = root.create_group(f"day/img{8 + i}")
        inside.create_array("descriptors", data=x, chunks=tuple(map(min, chunks, (max(1, len(x)), 3))))
        inside.create_array("keypoints", data=np.full((len(x), 2), i))
    reader = open_reader(tmp_path / "a.zarr")
    check(reader, SETS, [f"day/img{8 + i}" for i in range(5)])
    assert_array_equal(reader.positions(4), np.full((30, 2), 4))
    check(open_zarr(zarr.open(tmp_path / "a.zarr", mode="r")), SETS)


@pytest.mark.parametrize("version", [2, 3])
def test_an_array_alone_is_a_set_by_the_name_of_the_store(tmp_path, version):
    zarr.save_array(tmp_path / "slide.zarr", ROWS, zarr_format=version)
    check(open_reader(tmp_path / "slide.zarr"), [ROWS], ["slide"])
    zarr.save_array(tmp_path / "plain", ROWS[np.newaxis], zarr_format=version)
    assert kind_of(tmp_path / "plain") == "zarr"
    check(open_reader(tmp_path / "plain"), [ROWS], ["plain"])


def test_rows_of_one_value_of_an_array_are_a_set(tmp_path):
    keys = RNG.integers(0, 4, len(ROWS))
    group(tmp_path / "a.zarr", {"features": ROWS, "slide": keys, "y": keys * 2, "coords": ROWS[:, :2]}, chunks="auto")
    reader = open_zarr(tmp_path / "a.zarr", groups="slide", labels="y")
    order = list(dict.fromkeys(keys.tolist()))
    check(reader, [ROWS[keys == key] for key in order], map(str, order))
    assert reader.labels == [2 * key for key in order]
    assert_array_equal(reader.positions(1), ROWS[keys == order[1]][:, :2])
    with pytest.raises(ValueError, match="there is no array case; arrays: coords, features, slide, y"):
        open_zarr(tmp_path / "a.zarr", groups="case")
    with pytest.raises(ValueError, match=rf"array coords must have {len(ROWS)} values, one per row, got shape"):
        open_zarr(tmp_path / "a.zarr", groups="coords")


def test_a_large_chunk_is_decoded_once_for_many_small_reads(tmp_path, monkeypatch):
    group(tmp_path / "a.zarr", {"features": ROWS}, chunks=(20, 3))
    rows = _stored.DenseRows(Node(str(tmp_path / "a.zarr"), "features"))
    reads = []
    monkeypatch.setattr(rows, "_read", lambda a, b, read=rows._read: reads.append((a, b)) or read(a, b))
    for i in range(len(ROWS)):
        assert_array_equal(rows.read(i, i + 1), ROWS[i : i + 1])
    assert reads == [(0, 20), (20, 40), (40, 43)]


@pytest.mark.parametrize(
    ("arrays", "asked", "message"),
    [
        ({"coords": ROWS}, {}, "no array holds descriptors"),
        ({"features": ROWS}, {"column": "feats"}, "there is no array feats; arrays: features"),
        ({"features": ROWS}, {"labels": "y"}, "labels='y' must be None without groups="),
        ({"features": ROWS}, {"id": "y"}, "id='y' must be None"),
        ({"a": ROWS, "b": ROWS}, {"groups": "y"}, "must divide one array, got several"),
        ({}, {}, "no array holds descriptors; arrays: none"),
    ],
)
def test_a_store_whose_sets_cannot_be_told_is_an_error_that_names_it(tmp_path, arrays, asked, message):
    group(tmp_path / "a.zarr", arrays)
    with pytest.raises(ValueError, match=message) as error:
        open_zarr(tmp_path / "a.zarr", **asked)
    assert "a.zarr" in str(error.value)


def test_a_store_that_is_not_there_is_an_error_that_names_it(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"none\.zarr: there is no zarr array or group"):
        open_reader(tmp_path / "none.zarr")


PLACES = np.arange(2.0 * len(ROWS)).reshape(-1, 2)


@pytest.mark.parametrize("asked", [{}, {"positions": "coords"}])
def test_positions_of_a_batch_are_cut_as_its_sets_are(tmp_path, asked):
    group(tmp_path / "a.zarr", {"X": ROWS, "lengths": [len(x) for x in SETS], "coords": PLACES})
    np.savez(tmp_path / "a.npz", X=ROWS, lengths=[len(x) for x in SETS], coords=PLACES)
    reader, sets = open_reader(tmp_path / "a.zarr", **asked), fishervec.open_sets(tmp_path / "a.npz", **asked)
    start = 0
    for i, x in enumerate(SETS):
        assert_array_equal(reader.positions(i), PLACES[start : start + len(x)])
        assert_array_equal(sets.positions[i], reader.positions(i))
        start += len(x)


WRONG_PLACES = {
    "missing": ({"features": ROWS}, "there is no array places; arrays: features"),
    "too few": (
        {"features": ROWS, "places": PLACES[:9]},
        "places does not hold the positions of features: expected num",
    ),
    "too many": (
        {"features": ROWS[:9], "places": PLACES},
        r"expected numbers of shape \(9, L\), a row for each descriptor",
    ),
    "texts": (
        {"features": ROWS[:2], "places": np.array([["a"], ["b"]])},
        "places does not hold the positions of features",
    ),
    "several sets": (
        {"a": ROWS, "b": ROWS, "places": PLACES},
        "places cannot be the positions of a, b: choose one with",
    ),
}


@pytest.mark.parametrize(("arrays", "message"), WRONG_PLACES.values(), ids=WRONG_PLACES.keys())
def test_positions_that_do_not_fit_are_an_error(tmp_path, arrays, message):
    group(tmp_path / "a.zarr", arrays)
    with pytest.raises(ValueError, match=rf"a\.zarr: .*{message}"):
        open_zarr(tmp_path / "a.zarr", positions="places")


def test_positions_may_have_a_leading_axis_and_an_array_alone_has_none(tmp_path):
    group(tmp_path / "a.zarr", {"features": ROWS[np.newaxis], "coords": PLACES[np.newaxis]})
    assert_array_equal(open_zarr(tmp_path / "a.zarr").positions(0), PLACES)
    zarr.save_array(tmp_path / "b.zarr", ROWS)
    with pytest.raises(ValueError, match=r"b\.zarr: .* positions= name arrays of a group, got an array alone"):
        open_zarr(tmp_path / "b.zarr", positions="coords")


def test_groups_beside_arrays_are_named(tmp_path):
    inside = {"s1/features": X, "deep/s2/features": X}
    for name, root in (("a.zarr", {"features": X}), ("b.zarr", {"other": X})):
        store = group(tmp_path / name, root)
        for path, x in inside.items():
            store.create_group(path.rpartition("/")[0]).create_array("features", data=x)
    with pytest.warns(UserWarning, match="those of its groups deep, s1, which are not read; array=GROUP/NAME chooses"):
        assert open_zarr(tmp_path / "a.zarr").names == ["a"]
    with pytest.raises(ValueError, match="those of its groups deep, s1; choose with array=NAME or array=GROUP/NAME"):
        open_zarr(tmp_path / "b.zarr")
    assert open_zarr(tmp_path / "b.zarr", column="deep/s2/features").names == ["deep/s2"]
    assert open_zarr(tmp_path / "b.zarr", column="other").names == ["b"]
    with pytest.raises(ValueError, match=r"b\.zarr: there is no group s3; it has deep, other, s1"):
        open_zarr(tmp_path / "b.zarr", column="s3/features")


def test_a_store_in_a_zip_is_read(tmp_path):
    with zarr.storage.ZipStore(tmp_path / "a.zarr.zip", mode="w") as store:
        group(store, {"features": ROWS})
    check(open_reader(tmp_path / "a.zarr.zip"), [ROWS], ["a"])


def test_a_shard_is_not_read_whole_for_one_of_its_chunks(tmp_path):
    group(tmp_path / "a.zarr", {"features": ROWS}, chunks=(4, 3), shards=(44, 3))
    rows = _stored.DenseRows(Node(str(tmp_path / "a.zarr"), "features"))
    assert_array_equal(rows.read(9, 10), ROWS[9:10])
    assert rows._held[1].shape == (4, 3)


def test_keys_of_bytes_are_texts_and_a_batch_may_have_no_sets(tmp_path):
    keys = np.array([b"a", b"b"])[np.arange(len(ROWS)) % 2]
    group(tmp_path / "a.zarr", {"features": ROWS, "key": keys})
    check(open_zarr(tmp_path / "a.zarr", groups="key"), [ROWS[::2], ROWS[1::2]], "ab")
    group(tmp_path / "b.zarr", {"X": ROWS[:0], "offsets": [0]})
    assert open_zarr(tmp_path / "b.zarr").sizes == []


# ---- the rule of containers ------------------------------------------------------------------------------

F4, X = np.float32, ROWS
ARRAYS = {
    "one name": {"features": X, "other": np.arange(4)},
    "an earlier name first": {"embeddings": X[:4], "feats": X},
    "capitals": {"Features": X},
    "one array": {"anything": X},
    "several of one width": {"a10": X[:2], "a9": X[:3]},
    "several widths": {"a": X, "b": X[:, :2]},
    "a batch": {"X": X, "lengths": [13, 0, 30], "y": [1, 2, 3]},
    "a batch by offsets": {"X": X, "offsets": [0, 13, 13, 43]},
    "both": {"X": X, "offsets": [0, 13, 43], "lengths": [13, 30]},
    "that contradict": {"X": X, "offsets": [0, 13, 43], "lengths": [12, 31]},
    "too short lengths": {"X": X, "lengths": [13, 1]},
    "offsets that fall": {"X": X, "offsets": [0, 13, 12, 43]},
    "labels of another number": {"X": X, "lengths": [43], "y": [1, 2]},
    "lengths beside features": {"features": X, "lengths": [43]},
    "a leading axis": {"features": X[np.newaxis]},
    "a trailing axis": {"features": X[:, :, np.newaxis]},
    "float64 and float16": {"a": X.astype("f8"), "b": X.astype("f2")},
    "bytes": {"features": np.arange(12, dtype="u1").reshape(4, 3)},
    "integers": {"features": np.arange(12).reshape(4, 3)},
    "integers besides": {"a": X, "b": np.arange(12).reshape(4, 3)},
    "one descriptor besides": {"a": X, "b": X[0]},
    "a vector": {"features": X[0]},
    "coordinates": {"a": X, "coords": X[:, :2]},
    "coordinates alone": {"coords": X},
    "turned": {"descriptors": X[:20].T, "keypoints": X[:20, :2]},
    "square": {"descriptors": X[:3], "keypoints": X[:3, :2]},
    "labels as numbers": {"a": X, "labels": np.arange(43.0)},
}


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    path = tmp_path_factory.mktemp("model") / "m.safetensors"
    fishervec.Pooling().fit([X]).save(path)
    return path


@pytest.mark.filterwarnings("ignore:.*may be descriptors too")
@pytest.mark.parametrize("arrays", ARRAYS.values(), ids=ARRAYS.keys())
def test_python_and_the_command_find_the_same_sets(tmp_path, model, arrays):
    arrays = {name: np.asarray(array) for name, array in arrays.items()}
    np.savez(tmp_path / "a.npz", **arrays)
    done = subprocess.run(
        [COMMAND, "encode", "a.npz", "-m", model, "-o", "v.npy"], cwd=tmp_path, capture_output=True, text=True
    )
    group(tmp_path / "a.zarr", arrays)
    try:
        reader = open_zarr(tmp_path / "a.zarr")
    except ValueError as error:
        assert done.returncode != 0, error
        assert "a.zarr: " in str(error)
    else:
        if reader.dim != 3:
            # The command fails later: the model has other columns.
            assert "dimension of descriptors" in done.stderr
            return
        assert done.returncode == 0, done.stderr
        with open(tmp_path / "v.csv", newline="") as file:
            table = list(csv.DictReader(file))
        assert [int(row["n"]) for row in table] == reader.sizes
        if len(table) > 1:
            assert [row["set"] for row in table] == reader.names


# ---- Kaldi -----------------------------------------------------------------------------------------------

UTTERANCES = {f"spk{i % 2}-utt{i}": x for i, x in enumerate(SETS) if len(x)}
FULL = list(UTTERANCES.values())


@pytest.fixture
def ark(tmp_path):
    def write(**how):
        kaldiio.save_ark(str(tmp_path / "a.ark"), how.pop("matrices", UTTERANCES), scp=str(tmp_path / "a.scp"), **how)
        return tmp_path / "a.ark"

    return write


@pytest.mark.parametrize("ending", [".ark", ".scp"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_each_matrix_of_an_ark_is_a_set(ark, ending, dtype):
    path = ark(matrices={name: x.astype(dtype) for name, x in UTTERANCES.items()}).with_suffix(ending)
    reader = open_reader(path)
    assert reader.dtype == dtype
    check(reader, FULL, UTTERANCES)


def test_matrices_in_text_are_read(tmp_path):
    kaldiio.save_ark(str(tmp_path / "a.ark"), UTTERANCES, text=True)
    reader = open_ark(tmp_path / "a.ark")
    check(reader, [x for _, x in kaldiio.load_ark(str(tmp_path / "a.ark"))], UTTERANCES)
    assert_allclose(reader.read(0, 0, 5), FULL[0], rtol=1e-5)


@pytest.mark.parametrize("method", [2, 3, 5])
@pytest.mark.parametrize("ending", [".ark", ".scp"])
def test_compressed_matrices_are_those_of_kaldiio(ark, method, ending):
    path = ark(compression_method=method).with_suffix(ending)
    check(open_ark(path), [x for _, x in kaldiio.load_ark(str(path.with_suffix(".ark")))], UTTERANCES)
    assert_allclose(open_ark(path).read(0, 0, 5), FULL[0], atol=0.1)


def test_files_that_were_moved_together_are_found(ark, tmp_path):
    path = ark()
    (tmp_path / "a.scp").write_text((tmp_path / "a.scp").read_text().replace(str(path), "a.ark"))
    check(open_ark(tmp_path / "a.scp"), FULL, UTTERANCES)


def test_utt2spk_gives_groups_or_labels(ark, tmp_path):
    path = ark()
    (tmp_path / "utt2spk").write_text("".join(f"{name} {name[:4]}\n" for name in UTTERANCES))
    reader = open_ark(path, groups=tmp_path / "utt2spk", labels=tmp_path / "utt2spk")
    assert reader.groups == reader.labels == [name[:4] for name in UTTERANCES]
    for file in (tmp_path / "utt2spk", str(tmp_path / "utt2spk")):
        assert fishervec.open_sets(path, labels=file).labels.tolist() == reader.labels
    (tmp_path / "utt2spk").write_text("other spk0\n")
    with pytest.raises(ValueError, match="must name each utterance, 4 are missing: spk0-utt0"):
        open_ark(path, labels=tmp_path / "utt2spk")


def test_a_line_of_utt2spk_that_contradicts_another_is_an_error(ark, tmp_path):
    path = ark()
    lines = "".join(f"{name} {name[:4]}\n" for name in UTTERANCES)
    (tmp_path / "utt2spk").write_text(lines + lines)
    assert open_ark(path, groups=tmp_path / "utt2spk").groups == [name[:4] for name in UTTERANCES]
    (tmp_path / "utt2spk").write_text(lines + "spk0-utt0 spk7\n")
    with pytest.raises(ValueError, match="must name spk0-utt0 once, got spk0 and spk7"):
        open_ark(path, groups=tmp_path / "utt2spk")


@pytest.mark.parametrize("space", [" ", "\n", " \n "])
def test_space_between_utterances_does_not_hide_those_after_it(tmp_path, space):
    kaldiio.save_ark(str(tmp_path / "a.ark"), UTTERANCES)
    parts = []
    for name, x in UTTERANCES.items():
        kaldiio.save_ark(str(tmp_path / "one.ark"), {name: x})
        parts.append(space.encode() + (tmp_path / "one.ark").read_bytes())
    (tmp_path / "a.ark").write_bytes(b"".join(parts) + space.encode())
    check(open_ark(tmp_path / "a.ark"), FULL, UTTERANCES)


def test_the_place_in_an_scp_may_follow_a_tab(ark, tmp_path):
    path = ark().with_suffix(".scp")
    path.write_text("".join(line.replace(" ", "\t", 1) for line in path.read_text().splitlines(keepends=True)))
    check(open_ark(path), FULL, UTTERANCES)


def test_neither_commands_nor_pickles_are_ever_run(tmp_path):
    ran = tmp_path / "ran"
    for line in (f"a touch {ran} |", f"a | touch {ran}", f"a a.ark|touch {ran}|:5"):
        (tmp_path / "a.scp").write_text(line + "\n")
        with pytest.raises(ValueError, match=r"a\.scp: line 1 must name a file, got a command, which is never run"):
            open_ark(tmp_path / "a.scp")
    (tmp_path / "a.ark").write_bytes(b"a PKLcos\nsystem\n(S'touch " + str(ran).encode() + b"'\ntR.")
    with pytest.raises(ValueError, match="utterance a: must be a matrix, with a row per frame, got a pickle"):
        open_ark(tmp_path / "a.ark")
    with pytest.raises(FileNotFoundError):
        open_ark(f"touch {ran} |.ark")
    assert not ran.exists()


def test_every_prefix_of_an_ark_is_an_error_or_fewer_utterances(ark, tmp_path):
    for how in ({}, {"compression_method": 2}):
        whole = ark(**how).read_bytes()
        ends = [whole.index(name.encode()) for name in UTTERANCES]
        for n in range(len(whole)):
            (tmp_path / "cut.ark").write_bytes(whole[:n])
            if n in ends:
                assert len(open_ark(tmp_path / "cut.ark").names) == ends.index(n)
                continue
            with pytest.raises(ValueError, match=r"cut\.ark"):
                open_ark(tmp_path / "cut.ark")


def test_an_ark_that_is_damaged_is_an_error_or_numbers(ark, tmp_path):
    for how in ({}, {"compression_method": 2}):
        whole = bytearray(ark(**how).read_bytes())
        for _ in range(300):
            damaged = whole.copy()
            for at in RNG.integers(0, len(whole), 3):
                damaged[at] = RNG.integers(256)
            (tmp_path / "b.ark").write_bytes(damaged)
            try:
                reader = open_ark(tmp_path / "b.ark")
                for i, n in enumerate(reader.sizes):
                    assert reader.read(i, 0, n).shape == (n, reader.dim)
            except ValueError as error:
                assert "b.ark" in str(error)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"a \0BFV \4" + struct.pack("<i", 2) + b"\0" * 8, "got a vector"),
        (b"a RIFF", "got sound"),
        (b"a \0BFM \4" + struct.pack("<i", 1 << 30) + b"\4" + struct.pack("<i", 1 << 30), "the file is too short"),
        (b"a \0BFM \4" + struct.pack("<i", -1) + b"\4" + struct.pack("<i", 3), "the file is too short"),
        (b"x" * 5000, "a name must have at most 4096 bytes"),
        (b"\xff\xfe \0BFM ", "a name must be UTF-8"),
    ],
)
def test_what_is_not_a_matrix_is_an_error_that_says_what_it_is(tmp_path, content, message):
    (tmp_path / "a.ark").write_bytes(content)
    with pytest.raises(ValueError, match=message):
        open_ark(tmp_path / "a.ark")


def test_utterances_of_other_columns_and_doubled_ones_are_errors(ark, tmp_path):
    path = ark(matrices={"a": X, "b": X[:, :2]})
    with pytest.raises(ValueError, match="utterance b must have 3 columns like a, got 2"):
        open_ark(path)
    path.write_bytes(ark(matrices={"a": X}).read_bytes() * 2)
    with pytest.raises(ValueError, match="the utterance a is there twice, as set 0 and 1"):
        open_ark(path)
    (tmp_path / "a.scp").write_text("a\n")
    with pytest.raises(ValueError, match="line 1 must be a name and a place, got 'a'"):
        open_ark(tmp_path / "a.scp")
    (tmp_path / "a.scp").write_text("a a.ark:2[0:3]\n")
    with pytest.raises(ValueError, match="must name a whole matrix, got a part of one"):
        open_ark(tmp_path / "a.scp")
    with pytest.raises(ValueError, match="positions='x' must be None"):
        open_ark(path, positions="x")


def test_files_of_other_kinds_are_left_to_others(tmp_path):
    assert [kind_of(path) for path in ("a.npy", "a.h5", "folder", tmp_path, "a.pt")] == [None] * 5
    assert [kind_of(x) for x in (X, [X], 3, None, {})] == [None] * 5
    assert [kind_of(path) for path in ("a.PQ", "b.tsv.gz", "c.h5ad", "d.scp", "e.feather")] == [
        "parquet",
        "csv",
        "anndata",
        "ark",
        "arrow",
    ]
    with pytest.raises(ValueError, match="expected files of one of the kinds parquet, arrow"):
        open_reader("a.npy")
    with pytest.raises(ValueError, match="several files of the kind ark must be opened one by one, got 2"):
        open_reader(["a.ark", "b.ark"])


def test_names_are_in_the_natural_order_of_the_command():
    # The list of the library's own test (crates/fishervec/src/util/natural.rs).
    names = ["0", "00", "a", "a/2", "a/10", "a0b", "a01", "a1", "a1b", "a2", "a10", "a99999999999999999999", "b", "ä"]
    backwards = names[::-1]
    assert sorted(backwards, key=_reading.natural) == names
    assert sorted(["a1", "a-", "a.", "aA"], key=_reading.natural) == ["a-", "a.", "a1", "aA"]

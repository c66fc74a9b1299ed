"""Vectors in files: what is written is read back, and nothing else is lost."""

import csv
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import h5py
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from numpy.testing import assert_array_equal

import fishervec
from fishervec import write_vectors

VECTORS = np.random.default_rng(0).normal(size=(4, 6)).astype(np.float32)
IDS = ["slide 1", 'a "b", c', "ä/ö", "s4\nx"]
COMMAND = Path(sys.executable).with_name("fishervec")


def read_parquet(path):
    table = pq.read_table(path)
    vectors = np.stack(table["vector"].to_numpy()) if table.num_rows else np.empty((0, 6))
    return table["id"].to_pylist(), table["label"].to_pylist() if "label" in table.column_names else None, vectors


def read_h5(path):
    with h5py.File(path) as file:
        labels = None
        if "label" in file:
            labels = file["label"].asstr()[:].tolist() if file["label"].dtype.kind == "O" else file["label"][:].tolist()
        return file["id"].asstr()[:].tolist(), labels, file["vector"][:]


def read_csv(path):
    with open(path, newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    labels = [row["label"] for row in rows] if rows and "label" in rows[0] else None
    names = [name for name in (rows[0] if rows else ()) if name.startswith("v")]
    return [row["id"] for row in rows], labels, np.array([[float(row[name]) for name in names] for row in rows])


def read_npy(path):
    with open(path.with_suffix(".csv"), newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    labels = [row["label"] for row in rows] if rows and "label" in rows[0] else None
    return [row["set"] for row in rows], labels, np.load(path)


READ = {".parquet": read_parquet, ".h5": read_h5, ".hdf5": read_h5, ".csv": read_csv, ".npy": read_npy}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("ending", READ)
def test_names_labels_and_numbers_are_read_back(tmp_path, ending, dtype):
    path = tmp_path / f"v{ending}"
    for labels in (None, ["x", "y", "x", "z"]):
        write_vectors(path, VECTORS.astype(dtype), IDS, labels=labels)
        ids, found, vectors = READ[ending](path)
        assert ids == IDS and found == labels
        assert_array_equal(vectors.astype(dtype), VECTORS.astype(dtype))
        assert ending == ".csv" or vectors.dtype == dtype
    names = {".npy": ["v.csv", "v.labels.npy", "v.npy"]}
    assert sorted(os.listdir(tmp_path)) == names.get(ending, [path.name])


def test_a_vector_is_a_list_of_fixed_size_in_parquet(tmp_path):
    write_vectors(tmp_path / "v.parquet", VECTORS, IDS, labels=[1, 2, None, 3])
    schema = pq.read_schema(tmp_path / "v.parquet")
    assert schema.names == ["id", "label", "vector"]
    assert schema.types == [pa.string(), pa.int64(), pa.list_(pa.float32(), 6)]
    assert pq.read_table(tmp_path / "v.parquet")["label"].to_pylist() == [1, 2, None, 3]


MISSING = {".parquet": [None, None, None], ".h5": ["", -1, np.nan], ".csv": ["", "", ""], ".npy": ["", "", ""]}


@pytest.mark.parametrize("ending", MISSING)
def test_a_label_that_is_missing_is_told_as_the_file_can(tmp_path, ending):
    for labels, missing in zip((["a", None], [5, None], [0.5, None]), MISSING[ending], strict=True):
        write_vectors(tmp_path / f"v{ending}", VECTORS[:2], labels=labels)
        (_, found, _) = READ[ending](tmp_path / f"v{ending}")
        assert_array_equal(found[1:], [missing])
        assert str(found[0]) == str(labels[0])


@pytest.mark.parametrize("ending", READ)
def test_names_and_labels_come_from_sets_and_from_frames(tmp_path, ending):
    path = tmp_path / f"v{ending}"
    write_vectors(path, VECTORS, SimpleNamespace(names=IDS, labels=[3, 1, 4, 1], sizes=[5, 0, 7, 8]))
    ids, labels, _ = READ[ending](path)
    assert ids == IDS and [int(label) for label in labels] == [3, 1, 4, 1]
    write_vectors(path, VECTORS, SimpleNamespace(names=IDS, labels=[3, 1, 4, 1]), labels=list("abca"))
    assert READ[ending](path)[1] == list("abca")
    write_vectors(path, pd.DataFrame(VECTORS, index=list("pqrs")))
    assert READ[ending](path)[0] == list("pqrs")
    write_vectors(path, VECTORS.tolist())
    assert READ[ending](path)[0] == ["0", "1", "2", "3"]


@pytest.mark.parametrize("ending", [".parquet", ".h5", ".npy", ".csv"])
def test_no_vectors_are_a_file_without_rows(tmp_path, ending):
    write_vectors(tmp_path / f"v{ending}", VECTORS[:0])
    assert READ[ending](tmp_path / f"v{ending}")[0] == []


def test_the_command_reads_what_is_written_as_its_own(tmp_path):
    vectors = np.repeat(np.eye(2, 6, dtype=np.float32), 3, axis=0)
    write_vectors(tmp_path / "v.npy", vectors, list("abcdef"), labels=["dog"] * 3 + ["cat"] * 3)
    assert_array_equal(np.load(tmp_path / "v.labels.npy"), [1, 1, 1, 0, 0, 0])
    done = subprocess.run(
        [COMMAND, "evaluate", "v.npy", "--labels", "v.labels.npy"], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert "accuracy     1.0000" in done.stdout
    fishervec.Pooling().fit([vectors]).save(tmp_path / "m.safetensors")
    done = subprocess.run(
        [COMMAND, "encode", ".", "-m", "m.safetensors", "-o", "w.npy"], cwd=tmp_path, capture_output=True, text=True
    )
    # The vectors are left out of the folder, since the csv beside them is that of the command.
    assert done.returncode != 0 and not (tmp_path / "w.npy").exists()


@pytest.mark.parametrize("ending", [".parquet", ".h5", ".csv"])
def test_a_file_of_another_kind_is_never_replaced(tmp_path, ending):
    path = tmp_path / f"v{ending}"
    for content in (b"", b"some notes", b"slide,x,y\n1,2,3\n"):
        path.write_bytes(content)
        with pytest.raises(ValueError, match=f"v{ending} is there already"):
            write_vectors(path, VECTORS, IDS)
        assert path.read_bytes() == content


def test_descriptors_of_the_same_format_are_never_replaced(tmp_path):
    pq.write_table(pa.table({"id": ["a"], "features": [[1.0]]}), tmp_path / "v.parquet")
    with pytest.raises(ValueError, match=r"is there already with other contents \(id, features\)"):
        write_vectors(tmp_path / "v.parquet", VECTORS)
    with h5py.File(tmp_path / "v.h5", "w") as file:
        file["features"] = VECTORS
    with pytest.raises(ValueError, match=r"is there already with other contents \(features\)"):
        write_vectors(tmp_path / "v.h5", VECTORS)
    (tmp_path / "w.csv").write_text("slide_id,label\na,1\n")
    with pytest.raises(ValueError, match=r"w\.csv is there already and would be replaced"):
        write_vectors(tmp_path / "w.npy", VECTORS)
    write_vectors(tmp_path / "x.npy", VECTORS)
    with pytest.raises(ValueError, match=r"x\.csv is there already and has other columns"):
        write_vectors(tmp_path / "x.csv", VECTORS)
    assert not (tmp_path / "w.npy").exists()


@pytest.mark.parametrize("ending", READ)
def test_nothing_is_left_if_writing_fails(tmp_path, monkeypatch, ending):
    def fail(*args, **kwargs):
        raise OSError("no space left")

    write_vectors(tmp_path / f"v{ending}", VECTORS, IDS)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="no space left"):
        write_vectors(tmp_path / f"v{ending}", VECTORS * 2, IDS)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


WRONG = {
    "ending": (("v.txt", VECTORS), {}, "path must end in .parquet, .h5"),
    "no ending": (("v", VECTORS), {}, "path must end in .parquet, .h5"),
    "one vector": (("v.npy", VECTORS[0]), {}, "vectors must be an array of shape .n_sets, n_features., got shape .6,"),
    "no numbers": (("v.npy", VECTORS[:, :0]), {}, "got shape .4, 0."),
    "NaN": (("v.npy", VECTORS * np.nan), {}, "vectors must be finite numbers"),
    "texts": (("v.npy", [["a"]]), {}, "could not convert"),
    "fewer names": (("v.npy", VECTORS, IDS[:3]), {}, "sets must be those of 4 vectors, got 3"),
    "one name": (("v.npy", VECTORS, "abcd"), {}, "sets must be the names of 4 sets"),
    "fewer labels": (("v.npy", VECTORS, IDS), {"labels": [1, 2]}, "labels must be those of 4 vectors, got 2"),
    "mixed labels": (("v.npy", VECTORS[:2]), {"labels": [1, "a"]}, "labels must be all texts or all numbers, got int"),
}


@pytest.mark.parametrize(("args", "more", "message"), WRONG.values(), ids=WRONG.keys())
def test_what_cannot_be_written_is_an_error(tmp_path, args, more, message):
    with pytest.raises((ValueError, TypeError), match=message):
        write_vectors(tmp_path / args[0], *args[1:], **more)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_not_there_is_an_error_that_names_it(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"none does not exist; create it first"):
        write_vectors(tmp_path / "none" / "v.npy", VECTORS)
    (tmp_path / "v.npy").mkdir()
    with pytest.raises(OSError, match="this path exists and is not a file"):
        write_vectors(tmp_path / "v.npy", VECTORS)


@pytest.mark.parametrize(("library", "name", "extra"), [("pyarrow", "v.parquet", "parquet"), ("h5py", "v.h5", "hdf5")])
def test_a_missing_library_is_an_error_that_says_what_to_install(tmp_path, library, name, extra):
    code = f"import sys; sys.modules[{library!r}] = None\nimport fishervec\nfishervec.write_vectors({name!r}, [[1.0]])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, cwd=tmp_path)
    assert f'{name} needs {library}: pip install "fishervec[{extra}]"' in done.stderr.splitlines()[-1]


@pytest.mark.parametrize(
    "names", [pd.Index(list("abcd"), name="slide"), pd.Series(list("abcd"), index=["names", *"xyz"])]
)
def test_names_may_be_an_index_or_a_column_of_pandas(tmp_path, names):
    write_vectors(tmp_path / "v.csv", VECTORS, names)
    assert read_csv(tmp_path / "v.csv")[0] == list("abcd")
    write_vectors(tmp_path / "v.csv", VECTORS[:1], names[:1])
    assert read_csv(tmp_path / "v.csv")[0] == ["a"]


def test_names_may_be_bytes_and_must_be_there(tmp_path):
    write_vectors(tmp_path / "v.csv", VECTORS, np.array([b"a", b"b", b"c", b"d"]))
    assert read_csv(tmp_path / "v.csv")[0] == list("abcd")
    for missing in (None, np.nan, pd.NA):
        with pytest.raises(ValueError, match=f"sets must name each vector, got {missing} for row 1"):
            write_vectors(tmp_path / "v.csv", VECTORS, ["a", missing, "c", "d"])


LABELS = {
    "Int64": (pd.Series([1, None, 3, 1], dtype="Int64"), [1, None, 3, 1]),
    "string": (pd.Series(["a", None, "c", "a"], dtype="string"), ["a", None, "c", "a"]),
    "categories": (pd.Series(["a", None, "c", "a"], dtype="category"), ["a", None, "c", "a"]),
    "Arrow": (pa.array([1, None, 3, 1]), [1, None, 3, 1]),
}


@pytest.mark.parametrize(("labels", "expected"), LABELS.values(), ids=LABELS.keys())
def test_labels_may_be_columns_with_missing_values(tmp_path, labels, expected):
    write_vectors(tmp_path / "v.parquet", VECTORS, IDS, labels=labels)
    assert pq.read_table(tmp_path / "v.parquet")["label"].to_pylist() == expected


def test_empty_texts_are_no_labels_in_npy(tmp_path):
    write_vectors(tmp_path / "v.npy", VECTORS, labels=[""] * 4)
    assert np.load(tmp_path / "v.labels.npy").tolist() == [-1] * 4


@pytest.mark.parametrize("head", ["id,label", "id,name,v0", "id,v,v1"])
def test_a_table_of_labels_is_never_replaced_by_vectors(tmp_path, head):
    (tmp_path / "v.csv").write_text(f"{head}\na,1,2\n")
    with pytest.raises(ValueError, match=r"v\.csv is there already and has other columns"):
        write_vectors(tmp_path / "v.csv", VECTORS)


@pytest.mark.parametrize("name", ["v.npy", "v.labels.npy"])
def test_an_array_without_the_csv_of_the_command_is_never_replaced(tmp_path, name):
    np.save(tmp_path / name, VECTORS)
    with pytest.raises(ValueError, match=rf"{name} is there already and would be replaced: choose another path"):
        write_vectors(tmp_path / "v.npy", VECTORS, labels=[1, 2, 3, 4])
    assert os.listdir(tmp_path) == [name]

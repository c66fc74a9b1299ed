"""Sets that stay in files, and iterators: read one part at a time, with the numbers of sets in memory."""

import pickle
import re
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import RandomForestClassifier
from sklearn.model_selection import GridSearchCV, cross_val_score, train_test_split
from sklearn.pipeline import make_pipeline

import fishervec
from fishervec import BagOfWords, DescriptorPCA, FisherVector, Listing, Pooling, Vlad, _parts, open_sets


def arrays(n_sets=12, d=6, dtype=np.float32, seed=0):
    rng = np.random.default_rng(seed)
    return [rng.normal(i % 3, 1, (int(n), d)).astype(dtype) for i, n in enumerate(rng.integers(40, 200, n_sets))]


@pytest.fixture
def folder(tmp_path):
    """A folder of class folders with .npy files, and the arrays in the order of the files."""
    sets = arrays()
    for i, x in enumerate(sets):
        (tmp_path / f"class{i % 3}").mkdir(exist_ok=True)
        np.save(tmp_path / f"class{i % 3}" / f"slide{i}.npy", x)
    order = sorted(range(len(sets)), key=lambda i: (i % 3, i))
    return tmp_path, [sets[i] for i in order], [f"slide{i}" for i in order]


ENCODERS = [
    FisherVector(n_components=3, random_state=0, sample=500),
    FisherVector(n_components=3, random_state=0, pca=4, norm="intra+l2"),
    FisherVector(n_components=3, random_state=0, information="empirical", information_sets=5, sample=700),
    FisherVector(n_components=3, random_state=0, spatial=2, position_columns=2, sample=600),
    FisherVector(n_components=3, random_state=0, pyramid="1x1,2x1", position_columns=2),
    Vlad(n_clusters=4, random_state=1),
    BagOfWords(n_clusters=4, assignment="soft", random_state=1, sample=300),
    Pooling(),
    Pooling(pca=3, sample=200, random_state=0),
]


@pytest.mark.parametrize("encoder", ENCODERS, ids=lambda encoder: str(encoder)[:60])
@pytest.mark.filterwarnings("ignore:only .* sets for the empirical", "ignore:only .* descriptors per component")
@pytest.mark.filterwarnings("ignore:Best performing", "ignore:the last 2 columns")
@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.float16, np.uint8])
def test_files_have_the_numbers_of_arrays(encoder, dtype, tmp_path):
    sets = [np.abs(x).astype(dtype) for x in arrays()]
    np.savez(tmp_path / "sets.npz", *sets)
    lazy = open_sets(tmp_path / "sets.npz")
    expected = encoder.fit(sets).transform(sets)
    np.testing.assert_array_equal(encoder.transform(lazy), expected)
    np.testing.assert_array_equal(encoder.fit(lazy).transform(sets), expected)
    np.testing.assert_array_equal(encoder.fit_transform(lazy), expected)


def test_an_iterator_that_fits_into_the_sample_has_the_numbers_of_a_list():
    sets = arrays()
    encoder = FisherVector(n_components=3, random_state=0)
    expected = encoder.fit(sets).mixture_.means_
    np.testing.assert_array_equal(encoder.fit(iter(sets)).mixture_.means_, expected)
    np.testing.assert_array_equal(encoder.fit(x for x in sets).mixture_.means_, expected)


# ---- what is opened --------------------------------------------------------------------------------------


def test_a_folder_is_a_sequence_of_its_sets(folder):
    path, sets, names = folder
    lazy = open_sets(path)
    assert isinstance(lazy, Listing) and len(lazy) == 12 and lazy.shape == (12,)
    assert lazy.names == names and lazy.n_features == 6 and lazy.dtype == np.float32
    np.testing.assert_array_equal(lazy.sizes, [len(x) for x in sets])
    assert lazy.labels is None and lazy.groups is None and lazy.positions is None
    for i, x in enumerate(lazy):
        np.testing.assert_array_equal(x, sets[i])
        np.testing.assert_array_equal(lazy[i - 12], sets[i])
    assert repr(lazy) == f"<12 sets of {sum(map(len, sets)):,} descriptors of 6 columns, float32, in files>"


def test_slices_lists_and_masks_are_sequences_of_the_same_kind(folder):
    path, sets, names = folder
    lazy = open_sets(path, labels="folder")
    for key in (slice(2, 9, 3), [4, 0, -1], np.array([7, 7]), np.arange(12) % 2 == 0, [], slice(0, 0)):
        some, numbers = lazy[key], np.arange(12)[np.array(key, dtype=int) if isinstance(key, list) else key]
        assert isinstance(some, Listing) and some.names == [names[i] for i in numbers]
        np.testing.assert_array_equal(some.labels, lazy.labels[numbers])
        for x, i in zip(some, numbers, strict=True):
            np.testing.assert_array_equal(x, sets[i])
    with pytest.raises(IndexError, match="set 12 of 12"):
        lazy[12]
    with pytest.raises(IndexError, match="expected a number, a slice"):
        lazy[["slide1"]]


def test_labels_and_groups_come_from_folders_dicts_series_and_lists(folder):
    path, _, names = folder
    by_folder = open_sets(path, labels="folder", groups="folder")
    assert by_folder.labels.tolist() == by_folder.groups.tolist() == ["class0"] * 4 + ["class1"] * 4 + ["class2"] * 4
    ages = {name: k for k, name in enumerate(reversed(names))}
    expected = [ages[name] for name in names]
    assert open_sets(path, labels=ages).labels.tolist() == expected
    assert open_sets(path, labels=pd.Series(ages)).labels.tolist() == expected
    assert open_sets(path, groups=expected).groups.tolist() == expected
    # A Series of one value per set, in their order.
    assert open_sets(path, labels=pd.Series(expected)).labels.tolist() == expected


def test_labels_that_do_not_fit_are_errors_that_name_the_sets(folder):
    path, _, names = folder
    with pytest.raises(ValueError, match="none for slide9, slide1, slide4 and 2 more"):
        open_sets(path, labels=dict.fromkeys(["slide0", *names[1:3], *names[-4:]], 1))
    with pytest.raises(ValueError, match=r"one value per set, shape \(12,\), got shape \(2,\)"):
        open_sets(path, labels=[1, 2])
    with pytest.raises(ValueError, match='must be "folder", a table, a dict'):
        open_sets(path, labels="patient")
    with pytest.raises(ValueError, match='labels "folder": no folder below the given path holds slide0'):
        open_sets(path / "class0" / "slide0.npy", labels="folder")
    with pytest.raises(ValueError, match="got slide0 again"):
        open_sets(path, labels=pd.Series([1, 2], index=["slide0", "slide0"]))
    (path / "other").mkdir()
    np.save(path / "other" / "slide0.npy", np.zeros((2, 6), np.float32))
    with pytest.raises(ValueError, match="names that occur once, got slide0 more than once"):
        open_sets(path, labels={})


def test_labels_and_groups_come_from_tables(folder):
    path, _, names = folder
    table = pd.DataFrame({"slide_id": names, "patient": [f"P{i % 5}" for i in range(12)], "label": range(12)})
    table.sample(frac=1, random_state=0).to_csv(path / "labels.csv", index=False)
    lazy = open_sets(path, labels=path / "labels.csv", groups="patient")
    assert lazy.labels.tolist() == list(range(12))
    assert lazy.groups.tolist() == table.patient.tolist()
    assert lazy.labels.dtype.kind == "i" and lazy.names == names
    by_column = open_sets(path, labels=(str(path / "labels.csv"), "patient"), groups=(path / "labels.csv", "label"))
    assert by_column.labels.tolist() == table.patient.tolist() and by_column.groups.tolist() == list(range(12))
    table.assign(grade=1).drop(columns="label").to_csv(path / "two.csv", index=False)
    with pytest.raises(ValueError, match=r"patient and grade could be the labels: choose one with labels=\(path, NAME"):
        open_sets(path, labels=path / "two.csv")
    with pytest.raises(ValueError, match="expected a column grades, got the columns"):
        open_sets(path, labels=(path / "two.csv", "grades"))
    with pytest.raises(ValueError, match="groups must name the column"):
        open_sets(path, groups=path / "two.csv")
    with pytest.raises(ValueError, match=r"groups='patient' names a column: pass labels=, the table that has it"):
        open_sets(path, groups="patient")
    table[:9].to_csv(path / "some.csv", index=False)
    with pytest.warns(UserWarning, match=r"no label for 3 of 12 sets \(slide5, slide8, slide11\)"):
        some = open_sets(path, labels=path / "some.csv")
    assert some.labels.tolist() == [*range(9), None, None, None]


def test_labels_in_the_files_are_taken(tmp_path):
    np.savez(tmp_path / "batch.npz", X=np.ones((5, 2)), lengths=[2, 3], y=["cat", "dog"])
    assert open_sets(tmp_path).labels.tolist() == ["cat", "dog"]


def test_what_cannot_be_opened_is_an_error_with_the_cure(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere"):
        open_sets(tmp_path / "nowhere")
    with pytest.raises(ValueError, match=r"no file of sets; expected one of \.npy, "):
        open_sets(tmp_path)
    with pytest.raises(TypeError, match="paths must be paths of files and folders, or one table, got ndarray"):
        open_sets([np.zeros((2, 2))])
    with pytest.raises(ValueError, match="at least one file or folder"):
        open_sets([])
    np.savez(tmp_path / "a.npz", p=np.zeros((2, 2)), q=np.zeros((2, 3)))
    with pytest.raises(ValueError, match=r"p and q could both be .* differ in width"):
        open_sets(tmp_path)
    assert open_sets(tmp_path, array="q").n_features == 3
    np.save(tmp_path / "b.npy", np.zeros((2, 2)))
    with pytest.raises(ValueError, match=r"one number of columns, got 3 in .*a\.npz: set q and 2 in .*b\.npy: set b"):
        open_sets(tmp_path, array="q")


def test_paths_in_place_of_sets_are_errors_that_name_open_sets(folder):
    path, sets, _ = folder
    for call in (Pooling().fit, Pooling().fit(sets).transform, DescriptorPCA(2).fit):
        for X in (str(path), path, [str(path / "a.npy")], [path / "a.npy"], iter([path / "a.npy"])):
            with pytest.raises(TypeError, match=r"for a file or a folder fishervec\.open_sets\(path\)"):
                call(X)


def test_a_file_that_has_changed_is_noticed(tmp_path):
    np.save(tmp_path / "a.npy", np.zeros((5, 2)))
    lazy = open_sets(tmp_path)
    (tmp_path / "a.npy").unlink()
    np.save(tmp_path / "a.npy", np.zeros((4, 2)))
    with pytest.raises(ValueError, match=r"a\.npy: it has changed since open_sets read its header"):
        lazy[0]


def test_empty_sets_have_the_columns_and_the_type_of_the_others(tmp_path):
    np.savez(tmp_path / "a.npz", features=np.zeros((0, 3), np.float32))
    np.savez(tmp_path / "b.npz", features=np.ones((2, 3)))
    lazy = open_sets(tmp_path)
    assert lazy.dtype == np.float64 and lazy[0].shape == (0, 3) and lazy[0].dtype == np.float64
    assert not Pooling().fit_transform(lazy)[0].any()


# ---- files that are read in Python ------------------------------------------------------------------------


@pytest.fixture
def formats(tmp_path):
    """The same three sets in a file of each format, and how each is opened."""
    pa, zarr = pytest.importorskip("pyarrow"), pytest.importorskip("zarr")
    kaldiio = pytest.importorskip("kaldiio")
    import pyarrow.feather as feather
    import pyarrow.parquet as pq

    sets = arrays(3)
    names = ["a", "b", "c"]
    rows = pa.table({"set": np.repeat(names, [len(x) for x in sets]).tolist(), "features": list(np.concatenate(sets))})
    pq.write_table(rows, tmp_path / "rows.parquet")
    pq.write_table(pa.table({"id": names, "features": [x.tolist() for x in sets]}), tmp_path / "sets.parquet")
    feather.write_feather(rows, tmp_path / "rows.feather")
    columns = pd.DataFrame(np.concatenate(sets), columns=[f"f{i}" for i in range(6)])
    columns.assign(set=rows["set"].to_pylist()).to_csv(tmp_path / "rows.csv", index=False)
    group = zarr.open_group(tmp_path / "sets.zarr", mode="w")
    for name, x in zip(names, sets, strict=True):
        group.create_array(name, data=x)
    kaldiio.save_ark(str(tmp_path / "sets.ark"), dict(zip(names, sets, strict=True)))
    by_set = {"groups": "set"}
    return (
        tmp_path,
        sets,
        names,
        {
            "rows.parquet": by_set,
            "sets.parquet": {},
            "rows.feather": by_set,
            "rows.csv": by_set,
            "sets.zarr": {},
            "sets.ark": {},
        },
    )


def test_files_of_other_formats_are_sets_in_files_too(formats):
    path, sets, names, asked = formats
    expected = Pooling().fit_transform(sets)
    for name, given in asked.items():
        for X in (open_sets(path / name, **given), pickle.loads(pickle.dumps(open_sets(str(path / name), **given)))):
            assert X.names == names, name
            assert X.sizes.tolist() == [len(x) for x in sets], name
            np.testing.assert_allclose(Pooling().fit_transform(X), expected, rtol=1e-5, err_msg=name)
            mixed = FisherVector(2, random_state=0, sample=100).fit(X).transform(X[[2, 0]])
            assert mixed.shape == (2, 26) and np.isfinite(mixed).all()


def test_a_folder_of_a_format_is_opened_by_its_endings(formats):
    path, sets, names, asked = formats
    for name, given in asked.items():
        folder = path / f"folder of {name}"
        folder.mkdir()
        (path / name).rename(folder / name)
        X = open_sets(folder, **given)
        assert X.names == names, name
        np.testing.assert_allclose(X[1], sets[1], rtol=1e-6, err_msg=name)
    # A table of text beside descriptors is one of labels; descriptors of two kinds can be meant two ways.
    folder = path / "folder of sets.ark"
    (folder / "labels.csv").write_text("set,label\na,1\nb,0\nc,1\n")
    assert open_sets(folder, labels=folder / "labels.csv").labels.tolist() == [1, 0, 1]
    np.save(folder / "d.npy", sets[0])
    with pytest.raises(ValueError, match=r"files of two kinds .* got .*d\.npy and .*sets\.ark: pass those of one kind"):
        open_sets(folder)


def test_tables_in_memory_are_opened(formats):
    path, sets, names, _ = formats
    pl = pytest.importorskip("polars")
    import pyarrow.parquet as pq

    table = pq.read_table(path / "rows.parquet")
    for x in (table, pl.from_arrow(table), pq.ParquetFile(path / "rows.parquet")):
        X = open_sets(x, groups="set")
        assert X.names == names
        np.testing.assert_array_equal(X[2], sets[2])


def test_an_empty_slide_without_columns_has_those_of_the_others(tmp_path):
    h5py = pytest.importorskip("h5py")
    for i, x in enumerate([np.zeros(0, np.float32), *arrays(3), np.zeros(0, np.float32)]):
        with h5py.File(tmp_path / f"{i}.h5", "w") as file:
            file.create_dataset("features", data=x)
    lazy = open_sets(tmp_path)
    assert lazy.sizes[[0, -1]].tolist() == [0, 0] and lazy[0].shape == (0, 6) and lazy.n_features == 6
    vectors = FisherVector(n_components=2, random_state=0, sample=100).fit_transform(lazy)
    assert not vectors[[0, -1]].any() and vectors[1:-1].any(axis=1).all()
    with pytest.raises(ValueError):
        FisherVector(n_components=2).fit(lazy[[0, -1]])


# ---- scikit-learn ----------------------------------------------------------------------------------------


def test_sets_in_files_pickle_and_split(folder):
    path, sets, names = folder
    lazy = open_sets(path, labels="folder")
    again = pickle.loads(pickle.dumps(lazy))
    assert len(pickle.dumps(lazy)) < 20_000
    np.testing.assert_array_equal(again[3], sets[3])
    train, test, y_train, y_test = train_test_split(lazy, lazy.labels, random_state=0)
    assert isinstance(train, Listing) and train.names + test.names != names
    assert sorted(train.names + test.names) == sorted(names)
    np.testing.assert_array_equal(train.labels, y_train)
    np.testing.assert_array_equal(test.labels, y_test)


@pytest.mark.filterwarnings("ignore:Best performing", "ignore:only .* descriptors per component")
@pytest.mark.parametrize("n_jobs", [None, 2])
def test_cross_validation_and_grid_search_have_the_scores_of_lists(folder, n_jobs):
    path, sets, _ = folder
    lazy = open_sets(path, labels="folder")
    forest = RandomForestClassifier(5, random_state=0)
    model = make_pipeline(FisherVector(n_components=2, random_state=0), forest)
    kinds = {"fishervector__n_components": [1, 2]}
    scores, params = [], []
    for X in (lazy, sets):
        scores.append(cross_val_score(model, X, lazy.labels, cv=2))
        params.append(
            GridSearchCV(model, kinds, cv=2, n_jobs=n_jobs).fit(X, lazy.labels).cv_results_["mean_test_score"]
        )
    np.testing.assert_array_equal(*scores)
    np.testing.assert_array_equal(*params)


# ---- what goes with the sets -----------------------------------------------------------------------------


def test_weights_and_positions_go_with_sets_in_files(folder):
    path, sets, _ = folder
    rng = np.random.default_rng(0)
    weights = [rng.uniform(0, 1, len(x)) for x in sets]
    positions = [rng.uniform(0, 1, (len(x), 2)) for x in sets]
    lazy = open_sets(path)
    encoder = FisherVector(n_components=2, spatial=2, random_state=0)
    expected = encoder.fit(sets, weights=weights, positions=positions).transform(
        sets, weights=weights, positions=positions
    )
    for given in (weights, iter(weights)):
        encoder.fit(lazy, weights=given, positions=iter(positions))
        vectors = encoder.transform(lazy, weights=weights, positions=positions)
        np.testing.assert_allclose(vectors, expected, rtol=0, atol=1e-6)
    with pytest.raises(ValueError, match="weights must be those of 12 sets, got more"):
        encoder.transform(lazy, weights=[*weights, weights[0]], positions=positions)
    with pytest.raises(ValueError, match="positions must be given as in fit"):
        encoder.transform(lazy)


def test_windows_and_statistics_of_sets_in_files_are_those_of_arrays(folder, monkeypatch):
    path, sets, _ = folder
    monkeypatch.setattr(_parts, "BYTES", 5000)
    lazy, encoder = open_sets(path), FisherVector(n_components=2, random_state=0).fit(sets)
    for a, b in zip(encoder.transform_windows(lazy, 20), encoder.transform_windows(sets, 20), strict=True):
        np.testing.assert_array_equal(a, b)
    for a, b in zip(encoder.statistics(lazy), encoder.statistics(sets), strict=True):
        np.testing.assert_array_equal(a.z1, b.z1)
    statistics = encoder.statistics(iter(sets))
    np.testing.assert_array_equal(encoder.transform(iter(statistics)), encoder.transform(statistics))


def test_frames_in_an_iterator_have_their_names_compared():
    frames = [pd.DataFrame(x, columns=list("abcdef")) for x in arrays()]
    encoder = Pooling().fit(iter(frames))
    assert encoder.feature_names_in_.tolist() == list("abcdef")
    frames[7] = frames[7][list("abcdfe")]
    with pytest.raises(ValueError, match="set 7: The feature names should match"):
        Pooling().fit(iter(frames))


# ---- errors name the set ---------------------------------------------------------------------------------


def test_errors_name_the_set_and_its_row_wherever_it_is(folder, monkeypatch):
    path, sets, _ = folder
    sets[9][17, 3] = np.nan
    np.save(next(path.glob("*/slide5.npy")), sets[9])
    monkeypatch.setattr(_parts, "BYTES", 5000)
    lazy = open_sets(path)
    assert lazy.names[9] == "slide5"
    encoder = Pooling().fit(sets[:9])
    for call in (encoder.transform, Pooling(pca=2).fit, FisherVector(2).fit):
        for X in (lazy, iter(sets), sets):
            with pytest.raises(ValueError, match=r"^set 9( \(slide5\))?: row 17, column 3 is NaN"):
                call(X)


def test_sets_of_other_widths_in_an_iterator_are_an_error(monkeypatch):
    monkeypatch.setattr(_parts, "BYTES", 1)
    with pytest.raises(ValueError, match="set 2: wrong dimension of descriptors: expected 6, got 5"):
        Pooling().fit(iter([*arrays(2), np.zeros((3, 5))]))


# ---- memory and progress ---------------------------------------------------------------------------------


def test_the_vectors_can_be_written_to_an_array_of_ones_own(folder, tmp_path, monkeypatch):
    path, sets, _ = folder
    monkeypatch.setattr(_parts, "BYTES", 5000)
    lazy, encoder = open_sets(path), Pooling().fit(sets)
    expected = encoder.transform(sets)
    for X in (lazy, sets, iter(sets)):
        out = np.lib.format.open_memmap(tmp_path / "v.npy", "w+", np.float32, expected.shape)
        assert encoder.transform(X, out=out) is out
        np.testing.assert_array_equal(np.load(tmp_path / "v.npy"), expected)
        del out
    for shape in ((11, 12), (13, 12), (12, 11)):
        with pytest.raises(ValueError, match="out must have"):
            encoder.transform(iter(sets), out=np.empty(shape))
    for out in (np.empty(expected.shape, int), expected.tolist(), np.empty(12)):
        with pytest.raises(TypeError, match="out must be an array of floats"):
            encoder.transform(sets, out=out)


PEAK = """
import re, sys
from pathlib import Path
import numpy as np
from fishervec import FisherVector, open_sets
def sets():
    for i in range(60):
        yield np.random.default_rng(i).normal(size=(1000, 975)).astype(np.float32)
some = [x[:300] for _, x in zip(range(8), sets())]
encoder = FisherVector(n_components=2, random_state=0, sample=2000).fit(some)
encoder.transform(some)
def status(field):
    return int(re.search(field + r":\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) / 1024
# The peak starts anew at what is in use.
Path("/proc/self/clear_refs").write_text("5")
before = status("VmRSS")
X = open_sets(sys.argv[2]) if sys.argv[1] == "files" else sets()
if sys.argv[3] == "fit":
    encoder.fit(X)
else:
    encoder.transform(X)
print(status("VmHWM") - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no /proc")
def test_no_more_is_held_than_a_sample_or_a_part(tmp_path):
    """60 sets of 3.9 MB are 234 MB; the sample is 7.8 MB, a part 32 MB."""
    rng = np.random.default_rng(0)
    for i in range(60):
        np.save(tmp_path / f"{i}.npy", rng.normal(size=(1000, 975)).astype(np.float32))
    for source in ("files", "iterator"):
        for method in ("fit", "transform"):
            line = [sys.executable, "-c", PEAK, source, str(tmp_path), method]
            done = subprocess.run(line, capture_output=True, text=True, check=True)
            assert float(done.stdout) < 110, (source, method)


def test_progress_is_shown_if_it_is_asked_for(folder, monkeypatch, capsys):
    path, sets, _ = folder
    encoder = FisherVector(n_components=2, random_state=0, verbose=1)
    encoder.fit_transform(open_sets(path))
    shown = capsys.readouterr().err
    assert "reading: 100%" in shown and "12/12" in shown and "encoding: 100%" in shown
    monkeypatch.setitem(sys.modules, "tqdm", None)
    encoder.fit_transform(open_sets(path))
    encoder.transform(iter(sets))
    assert re.findall(r"(\w+): 12 of 12 sets", capsys.readouterr().err) == ["reading", "encoding"]
    encoder.set_params(verbose=0).fit_transform(open_sets(path))
    assert not capsys.readouterr().err


def test_the_sample_of_an_iterator_is_uniform():
    """Sets of very different sizes: each row is drawn equally often (chi-square, 9 degrees of freedom)."""
    sizes = np.array([1, 2, 5, 10, 20, 50, 100, 200, 400, 800])
    sets = [np.full((n, 1), float(i)) for i, n in enumerate(sizes)]
    counts = np.zeros(len(sizes))
    for seed in range(200):
        sample = fishervec._sampling.RowSample(100, seed)
        for i, x in enumerate(sets):
            sample.add(fishervec._batch.Batch([x]), i)
        counts += np.bincount(np.concatenate(sample.batch().values)[:, 0].astype(int), minlength=len(sizes))
    expected = sizes / sizes.sum() * 100 * 200
    assert ((counts - expected) ** 2 / expected).sum() < 27.9  # 0.1 % of all uniform samples exceed it


def test_the_sample_of_an_iterator_does_not_depend_on_the_parts(monkeypatch):
    sets = arrays()
    encoder = FisherVector(n_components=2, random_state=0, sample=300)
    expected = encoder.fit(iter(sets)).mixture_.means_
    monkeypatch.setattr(_parts, "BYTES", 1)
    np.testing.assert_array_equal(encoder.fit(iter(sets)).mixture_.means_, expected)


def test_a_projection_of_sets_in_files_is_that_of_arrays(folder):
    path, sets, _ = folder
    lazy = open_sets(path)
    np.testing.assert_array_equal(DescriptorPCA(3).fit(lazy).components_, DescriptorPCA(3).fit(sets).components_)
    for a, b in zip(DescriptorPCA(3).fit_transform(lazy), DescriptorPCA(3).fit_transform(sets), strict=True):
        np.testing.assert_array_equal(a, b)


def test_false_stands_for_no_groups_and_no_labels(tmp_path):
    pd.DataFrame({"slide_id": ["a", "b"], "f0": [1.0, 2.0], "f1": [3.0, 4.0]}).to_csv(tmp_path / "a.csv", index=False)
    with pytest.raises(ValueError, match="groups=False to make one of each file"):
        open_sets(tmp_path / "a.csv", array="f*")
    assert open_sets(tmp_path / "a.csv", array="f*", groups=False).sizes.tolist() == [2]
    np.savez(tmp_path / "b.npz", X=np.ones((4, 2), np.float32), lengths=[1, 3], y=[5, 6])
    assert open_sets(tmp_path / "b.npz").labels.tolist() == [5, 6]
    assert open_sets(tmp_path / "b.npz", labels=False, groups=False).labels is None


def test_several_names_of_columns_are_for_tables(tmp_path):
    np.savetxt(tmp_path / "a.csv", np.arange(8.0).reshape(2, 4), delimiter=",", header="x,f,g,h", comments="")
    sets = open_sets(tmp_path / "a.csv", array=["g", "f"], positions=["x"])
    assert sets[0].tolist() == [[2.0, 1.0], [6.0, 5.0]] and sets.positions[0].tolist() == [[0.0], [4.0]]
    np.savez(tmp_path / "b.npz", a=np.ones((4, 2)))
    with pytest.raises(TypeError, match="array must be one name in files of arrays, got"):
        open_sets(tmp_path / "b.npz", array=["a"])


def test_a_lazy_frame_of_polars_says_how_it_is_read():
    pl = pytest.importorskip("polars")
    with pytest.raises(TypeError, match=r"or one table, got LazyFrame: x\.collect\(\)"):
        open_sets(pl.DataFrame({"f": [[1.0]]}).lazy())


def test_stores_of_other_columns_are_an_error_that_names_both(tmp_path):
    zarr = pytest.importorskip("zarr")
    for name, d, n in (("a", 5, 0), ("b", 3, 4), ("c", 2, 4)):
        zarr.save_array(tmp_path / f"{name}.zarr", np.ones((n, d)))
    with pytest.raises(ValueError, match="sets must have one number of columns, got 3 in set b and 2 in set c"):
        open_sets(tmp_path)
    sets = open_sets([tmp_path / "a.zarr", tmp_path / "b.zarr"])
    assert [x.shape for x in sets] == [(0, 3), (4, 3)]

"""Estimators over a cluster of dask: the bytes of the local ones, whatever the form of the data and the workers."""

import json
import os
import pickle
import random
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

import fishervec
from fishervec import _fishervec, _registry, _settings, open_sets
from fishervec._batch import Batch

distributed = pytest.importorskip("distributed")
import dask  # noqa: E402
import dask.array as da  # noqa: E402
import dask.bag as db  # noqa: E402

import fishervec.dask as over  # noqa: E402
from fishervec import _cluster, _passed, _passes, _sources  # noqa: E402

FEW = "ignore:only .*(descriptors per component|empirical information)"
pytestmark = [
    pytest.mark.filterwarnings(FEW),
    pytest.mark.filterwarnings("ignore:the last . columns, which position_columns"),
    pytest.mark.filterwarnings("ignore:Best performing initialization did not converge"),
]

#: Odd sizes: empty sets, chunks that straddle several sets, sets of several chunks.
SIZES = (300, 0, 1700, 90, 4000, 17, 2500, 1, 0, 800, 3000, 60)


def make_sets(kind=np.float32):
    rng = np.random.default_rng(0)
    return [rng.normal(i % 3, 1 + i % 2, (n, 5)).astype(kind) for i, n in enumerate(SIZES)]


SETS = make_sets()
ROWS = np.concatenate(SETS)


@pytest.fixture(scope="module")
def client():
    with (
        distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=":0") as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sets")
    for i, x in enumerate(SETS):
        np.save(folder / f"f{i:03}.npy", x)
    return folder


def parquet(folder):
    pa, pq = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    path = folder.parent / "parquet"
    path.mkdir(exist_ok=True)
    for part in range(3):
        rows = [x.tolist() for x in SETS[4 * part : 4 * part + 4]]
        table = pa.table({"x": pa.array(rows, pa.list_(pa.list_(pa.float32(), 5)))})
        pq.write_table(table, path / f"part-{part}.parquet")
    return path


#: Each form that sets may have.
FORMS = {
    "a folder": lambda folder: folder,
    "paths": lambda folder: [str(path) for path in sorted(folder.glob("*.npy"))],
    "a listing": lambda folder: open_sets(folder),
    "parquet": lambda folder: str(parquet(folder)),
    "a bag": lambda folder: db.from_sequence(SETS, npartitions=5),
    "delayed sets": lambda folder: [dask.delayed(x) for x in SETS],
    "delayed lists": lambda folder: [dask.delayed(SETS[:4]), dask.delayed([]), dask.delayed(SETS[4:])],
    "futures": lambda folder: distributed.default_client().map(len_of, SETS),
    "arrays": lambda folder: [da.from_array(x, chunks=(1300, 3)) for x in SETS],
}
FORMS_OF_ROWS = {
    "rows": lambda folder: da.from_array(ROWS, chunks=(1700, 5)),
    "rows of unknown number": lambda folder: odd(da.from_array(ROWS, chunks=(900, 5))),
    "small chunks": lambda folder: da.from_array(ROWS, chunks=(400, 3)),
}


def len_of(x):
    return x


def odd(X):
    return X[X[:, 0] > -np.inf]


def of(forms, *names):
    return pytest.mark.parametrize("form", list(names or forms))


def bytes_of(estimator, tmp_path):
    path = tmp_path / "model.safetensors"
    estimator.save(path)
    return path.read_bytes()


# ---- the same bytes --------------------------------------------------------------------------------------

MIXTURE = {"n_components": 3, "random_state": 0, "max_iter": 4}


@pytest.fixture(scope="module")
def mixture():
    return fishervec.GaussianMixture(**MIXTURE).fit(ROWS)


@of(FORMS | FORMS_OF_ROWS)
def test_a_mixture_has_the_bytes_of_the_local_one(client, folder, form, mixture, tmp_path):
    X = (FORMS | FORMS_OF_ROWS)[form](folder)
    fitted = over.GaussianMixture(**MIXTURE).fit(X)
    assert bytes_of(fitted, tmp_path) == bytes_of(mixture, tmp_path)
    assert fitted.n_iter_ == 4
    assert type(fishervec.load(tmp_path / "model.safetensors")) is fishervec.GaussianMixture


@pytest.mark.parametrize(
    "params",
    [
        {"n_components": 70, "random_state": 1, "max_iter": 3},
        {"n_components": 2, "means_init": ROWS[:2], "random_state": 0, "n_init": 4, "max_iter": 3},
        {"n_components": 2, "init_params": "random_from_data", "random_state": 3, "variance_floor": 0.5, "max_iter": 3},
    ],
    ids=["many components", "given means", "random rows"],
)
def test_all_starts_are_those_of_the_local_mixture(client, folder, params, tmp_path):
    expected = bytes_of(fishervec.GaussianMixture(**params).fit(ROWS), tmp_path)
    for X in (folder, db.from_sequence(SETS, npartitions=3)):
        assert bytes_of(over.GaussianMixture(**params).fit(X), tmp_path) == expected


def test_a_start_alone_and_a_warm_start_are_those_of_the_local_mixture(client, folder, tmp_path):
    start = over.GaussianMixture(2, max_iter=0, random_state=0).fit(folder)
    assert_array_equal(start.means_, fishervec.GaussianMixture(2, max_iter=0, random_state=0).fit(ROWS).means_)
    classes = (fishervec.GaussianMixture, over.GaussianMixture)
    both = [cls(3, random_state=0, warm_start=True, max_iter=2) for cls in classes]
    for one, X in zip(both, (ROWS, folder), strict=True):
        one.fit(X).set_params(max_iter=50).fit(X)
        assert 0 < one.n_iter_ < 50
    assert bytes_of(both[0], tmp_path) == bytes_of(both[1], tmp_path)


@pytest.mark.parametrize("kind", ["float64", "float16", "uint8", "int32"])
def test_each_number_type_has_the_bits_of_the_local_mixture(client, kind, tmp_path):
    rows = (10 * np.abs(ROWS)).astype(kind)
    expected = bytes_of(fishervec.GaussianMixture(**MIXTURE).fit(rows), tmp_path)
    X = da.from_array(rows, chunks=(2900, 5))
    assert bytes_of(over.GaussianMixture(**MIXTURE).fit(X), tmp_path) == expected


ENCODERS = {
    "FisherVector": over.FisherVector(3, random_state=0),
    "FisherVector, pca": over.FisherVector(3, pca=2, whiten=True, rows="l2", random_state=0, sample=900),
    "FisherVector, empirical": over.FisherVector(3, information="empirical", information_sets=9, random_state=0),
    "FisherVector, located": over.FisherVector(3, position_columns=1, spatial=2, pyramid="1,2", random_state=0),
    "FisherVector, polished": over.FisherVector(3, polish=2, pca=3, sample=900, random_state=0),
    "FisherVector, empirical and polished": over.FisherVector(
        3, polish=1, information="empirical", sample=900, random_state=0
    ),
    "Vlad": over.Vlad(3, random_state=0),
    "Vlad, polished": over.Vlad(3, polish=2, sample=900, random_state=0),
    "BagOfWords, polished": over.BagOfWords(3, polish=1, assignment="soft", sample=900, random_state=0),
    "Vlad, soft": over.Vlad(3, assignment="soft", random_state=0),
    "BagOfWords": over.BagOfWords(3, random_state=0),
    "BagOfWords, empirical": over.BagOfWords(3, information="empirical-centred", random_state=0),
    "H2T": over.H2T(3, random_state=0),
    "Pooling": over.Pooling(),
    "Pooling, pca": over.Pooling(pca=3, random_state=0),
}


def local(estimator):
    return _registry.public(type(estimator).__name__)(**estimator.get_params(deep=False))


@pytest.mark.parametrize("name", ENCODERS)
def test_an_encoder_has_the_bytes_and_the_vectors_of_the_local_one(client, folder, name, tmp_path):
    expected = local(ENCODERS[name]).fit(SETS)
    vectors = expected.transform(SETS)
    for form in ("a folder", "a bag"):
        fitted = clone(ENCODERS[name]).fit(FORMS[form](folder))
        assert bytes_of(fitted, tmp_path) == bytes_of(expected, tmp_path), form
        lazy = fitted.transform(FORMS[form](folder))
        assert isinstance(lazy, da.Array)
        assert lazy.dtype == vectors.dtype == np.float32
        assert_array_equal(lazy.compute(), vectors)


@of(FORMS)
def test_every_form_of_sets_is_fitted_to_and_encoded(client, folder, form, tmp_path):
    expected = fishervec.FisherVector(2, random_state=0).fit(SETS)
    fitted = over.FisherVector(2, random_state=0).fit(FORMS[form](folder))
    assert bytes_of(fitted, tmp_path) == bytes_of(expected, tmp_path)
    lazy = fitted.transform(FORMS[form](folder))
    if form in ("a folder", "paths", "a listing", "parquet", "arrays"):
        assert lazy.shape == (len(SETS), fitted.n_features_out_)
    assert_array_equal(lazy.compute(), expected.transform(SETS))


def test_an_array_of_sets_of_one_size_is_sets(client):
    cube = np.random.default_rng(0).normal(size=(7, 40, 3))
    lazy = over.Vlad(2, random_state=0).fit_transform(da.from_array(cube, chunks=(2, 30, 2)), client=client)
    assert lazy.chunks == ((2, 2, 2, 1), (6,))
    assert lazy.dtype == np.float64
    assert_array_equal(lazy.compute(), fishervec.Vlad(2, random_state=0).fit_transform(cube))


@pytest.mark.parametrize(
    "params", [{}, {"n_components": 2, "rows": "l2", "whiten": True}, {"n_components": 2, "sample": 500}]
)
@of(FORMS | FORMS_OF_ROWS, "a folder", "a bag", "small chunks")
def test_a_projection_has_the_bytes_of_the_local_one(client, folder, form, params, tmp_path):
    params = params | {"random_state": 0}
    expected = fishervec.DescriptorPCA(**params).fit(SETS)
    X = (FORMS | FORMS_OF_ROWS)[form](folder)
    fitted = over.DescriptorPCA(**params).fit(X)
    assert bytes_of(fitted, tmp_path) == bytes_of(expected, tmp_path)
    projected = fitted.transform(X)
    assert isinstance(projected, da.Array if form in FORMS_OF_ROWS else db.Bag)
    rows = projected.compute()
    assert_array_equal(
        rows if form in FORMS_OF_ROWS else np.concatenate(rows), np.concatenate(expected.transform(SETS))
    )


def test_projected_sets_are_sets(client, folder):
    pca = over.DescriptorPCA(2)
    vectors = over.Pooling().fit_transform(pca.fit_transform(folder)).compute()
    assert_array_equal(vectors, fishervec.Pooling().fit_transform(fishervec.DescriptorPCA(2).fit_transform(SETS)))


IMAGES = np.random.default_rng(0).integers(0, 256, (5, 40, 50, 3), dtype=np.uint8)


@pytest.mark.parametrize("form", ["array", "bag", "paths", "delayed"])
def test_images_are_encoded_as_by_the_local_class(client, form, tmp_path):
    paths = []
    for i, image in enumerate(IMAGES):
        paths.append(tmp_path / f"image{i}.png")
        image_file = pytest.importorskip("PIL.Image").fromarray(image)
        image_file.save(paths[-1])
    X = {
        "array": da.from_array(IMAGES, chunks=(2, 40, 20, 3)),
        "bag": db.from_sequence(list(IMAGES), npartitions=2),
        "paths": paths,
        "delayed": [dask.delayed(list)(IMAGES[:3]), dask.delayed(list)(IMAGES[3:])],
    }[form]
    for params in ({}, {"information": "empirical"}):
        template = fishervec.FisherVector(2, rows="rootsift", pca=6, random_state=0, **params)
        expected = fishervec.ImageEncoder(template, bins=(4,), step=8).fit(IMAGES)
        fitted = over.ImageEncoder(template, bins=(4,), step=8).fit(X)
        assert bytes_of(fitted, tmp_path) == bytes_of(expected, tmp_path)
        assert_array_equal(fitted.transform(X).compute(), expected.transform(IMAGES))
    (path,) = fitted.encode(X, tmp_path / "vectors", shards=1)
    assert_array_equal(np.load(path), expected.transform(IMAGES))
    names = [line.split(",")[2] for line in path.with_suffix(".csv").read_text().splitlines()[1:]]
    assert names == ([path.name for path in paths] if form == "paths" else list("01234"))


# ---- the same bytes, however the work is done ------------------------------------------------------------


@pytest.mark.parametrize("tasks", [1, 8, 1000])
def test_the_number_of_pieces_and_their_order_change_no_byte(client, folder, mixture, tasks, tmp_path, monkeypatch):
    merged = _cluster.Cluster.merged

    def shuffled(self, graph, keys, number, merge):
        random.Random(tasks).shuffle(keys)
        return merged(self, graph, keys, number, merge)

    monkeypatch.setattr(_cluster.Cluster, "merged", shuffled)
    for X in (folder, db.from_sequence(SETS, npartitions=6)):
        fitted = over.GaussianMixture(**MIXTURE).fit(X, tasks=tasks)
        assert bytes_of(fitted, tmp_path) == bytes_of(mixture, tmp_path)


def held(dask_worker):
    return sum(sys.getsizeof(pickle.dumps(value)) for value in dict(dask_worker.data).values())


@pytest.mark.parametrize("persist", [False, True])
@of(FORMS | FORMS_OF_ROWS, "a folder", "a bag", "rows")
def test_nothing_is_kept_in_memory_unless_that_is_asked_for(
    client, folder, form, persist, mixture, tmp_path, monkeypatch
):
    during = []
    monkeypatch.setattr(_passes.Checkpoint, "save", lambda *_, **__: during.append(sum(client.run(held).values())))
    fitted = over.GaussianMixture(**MIXTURE).fit((FORMS | FORMS_OF_ROWS)[form](folder), persist=persist)
    assert bytes_of(fitted, tmp_path) == bytes_of(mixture, tmp_path)
    # Seams of partitions of some 1,700 rows are below one chunk of 1,024 each.
    assert (max(during) > ROWS.nbytes) if persist else (max(during) < 0.6 * ROWS.nbytes)
    for _ in range(100):
        left = sum(client.run(held).values())
        if left < 4096:
            break
        time.sleep(0.05)
    assert left < 4096


def test_sizes_that_dask_sees_are_those_of_the_bytes(mixture):
    from dask.sizeof import sizeof

    model = _cluster.Constant(pickle.dumps(mixture))
    assert sizeof(model) >= len(pickle.dumps(mixture))
    rows = np.random.default_rng(0).normal(size=(3000, 64))
    wide = fishervec.GaussianMixture(64, max_iter=1, random_state=0).fit(rows)
    rounds = _fishervec.Rounds(_settings.assemble(_settings.plain_fisher(wide._compiled())), '{"n_components": 64}')
    part = rounds.accumulate(Batch([rows]), 0, 3000, (0, len(rounds.plan(3000))), 1)
    for one in (part, part.finish(), rounds.pipeline):
        assert sizeof(one) == pytest.approx(len(one.to_bytes()), rel=0.1)
    assert len(pickle.dumps(wide._compiled())) < 2 * sizeof(wide._compiled())
    assert pickle.loads(pickle.dumps(model)).value.n_components == 3


def test_a_fit_goes_on_from_its_checkpoint(client, folder, mixture, tmp_path, monkeypatch):
    path, fitted = tmp_path / "fit.checkpoint", []
    measured = _sources.Source.measured

    def counted(self, measure, tasks):
        fitted.append(measure.name)
        if len(fitted) == 5:
            raise KeyboardInterrupt
        return measured(self, measure, tasks)

    monkeypatch.setattr(_sources.Source, "measured", counted)
    with pytest.raises(KeyboardInterrupt):
        over.GaussianMixture(**MIXTURE).fit(folder, checkpoint=path)
    assert fitted == ["moments", *["accumulate"] * 4]
    resumed = over.GaussianMixture(**MIXTURE).fit(folder, checkpoint=path)
    assert bytes_of(resumed, tmp_path) == bytes_of(mixture, tmp_path)
    # Three iterations were not made again, and neither was the pass for the scale.
    assert len(fitted) == 5 + 1
    n = len(fitted)
    assert bytes_of(over.GaussianMixture(**MIXTURE).fit(folder, checkpoint=path), tmp_path) == bytes_of(
        mixture, tmp_path
    )
    assert len(fitted) == n
    for other in ({"n_components": 2}, {"tol": 1e-6}):
        with pytest.raises(ValueError, match=r"fit.checkpoint is the checkpoint of a fit to other data or with other"):
            over.GaussianMixture(**MIXTURE | other).fit(folder, checkpoint=path)
    with pytest.raises(ValueError, match="is the checkpoint of a fit to other data"):
        over.GaussianMixture(**MIXTURE).fit(db.from_sequence(SETS[:-1]), checkpoint=path)
    path.write_bytes(b"nonsense")
    with pytest.raises(ValueError, match=r"fit.checkpoint is there already and is not a checkpoint"):
        over.GaussianMixture(**MIXTURE).fit(folder, checkpoint=path)


def test_the_passes_of_an_encoder_go_on_from_their_checkpoint(client, folder, tmp_path, monkeypatch):
    path, encoder = tmp_path / "fit.checkpoint", over.FisherVector(3, polish=3, sample=900, random_state=0)
    expected = bytes_of(local(encoder).fit(SETS), tmp_path)
    names = []
    measured = _sources.Source.measured

    def counted(self, measure, tasks):
        names.append(measure.name)
        if len(names) == 3:
            raise KeyboardInterrupt
        return measured(self, measure, tasks)

    monkeypatch.setattr(_sources.Source, "measured", counted)
    with pytest.raises(KeyboardInterrupt):
        clone(encoder).fit(folder, checkpoint=path)
    assert bytes_of(clone(encoder).fit(folder, checkpoint=path), tmp_path) == expected
    assert names == ["accumulate"] * 4
    with pytest.raises(ValueError, match=r"is the checkpoint of a fit to other data or with other parameters"):
        clone(encoder).set_params(random_state=1).fit(folder, checkpoint=path)


def test_headers_of_many_files_are_read_by_the_workers(client, folder, mixture, tmp_path, monkeypatch):
    monkeypatch.setattr(_passed, "SCANNED", 5)
    monkeypatch.setattr(_passed, "open_sets", None)
    fitted = over.GaussianMixture(**MIXTURE).fit(folder)
    assert bytes_of(fitted, tmp_path) == bytes_of(mixture, tmp_path)


def test_a_fitted_estimator_is_a_local_one(client, folder, tmp_path):
    encoder = over.FisherVector(2, random_state=0).fit(folder)
    again = pickle.loads(pickle.dumps(encoder))
    assert bytes_of(again, tmp_path) == bytes_of(encoder, tmp_path)
    read = fishervec.load(tmp_path / "model.safetensors")
    assert type(read) is fishervec.FisherVector
    assert_array_equal(read.transform(SETS), encoder.transform(folder).compute())
    gmm = over.GaussianMixture(2, random_state=0).fit(folder)
    assert gmm.predict(ROWS[:3]).shape == (3,)
    labels = da.from_array(ROWS, chunks=(3000, 5)).map_blocks(gmm.predict, drop_axis=1, dtype=np.int64)
    assert_array_equal(labels.compute(), gmm.predict(ROWS))
    assert gmm.score(folder) == pytest.approx(gmm.score(ROWS), rel=1e-9)


# ---- files -----------------------------------------------------------------------------------------------


@of(FORMS, "a folder", "a bag", "delayed lists", "parquet")
@pytest.mark.parametrize("ending", ["npy", "parquet"])
def test_workers_write_vectors_and_keep_what_is_there(client, folder, form, ending, tmp_path):
    pytest.importorskip("pyarrow")
    encoder = over.FisherVector(2, random_state=0).fit(folder)
    expected = fishervec.FisherVector(2, random_state=0).fit(SETS).transform(SETS)
    X, out = FORMS[form](folder), tmp_path / "out"
    paths = encoder.encode(X, out, shards=3, format=ending)
    assert [path.name for path in paths] == [f"vectors.{i}.{ending}" for i in (1, 2, 3)]

    def vectors():
        if ending == "npy":
            return np.concatenate([np.load(path) for path in paths])
        tables = [pytest.importorskip("pyarrow.parquet").read_table(path) for path in paths]
        return np.array([vector for table in tables for vector in table["vector"].to_pylist()], np.float32)

    assert_array_equal(vectors(), expected)
    notes = [json.loads(path.with_suffix(".json").read_text()) for path in paths]
    assert [note["shard"] for note in notes] == [[1, 3], [2, 3], [3, 3]]
    assert [note["first"] for note in notes] == np.cumsum([0, *(note["sets"] for note in notes)])[:-1].tolist()
    assert sum(note["sets"] for note in notes) == len(SETS)
    assert len({(note["model"], note["list"], note["level"], note["version"], note["p"]) for note in notes}) == 1
    times = [path.stat().st_mtime_ns for path in paths]
    assert encoder.encode(X, out, shards=3, format=ending) == paths
    assert [path.stat().st_mtime_ns for path in paths] == times
    paths[1].unlink()
    encoder.encode(X, out, shards=3, format=ending)
    assert [path.stat().st_mtime_ns == time for path, time in zip(paths, times, strict=True)] == [True, False, True]
    assert_array_equal(vectors(), expected)
    # Another model: all are written again.
    other = over.FisherVector(2, random_state=1).fit(folder)
    other.encode(X, out, shards=3, format=ending)
    assert_array_equal(vectors(), other.transform(X).compute())
    assert not [path for path in out.iterdir() if path.name.startswith(".")]


@of(FORMS, "a folder", "a bag")
@pytest.mark.parametrize("labelled", [False, True])
def test_the_command_joins_the_shards(client, folder, form, labelled, tmp_path):
    X = FORMS[form](folder)
    if labelled:
        X = open_sets(folder, labels={f"f{i:03}": "cab"[i % 3] for i in range(len(SETS))})
    encoder = over.FisherVector(2, random_state=0).fit(X)
    paths = encoder.encode(X, tmp_path / "out", shards=3)
    joined = tmp_path / "all.npy"
    assert _fishervec.run(["fishervec", "join", *map(str, paths[::-1]), "-o", str(joined), "-q"]) == 0
    assert_array_equal(np.load(joined), encoder.transform(X).compute())
    rows = [line.split(",") for line in joined.with_suffix(".csv").read_text().splitlines()]
    assert [row[0] for row in rows] == ["row", *map(str, range(len(SETS)))]
    assert joined.with_suffix(".labels.npy").exists() == labelled
    # One of another model is refused.
    over.FisherVector(2, random_state=1).fit(X).encode(X, tmp_path / "other", shards=3)
    mixed = [*paths[:2], tmp_path / "other/vectors.3.npy"]
    assert _fishervec.run(["fishervec", "join", *map(str, mixed), "-o", str(tmp_path / "mixed.npy"), "-q"]) == 1
    assert not (tmp_path / "mixed.npy").exists()


def test_names_and_labels_are_beside_the_vectors(client, folder, tmp_path):
    sets = open_sets(folder, labels={f"f{i:03}": "abc"[i % 3] for i in range(len(SETS))})
    paths = over.Pooling().fit(sets).encode(sets, tmp_path, shards=2)
    rows = [line.split(",") for path in paths for line in path.with_suffix(".csv").read_text().splitlines()[1:]]
    assert [row[2] for row in rows] == sets.names
    assert [int(row[3]) for row in rows] == list(SIZES)
    assert [row[5] for row in rows] == ["ok" if n else "empty" for n in SIZES]
    numbers = np.concatenate([np.load(path.with_suffix(".labels.npy")) for path in paths])
    assert_array_equal(numbers, [i % 3 for i in range(len(SETS))])
    bag = db.from_sequence(SETS, npartitions=2)
    (path,) = over.Pooling().fit(bag).encode(bag, tmp_path / "bag", shards=1, ids=sets.names)
    assert [line.split(",")[2] for line in path.with_suffix(".csv").read_text().splitlines()[1:]] == sets.names


# ---- errors ----------------------------------------------------------------------------------------------


def spoiled():
    sets = make_sets()
    sets[3][17, 2] = np.nan
    return sets


@pytest.fixture(scope="module")
def with_a_nan(tmp_path_factory):
    folder = tmp_path_factory.mktemp("nan")
    for i, x in enumerate(spoiled()):
        np.save(folder / f"f{i:03}.npy", x)
    return folder


def test_an_error_names_file_and_row(client, with_a_nan):
    text = r"^set 3 \(f003\): row 17, column 2 is NaN"
    for estimator in (over.GaussianMixture(2), over.DescriptorPCA(), over.Vlad(2, sample=10**6)):
        with pytest.raises(ValueError, match=text):
            estimator.fit(with_a_nan)
    good = over.Pooling().fit(db.from_sequence(SETS))
    with pytest.raises(ValueError, match=text):
        good.transform(with_a_nan).compute()


def test_an_error_names_partition_and_row(client):
    bag = db.from_sequence(spoiled(), npartitions=4)
    for estimator in (over.GaussianMixture(2), over.DescriptorPCA(), over.Vlad(2, sample=10**6)):
        with pytest.raises(ValueError, match=r"^set 3 \(partition 1\): row 17, column 2 is NaN"):
            estimator.fit(bag)
    rows = np.concatenate(spoiled())
    with pytest.raises(ValueError, match=r"^row 2017 \(partition 1\), column 2 is NaN"):
        over.GaussianMixture(2).fit(da.from_array(rows, chunks=(1800, 5)))
    with pytest.raises(ValueError, match=r"set 0 must be an array of numbers|could not convert"):
        over.Vlad(2).fit([dask.delayed([["a", "b"]])])
    with pytest.raises(
        ValueError, match=r"number of columns, got 5 in set 0 \(partition 0\) and 4 in set 1 \(partition 1\)"
    ):
        over.Vlad(2).fit([dask.delayed(SETS[0]), dask.delayed(SETS[2][:, :4])])


def test_a_file_that_has_changed_is_an_error(client, tmp_path):
    for i in range(3):
        np.save(tmp_path / f"f{i}.npy", SETS[2])
    sets = open_sets(tmp_path)
    encoder = over.FisherVector(2, random_state=0).fit(sets)
    np.save(tmp_path / "f1.npy", SETS[2] + 1)
    os.utime(tmp_path / "f1.npy", ns=(1, 1))
    for call in (
        lambda: over.GaussianMixture(2).fit(sets),
        lambda: over.FisherVector(2).fit(sets),
        lambda: encoder.transform(sets).compute(),
        lambda: encoder.encode(sets, tmp_path / "out"),
    ):
        with pytest.raises(ValueError, match=r"f1.npy: it has changed since it was scanned: scan again"):
            call()
    np.save(tmp_path / "f1.npy", SETS[2][:5])
    with pytest.raises(ValueError, match=r"f1.npy: it has changed"):
        over.GaussianMixture(2).fit(sets)
    (tmp_path / "f1.npy").unlink()
    with pytest.raises(OSError, match=r"f1.npy"):
        over.GaussianMixture(2).fit(sets)


@pytest.mark.parametrize(
    ("X", "error", "text"),
    [
        (
            SETS,
            TypeError,
            "a list whose first entry is of the type ndarray: what is in memory is for the class of the same name",
        ),
        (
            ROWS,
            TypeError,
            r"an array in memory: take the class of the same name in fishervec, or dask.array.from_array",
        ),
        ([], TypeError, "got an empty list"),
        ([[1.0]], TypeError, "a list whose first entry is of the type list"),
        (3, TypeError, "got int"),
        (da.ones((4, 2)), ValueError, r"got one dask array of shape \(4, 2\): for rows that are one set pass \[X\]"),
        (da.ones((4, 2, 2, 2)), ValueError, r"a dask array must have 3 dimensions here, got shape \(4, 2, 2, 2\)"),
        ("/nowhere", OSError, "nowhere"),
    ],
)
def test_what_is_no_data_of_a_cluster_is_an_error_with_the_cure(client, X, error, text):
    with pytest.raises(error, match=text):
        over.FisherVector(2).fit(X)


def test_a_mixture_says_what_it_does_not_do_over_a_cluster(client, folder):
    with pytest.raises(ValueError, match=r"n_init must be 1 over a cluster, got 2: compare starts by"):
        over.GaussianMixture(2, n_init=2).fit(folder)
    with pytest.raises(ValueError, match="sample_weight must be None over a cluster: leave rows out"):
        over.GaussianMixture(2).fit(folder, sample_weight=np.ones(3))
    with pytest.raises(ValueError, match=r"polish must be 0 over a cluster for centres with an empirical information"):
        over.BagOfWords(2, information="empirical", polish=1).fit(folder)
    with pytest.raises(TypeError, match=r"X.map_blocks\(gmm.predict"):
        over.GaussianMixture(2).fit_predict(folder)
    with pytest.raises(ValueError, match=r"a dask array must have 2 dimensions here, got shape \(4, 2, 2\)"):
        over.GaussianMixture(2).fit(da.ones((4, 2, 2)))
    with pytest.raises(ValueError, match=r"at least 4|too few"):
        over.GaussianMixture(2).fit(da.ones((3, 2)))
    with pytest.raises(ValueError, match="tasks must be an integer of at least 1, got 0"):
        over.GaussianMixture(2).fit(folder, tasks=0)


@pytest.mark.parametrize("params", [{"missing": "empty"}, {"missing": "error"}])
def test_sets_that_are_missing_are_what_the_parameter_says(client, params, tmp_path):
    sets = [*SETS[:3], None, SETS[4]]
    bag = db.from_sequence(sets, npartitions=2)
    if params["missing"] == "error":
        with pytest.raises(ValueError, match=r"set [03] must be an array of shape"):
            over.Vlad(2, **params).fit(bag)
        return
    fitted = over.Vlad(2, random_state=0, **params).fit(bag)
    assert bytes_of(fitted, tmp_path) == bytes_of(fishervec.Vlad(2, random_state=0, **params).fit(sets), tmp_path)


def test_padding_does_not_count(client, tmp_path):
    padded = []
    for i, x in enumerate(SETS[:5]):
        padded.append(np.concatenate([x, np.full((7, 5), np.nan, np.float32)]))
        np.save(tmp_path / f"{i}.npy", padded[-1])
    params = {"padding": "nan", "random_state": 0}
    expected = fishervec.Vlad(2, **params).fit(padded)
    for X in (sorted(tmp_path.glob("*.npy")), db.from_sequence(padded, npartitions=2)):
        fitted = over.Vlad(2, **params).fit(X)
        assert bytes_of(fitted, tmp_path) == bytes_of(expected, tmp_path)
        assert_array_equal(fitted.transform(X).compute(), expected.transform(padded))


def test_workers_with_other_bits_are_refused_with_the_remedy(client, folder, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(_cluster, "__version__", "9.9.9")
        with pytest.raises(
            RuntimeError, match=r"has fishervec \S+, this process has 9.9.9, .*: install the same version"
        ):
            over.Pooling().fit(folder)
    monkeypatch.setattr(_cluster, "instruction_set", lambda: "portable")
    with pytest.raises(RuntimeError, match=r"this process with portable, .*FISHERVEC_SIMD to .* portable, before"):
        over.GaussianMixture(2).fit(folder)


def test_a_worker_that_is_gone_is_not_refused_and_one_without_the_package_is():
    class Some:
        def __init__(self, answer):
            self.answer = answer

        def run(self, function, on_error):
            return {"tcp://one": function(), "tcp://other": self.answer}

    _cluster.Cluster(Some(distributed.comm.CommClosedError("gone"))).check()
    with pytest.raises(RuntimeError, match=r"worker tcp://other cannot use fishervec: ImportError: none; install it"):
        _cluster.Cluster(Some(ImportError("none"))).check()


def test_without_a_client_the_error_says_how_to_make_one(client, folder, monkeypatch):
    def none():
        raise ValueError("No clients found")

    monkeypatch.setattr(_cluster, "default_client", none)
    with pytest.raises(ValueError, match=r"client must be a Client of dask.distributed, and there is none: write"):
        over.Pooling().fit(folder)
    with distributed.Client(client.scheduler.address, set_as_default=False) as closed:
        pass
    with pytest.raises(ValueError, match="client must be connected to its scheduler, got one that is closed"):
        over.Pooling().fit(folder, client=closed)
    with pytest.raises(TypeError, match=r"client must be a Client of dask.distributed, got str"):
        over.Pooling().fit(folder, client="tcp://localhost:8786")
    with pytest.raises(NotFittedError):
        over.Pooling().transform(folder)


@pytest.mark.filterwarnings("ignore:Running on a single-machine scheduler when a distributed client is active")
def test_a_lazy_transform_needs_no_cluster(client, folder):
    encoder = over.Pooling().fit(folder)
    with dask.config.set(scheduler="threads"):
        assert_array_equal(encoder.transform(folder).compute(), fishervec.Pooling().fit_transform(SETS))


def test_sets_of_another_type_than_the_first_are_an_error(client):
    encoder = over.Pooling().fit(db.from_sequence(SETS))
    mixed = [dask.delayed(SETS[0]), dask.delayed(SETS[2].astype(float))]
    with pytest.raises(ValueError, match="partition 1 has descriptors whose vectors are float64, those of the first"):
        encoder.transform(mixed).compute()


def test_a_fit_over_a_cluster_is_that_of_the_union_of_types(client, tmp_path):
    mixed = [SETS[0], SETS[2].astype(np.float64), SETS[4].astype(np.float16)]
    fitted = over.FisherVector(2, random_state=0).fit([dask.delayed(x) for x in mixed])
    assert bytes_of(fitted, tmp_path) == bytes_of(fishervec.FisherVector(2, random_state=0).fit(mixed), tmp_path)


def test_runs_are_never_empty_and_cover_all():
    for sizes in ([], [0], [0, 0, 5], [5, 0, 0], [1] * 10, [100, 1, 1], [1, 1, 100], [3, 1, 4, 1, 5, 9, 2, 6]):
        for n in (1, 2, 3, 7, 50):
            cuts = list(_cluster.runs(sizes, n))
            assert len(cuts) <= n
            assert [i for first, last in cuts for i in range(first, last)] == list(range(len(sizes)))
            assert all(first < last for first, last in cuts)


def test_without_dask_the_error_says_what_to_install():
    code = "import sys; sys.modules['distributed'] = None; import fishervec; fishervec.dask"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert 'fishervec.dask needs dask.distributed: pip install "fishervec[dask]"' in done.stderr


def test_the_classes_are_those_of_the_package():
    # What takes no data to fit to is not there.
    assert set(over.__all__) == set(_registry.ESTIMATORS) - {"DenseSift"}
    for name in over.__all__:
        theirs, ours = _registry.public(name), getattr(over, name)
        assert issubclass(ours, theirs)
        assert ours().get_params(deep=False) == theirs().get_params(deep=False)


def test_the_path_of_a_parquet_folder_is_opened_by_the_workers(client, folder):
    path = Path(parquet(folder))
    assert over.Pooling().fit(path).transform(path).shape == (len(SETS), 10)


def test_the_page_about_scaling_runs(client, folder, tmp_path, monkeypatch):
    page = (Path(__file__).resolve().parents[2] / "docs/scaling.md").read_text()
    (code,) = re.findall(r"## With Dask\n.*?```python\n(.*?)```", page, re.DOTALL)
    monkeypatch.chdir(tmp_path)
    shutil.copytree(folder, "slides")
    names = {}
    exec(code.replace('"scheduler:8786"', repr(client.scheduler.address)).replace("256", "2"), names)
    assert fishervec.load("model.safetensors").transform(SETS).shape == (len(SETS), 22)
    assert np.concatenate([np.load(path) for path in names["paths"]]).shape == (len(SETS), 22)
    names["client"].close()

"""HDF5 files, as the tools write them and in every layout that h5py has: the command reads what h5py reads."""

import csv
import json
import shutil
from pathlib import Path

import h5py
import numpy as np
import pytest

from fishervec import FisherVector, open_sets
from fishervec._fishervec import run

LATEST = {"libver": "latest"}


def command(*arguments):
    return run(["fishervec", *map(str, arguments)])


@pytest.fixture
def pooling(tmp_path):
    """Means and standard deviations by the command: of what, and with which options, come later."""

    def encode(inputs, d, *options, code=0):
        np.save(tmp_path / "some.npy", np.eye(3, d, dtype=np.float32))
        model, output = tmp_path / "model.safetensors", tmp_path / "vectors.npy"
        assert command("fit", "-q", tmp_path / "some.npy", "-o", model, "--encoder", "pooling") == 0
        assert command("encode", "-q", *inputs, "-m", model, "-o", output, *options) == code
        with open(output.with_suffix(".csv"), newline="") as lines:
            return np.load(output), list(csv.DictReader(lines))

    return encode


def draw(rng, d):
    """An array, the options of its dataset and those of its file."""
    n = int(rng.integers(1, 60))
    values = np.round(rng.normal(size=(n, d)) * 50)
    dtype = rng.choice(["<f2", ">f2", "<f4", ">f4", "<f8", ">f8", "u1"])
    values = (np.abs(values) if dtype == "u1" else values / 4).astype(dtype)
    options = {}
    if rng.random() < 0.85:
        limits = [(size, int(rng.integers(size, 2 * size + 1)), None) for size in (n, d)]
        maxshape = [limit[rng.integers(3)] for limit in limits]
        chunks = [
            int(rng.integers(1, (size if most is not None else size + 3) + 1))
            for size, most in zip((n, d), maxshape, strict=True)
        ]
        options |= {"chunks": tuple(chunks), "maxshape": tuple(maxshape)}
        options |= {"compression": rng.choice([None, None, "gzip", "lzf"])}
        options |= {"shuffle": bool(rng.random() < 0.4), "fletcher32": bool(rng.random() < 0.3)}
    if rng.random() < 0.1:
        values = values[None]
        options = {}
    return values, options, {"libver": str(rng.choice(["earliest", "v108", "v110", "latest"]))}


@pytest.mark.parametrize("d", [1, 6, 19])
def test_every_layout_gives_the_values_that_h5py_gives(d, tmp_path, pooling):
    rng = np.random.default_rng(d)
    folder = tmp_path / "files"
    folder.mkdir()
    expected, kinds = [], set()
    for i in range(150):
        values, options, file = draw(rng, d)
        path = folder / f"{i}.h5"
        with h5py.File(path, "w", **file) as out:
            made = out.create_dataset("X", data=values, **options)
            if "maxshape" in options and rng.random() < 0.3:
                # It grows, and shrinks again: some chunks lie behind those that came later, or outside.
                shape = made.shape
                rows = min(shape[0] + 7, options["maxshape"][0] or 99)
                made.resize((rows, shape[1]))
                made.resize(shape)
            # Each row is a set of its own, so that its mean is the row.
            out.create_dataset("lengths", data=np.ones(values.shape[-2], "i8"), chunks=bool(i % 2) or None)
            kinds.add((values.dtype.str, made.chunks is None, options.get("compression"), file["libver"]))
        with h5py.File(path) as again:
            expected.append(again["X"][()].reshape(-1, d).astype(np.float32))
    assert len(kinds) > 60
    vectors, rows = pooling([folder], d)
    assert len(rows) == sum(map(len, expected))
    np.testing.assert_array_equal(vectors[:, :d], np.concatenate(expected))
    assert not vectors[:, d:].any()


def trident(path, features, **file):
    """As TRIDENT's save_h5: one row a chunk."""
    with h5py.File(path, "w", **file) as out:
        for name, values in [("features", features), ("coords", np.zeros((len(features), 2), "i8"))]:
            rest = values.shape[1:]
            made = out.create_dataset(name, values.shape, values.dtype, chunks=(1, *rest), maxshape=(None, *rest))
            made[:] = values


def test_slides_of_trident_clam_and_stamp(tmp_path, pooling):
    rng = np.random.default_rng(0)
    sets = {f"slide_{i}": rng.normal(size=(20 + i, 8)).astype("f4") for i in range(4)}
    folder = tmp_path / "slides"
    folder.mkdir()
    trident(folder / "slide_0.h5", sets["slide_0"])
    trident(folder / "slide_1.hdf5", sets["slide_1"], **LATEST)
    with h5py.File(folder / "slide_2.h5", "w") as out:  # CLAM, grown by batches
        made = out.create_dataset("features", data=sets["slide_2"][:5], chunks=(5, 8), maxshape=(None, 8))
        made.resize(22, axis=0)
        made[5:] = sets["slide_2"][5:]
        out["coords"] = np.zeros((22, 2), "i4")
    sets["slide_3"] = sets["slide_3"].astype("f2")
    with h5py.File(folder / "slide_3.h5", "w") as out:  # STAMP
        out["feats"], out["coords"] = sets["slide_3"], np.zeros((23, 2))
        out.attrs["extractor"] = "some"
    # A slide without tissue, with its number of columns and without.
    trident(folder / "slide_4.h5", np.zeros((0, 8), "f4"))
    with h5py.File(folder / "slide_5.h5", "w") as out:
        out["features"], out["coords"] = np.array([]), np.array([])
    vectors, rows = pooling([folder], 8)
    assert [row["set"] for row in rows] == [f"slide_{i}" for i in range(6)]
    assert [row["status"] for row in rows] == ["ok"] * 4 + ["empty"] * 2
    for vector, values in zip(vectors, sets.values(), strict=False):
        expected = np.r_[values.mean(0, dtype="f8"), values.std(0, dtype="f8")]
        np.testing.assert_allclose(vector, expected, rtol=1e-5, atol=1e-6)
    assert not vectors[4:].any()
    # A fit takes no number of columns from what has none, and none of its doubles.
    model = tmp_path / "fitted.safetensors"
    files = [folder / f"slide_{i}.h5" for i in (5, 0, 2)]
    assert command("fit", "-q", *files, "-o", model, "-k", 2, "--sample", 30) == 0


def test_a_slide_without_tissue_may_have_positions(tmp_path):
    rng = np.random.default_rng(0)
    folder = tmp_path / "slides"
    folder.mkdir()
    for i in range(3):
        with h5py.File(folder / f"s{i}.h5", "w") as out:
            out["features"], out["coords"] = rng.normal(size=(60, 4)), rng.uniform(size=(60, 2))
    for i, (features, coords) in enumerate([((0,), (0,)), ((0,), (0, 2)), ((0, 4), (0,))], 3):
        with h5py.File(folder / f"s{i}.h5", "w") as out:
            out["features"], out["coords"] = np.zeros(features), np.zeros(coords, "i8")
    model, output = tmp_path / "model.safetensors", tmp_path / "vectors.npy"
    located = ("--positions", "coords", "-q")
    assert command("fit", folder, "-o", model, "-k", "2", "--spatial", "1", *located) == 0
    assert command("encode", folder, "-m", model, "-o", output, *located) == 0
    vectors = np.load(output)
    assert np.isfinite(vectors).all() and vectors[:3].any(axis=1).all() and not vectors[3:].any()
    sets = open_sets(folder)
    assert [len(x) for x in sets.positions] == [60] * 3 + [0] * 3
    asked = open_sets(folder, positions="coords")
    encoder = FisherVector(2, random_state=0)
    ours = encoder.fit(sets, positions=sets.positions).transform(sets, positions=sets.positions)
    theirs = encoder.fit(asked, positions=asked.positions).transform(asked, positions=asked.positions)
    np.testing.assert_array_equal(ours, theirs)
    assert ours[:3].any(axis=1).all() and not ours[3:].any()


def test_an_image_of_hloc_without_keypoints_is_an_empty_set(tmp_path):
    with h5py.File(tmp_path / "local.h5", "w") as out:
        for name, n in [("a.jpg", 5), ("b.jpg", 0)]:
            out[f"{name}/descriptors"], out[f"{name}/keypoints"] = np.ones((4, n), "f2"), np.zeros((n, 2))
    assert [x.shape for x in open_sets(tmp_path / "local.h5")] == [(5, 4), (0, 4)]


def test_images_of_hloc_are_sets_in_natural_order(tmp_path, pooling):
    rng = np.random.default_rng(0)
    path = tmp_path / "feats.h5"
    images = {f"db/img{i}.jpg": rng.normal(size=(16, n)).astype("f2") for i, n in [(10, 7), (2, 16), (1, 0), (3, 1)]}
    for again in range(2):
        for name, descriptors in images.items():
            with h5py.File(path, "a", **LATEST) as out:
                if name in out:
                    del out[name]
                group = out.create_group(name)
                group["keypoints"] = np.zeros((descriptors.shape[1], 2), "f2")
                group["descriptors"] = descriptors * again
                group["scores"], group["image_size"] = np.zeros(descriptors.shape[1], "f2"), np.array([4, 3])
    vectors, rows = pooling([path], 16)
    assert [row["set"] for row in rows] == [f"db/img{i}.jpg" for i in (1, 2, 3, 10)]
    assert [int(row["n"]) for row in rows] == [0, 16, 1, 7]
    for vector, row in zip(vectors[1:], rows[1:], strict=True):
        expected = images[row["set"]].astype("f4").mean(1, dtype="f8")
        np.testing.assert_allclose(vector[:16], expected, rtol=1e-5, atol=1e-6)
    one, _ = pooling([path], 16, "--array", "db/img3.jpg/descriptors")
    np.testing.assert_array_equal(one, vectors[2:3])
    each, rows = pooling([path], 16, "--array", "descriptors")
    np.testing.assert_array_equal(each, vectors)


def test_files_that_are_cut_short_are_named(tmp_path, pooling):
    rng = np.random.default_rng(0)
    folder = tmp_path / "files"
    folder.mkdir()
    for i in range(60):
        values, options, file = draw(rng, 4)
        path = folder / f"{i}.h5"
        with h5py.File(path, "w", **file) as out:
            out.create_dataset("features", data=values, **options)
        with open(path, "r+b") as whole:
            whole.truncate(int(rng.integers(0, path.stat().st_size)))
    _, rows = pooling([folder], 4, "--on-error", "skip", code=3)
    assert len(rows) == 60
    for row in rows:
        assert row["status"] == "skipped"
        assert f"{row['source']}: not a valid hdf5: " in row["reason"]


def test_what_is_not_read_is_named_with_a_cure(tmp_path, capfd):
    model = tmp_path / "model.safetensors"
    np.save(tmp_path / "some.npy", np.eye(3, dtype=np.float32))
    assert command("fit", "-q", tmp_path / "some.npy", "-o", model, "--encoder", "pooling") == 0
    path = tmp_path / "x.h5"

    def told(write, *options):
        path.unlink(missing_ok=True)
        with h5py.File(path, "w", **LATEST) as out:
            write(out)
        capfd.readouterr()
        assert command("encode", "-q", path, "-m", model, "-o", tmp_path / "v.npy", *options) == 1
        return capfd.readouterr().err

    values = np.ones((5, 3), "f4")

    def virtual(out):
        layout = h5py.VirtualLayout((5, 3), "f4")
        layout[:] = h5py.VirtualSource("other.h5", "features", (5, 3))
        out.create_virtual_dataset("features", layout)

    szip = {"chunks": (5, 2), "compression": "szip"}
    assert "compressed by szip (filter 4)" in told(lambda out: out.create_dataset("features", data=values, **szip))
    assert "h5repack -f GZIP=4" in told(lambda out: out.create_dataset("features", data=values, **szip))
    assert "a virtual dataset" in told(virtual)
    assert "such as slide-level features" in told(lambda out: out.create_dataset("features", data=values[0]))
    assert "features (5, 3) int64" in told(lambda out: out.create_dataset("features", data=values.astype(int)))
    assert "it was never written" in told(lambda out: out.create_dataset("features", (5, 3), "f4"))
    assert "there is no array feats" in told(
        lambda out: out.create_dataset("features", data=values), "--array", "feats"
    )

    def unfinished(out):
        made = out.create_dataset("features", (9, 3), "f4", chunks=(2, 3), maxshape=(None, 3))
        made[:4] = values[:4]

    assert "were never written: was its writer killed?" in told(unfinished)
    with h5py.File(path, "w", **LATEST) as out:
        out.create_dataset("features", data=values, chunks=(1, 3), maxshape=(None, 3))
        out.swmr_mode = True
        shutil.copy(path, tmp_path / "open.h5")
    capfd.readouterr()
    assert command("encode", "-q", tmp_path / "open.h5", "-m", model, "-o", tmp_path / "v.npy") == 1
    assert "h5clear -s" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("attributes", "side"),
    [
        ({"patch_size": 256, "patch_size_level0": 512, "name": "slide"}, 512),
        ({"patch_size": np.uint16(300), "level0_width": 4096}, 300),
        ({"patch_size": np.float32(300)}, 300),
        ({"patch_size": "large"}, 100),
        ({"patch_size_level0": -1, "patch_size": np.int32(200)}, 200),
        ({}, 100),
    ],
)
@pytest.mark.parametrize("libver", [None, "latest"])
def test_the_side_of_patches_is_that_of_their_file(tmp_path, monkeypatch, attributes, side, libver):
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    with h5py.File("slide.h5", "w", libver=libver) as file:
        file["features"] = rng.normal(size=(20, 4)).astype(np.float32)
        # Patches overlap: the distance to the next one is 100.
        file["coords"] = [[100 * (i % 5), 100 * (i // 5)] for i in range(20)]
        file["coords"].attrs.update(attributes)
    assert command("fit", "-q", "slide.h5", "-o", "m.safetensors", "-k", "2") == 0
    assert command("explain", "-q", "slide.h5", "-m", "m.safetensors", "--against", "slide.h5", "-o", "why.html") == 0
    ring = json.loads(Path("why.geojson").read_text())["features"][0]["geometry"]["coordinates"][0]
    assert ring == [[0, 0], [side, 0], [side, side], [0, side], [0, 0]]

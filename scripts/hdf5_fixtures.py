"""Write the HDF5 files that the Rust tests read, and what h5py reads from them.

.venv/bin/python scripts/hdf5_fixtures.py

writes crates/fishervec/testdata/hdf5: small files of every layout, index, filter and number type that is read,
of the tools that people have their descriptors from, and of what is refused; and truth.json, which says for
each file the sets in it (name, array, shape, values), or a part of the error.
"""

import json
import shutil
import tempfile
from pathlib import Path

import h5py
import numpy as np
from h5py import h5d, h5p, h5s, h5t, h5z

FOLDER = Path(__file__).resolve().parent.parent / "crates/fishervec/testdata/hdf5"
LATEST = {"libver": "latest"}
SETS, ERRORS = {}, {}


def numbers(shape, dtype="f4"):
    """Numbers that every type holds exactly, no two the same in a small array."""
    return ((np.arange(np.prod(shape, dtype=int)) * 7) % 251).reshape(shape).astype(dtype)


def read(path, array, transposed=False):
    with h5py.File(path, "r") as file:
        values = np.asarray(file[array][()], dtype=float)
    values = values.reshape(values.shape[-2:]) if values.ndim == 3 else values
    return values.T if transposed else values


def sets(name, *found, transposed=False):
    """Note that a file holds these sets, pairs of name and array; of one array, under the file's stem."""
    path = FOLDER / name
    found = [(path.stem, of) if isinstance(of, str) else of for of in found]
    listed = []
    for label, array in found:
        values = read(path, array, transposed)
        shape = list(values.shape) if values.ndim == 2 else [0, 0]
        listed.append({"name": label, "array": array, "shape": shape, "values": values.ravel().tolist()})
    SETS[name] = listed


def error(name, message):
    ERRORS[name] = message


def one(name, values=None, array="features", file=None, **options):
    """A file of one array, which is its set."""
    values = numbers((7, 4)) if values is None else values
    with h5py.File(FOLDER / name, "w", **(file or {})) as out:
        out.create_dataset(array, data=values, **options)
    sets(name, array)


def trident(name, rows, file=None):
    """As TRIDENT's save_h5 and CLAM's save_hdf5: one row a chunk, grown."""
    with h5py.File(FOLDER / name, "w", **(file or {})) as out:
        for array, values in [("features", rows), ("coords", numbers((*rows.shape[:-1], 2), "i8"))]:
            chunks = (1, *values.shape[1:])
            made = out.create_dataset(
                array, values.shape, values.dtype, chunks=chunks, maxshape=(None, *values.shape[1:])
            )
            made[:] = values
        out["coords"].attrs["patch_size"] = 512
        out["features"].attrs["name"] = "slide"


def tools():
    trident("trident.h5", numbers((7, 4)))
    sets("trident.h5", "features")
    trident("trident_latest.hdf5", numbers((7, 4)), LATEST)
    sets("trident_latest.hdf5", "features")
    one("trident_many.h5", numbers((70, 3)), chunks=(1, 3), maxshape=(None, 3))
    one("rank_three.h5", numbers((1, 5, 4)), chunks=(1, 2, 4))
    trident("trident_empty.h5", numbers((0, 4)))
    sets("trident_empty.h5", "features")
    one("nothing.h5", numbers((0,)))
    one("slide.h5", numbers((4,)))
    error(
        "slide.h5",
        "features does not hold descriptors, shape (n, d) or (1, n, d) of floats or bytes: (4,) is one vector",
    )
    clam = FOLDER / "clam.h5"
    with h5py.File(clam, "w") as out:
        for array, d, dtype in [("features", 4, "f4"), ("coords", 2, "i4")]:
            made = out.create_dataset(array, (3, d), dtype, maxshape=(None, d), chunks=(3, d))
            made[:] = numbers((3, d), dtype)
            made.resize(8, axis=0)
            made[3:] = numbers((8, d), dtype)[3:]
    sets("clam.h5", "features")
    with h5py.File(FOLDER / "stamp.h5", "w") as out:
        out["coords"] = numbers((5, 2), "f4")
        out["feats"] = numbers((5, 6), "f2")
        out.attrs.update({"extractor": "some", "unit": "um", "tile_size": 256.0})
    sets("stamp.h5", "feats")


def image(out, name, n, d=4):
    """As hloc's extract_features writes an image."""
    if name in out:
        del out[name]
    group = out.create_group(name)
    group["keypoints"] = numbers((n, 2), "f2")
    group["descriptors"] = numbers((d, n), "f2")
    group["scores"] = numbers((n,), "f2")
    group["image_size"] = np.array([640, 480])
    group["keypoints"].attrs["uncertainty"] = 0.5


def hloc():
    images = [("db/img2.jpg", 3), ("db/img10.jpg", 2), ("query/a.jpg", 4), ("query/empty.jpg", 0)]
    for name, options in [("hloc.h5", LATEST), ("hloc_old.h5", {})]:
        for image_name, n in [*images[::-1], images[0]]:
            with h5py.File(FOLDER / name, "a", **options) as out:
                image(out, image_name, n)
        sets(name, *[(of, f"{of}/descriptors") for of, _ in images], transposed=True)
    with h5py.File(FOLDER / "hloc_square.h5", "w") as out:
        image(out, "a.jpg", 4)
    sets("hloc_square.h5", ("a.jpg", "a.jpg/descriptors"), transposed=True)
    # A square array beside others that have a row for each keypoint.
    with h5py.File(FOLDER / "keypoint_rows.h5", "w") as out:
        for name, n in [("a.jpg", 3), ("b.jpg", 2)]:
            out[f"{name}/descriptors"], out[f"{name}/keypoints"] = numbers((n, 3)), numbers((n, 2))
    sets("keypoint_rows.h5", *[(of, f"{of}/descriptors") for of in ["a.jpg", "b.jpg"]])
    for name, chunks, options in [
        ("hloc_gzip.h5", (2, 3), {"compression": "gzip"}),
        ("hloc_chunks.h5", (3, 12), {}),
    ]:
        with h5py.File(FOLDER / name, "w") as out:
            out["keypoints"] = numbers((20, 2))
            out.create_dataset("descriptors", data=numbers((5, 20)), chunks=chunks, **options)
        sets(name, "descriptors", transposed=True)
    with h5py.File(FOLDER / "many_images.h5", "w", **LATEST) as out:
        for i in range(12):
            out[f"img{i}"] = numbers((1, 2)) + i
    sets("many_images.h5", *[(f"img{i}", f"img{i}") for i in range(12)])
    with h5py.File(FOLDER / "no_descriptors.h5", "w") as out:
        image(out, "a.jpg", 2)
        out["b.jpg/keypoints"] = numbers((2, 2))
    error("no_descriptors.h5", "b.jpg holds no descriptors beside its keypoints")


def plain():
    """The properties of a dataset that is made at h5py's low level: without the time, so that files are the same."""
    properties = h5p.create(h5p.DATASET_CREATE)
    properties.set_obj_track_times(False)
    return properties


def bfloat16():
    space, kind = h5s.create_simple((3, 2)), h5t.IEEE_F32LE.copy()
    kind.set_fields(15, 7, 8, 0, 7)
    kind.set_size(2)
    kind.set_precision(16)
    kind.set_ebias(127)
    return space, kind


def types():
    for order, text in [("<", "little"), (">", "big")]:
        for kind in ["f2", "f4", "f8"]:
            one(f"{kind}_{text}.h5", numbers((3, 2), order + kind) / 4)
    one("u1.h5", numbers((3, 2), "u1"))
    with h5py.File(FOLDER / "bfloat16.h5", "w") as out:
        space, kind = bfloat16()
        made = h5d.create(out.id, b"features", kind, space, plain())
        made.write(h5s.ALL, h5s.ALL, numbers((3, 2)))
    sets("bfloat16.h5", "features")
    with h5py.File(FOLDER / "shared_type.h5", "w") as out:
        out["kind"] = np.dtype("f4")
        out.create_dataset("features", data=numbers((3, 2)), dtype=out["kind"])
    sets("shared_type.h5", "features")
    with h5py.File(FOLDER / "odd_float.h5", "w") as out:
        kind = h5t.IEEE_F32LE.copy()
        kind.set_ebias(100)
        h5d.create(out.id, b"features", kind, h5s.create_simple((3, 2)), plain())
    error(
        "odd_float.h5",
        "features does not hold descriptors, shape (n, d) or (1, n, d) of floats or bytes; the arrays of this file: features (3, 2) a float of an odd layout",
    )
    for name, values in [
        ("integers.h5", numbers((3, 2), "i4")),
        ("compound.h5", np.zeros((3, 2), [("a", "f4"), ("b", "i4")])),
        ("complex.h5", np.zeros((3, 2), "c8")),
    ]:
        with h5py.File(FOLDER / name, "w") as out:
            out["features"] = values
        error(name, "features does not hold descriptors, shape (n, d) or (1, n, d) of floats or bytes")


def layouts():
    one("contiguous.h5")
    one("contiguous_latest.h5", file=LATEST)
    property_list = plain()
    property_list.set_layout(h5d.COMPACT)
    for name, options in [("compact.h5", {}), ("compact_latest.h5", LATEST)]:
        with h5py.File(FOLDER / name, "w", **options) as out:
            space = h5s.create_simple((7, 4))
            made = h5d.create(out.id, b"features", h5t.IEEE_F32LE, space, property_list)
            made.write(h5s.ALL, h5s.ALL, numbers((7, 4)))
        sets(name, "features")
    one("user_block.h5", file={"userblock_size": 512}, chunks=(2, 4))
    one("user_block_latest.h5", file={"userblock_size": 1024, **LATEST}, chunks=(2, 4))
    for name, shape, options in [
        ("single", (7, 4), {"chunks": (7, 4)}),
        ("fixed", (7, 4), {"chunks": (2, 3)}),
        ("fixed_may_grow", (7, 4), {"chunks": (2, 3), "maxshape": (9, 8)}),
        ("fixed_pages", (1100, 1), {"chunks": (1, 1)}),
        ("extensible", (7, 4), {"chunks": (2, 3), "maxshape": (None, 4)}),
        ("extensible_wide", (7, 4), {"chunks": (2, 3), "maxshape": (7, None)}),
        ("extensible_many", (90, 1), {"chunks": (1, 1), "maxshape": (None, 1)}),
        ("tree", (7, 4), {"chunks": (2, 3), "maxshape": (None, None)}),
    ]:
        values = numbers(shape, "u1" if shape[1] == 1 else "f4")
        one(f"{name}.h5", values, file=LATEST, **options)
        if shape == (7, 4):
            one(f"{name}_gzip.h5", values, file=LATEST, compression="gzip", shuffle=True, **options)
    for name, most in [("implicit.h5", (7, 4)), ("implicit_may_grow.h5", (9, 8))]:
        with h5py.File(FOLDER / name, "w", **LATEST) as out:
            early = plain()
            early.set_chunk((2, 3))
            early.set_alloc_time(h5d.ALLOC_TIME_EARLY)
            made = h5d.create(out.id, b"features", h5t.IEEE_F32LE, h5s.create_simple((7, 4), most), early)
            made.write(h5s.ALL, h5s.ALL, numbers((7, 4)))
        sets(name, "features")
    one("old_tree.h5", chunks=(2, 3), maxshape=(None, None))
    with h5py.File(FOLDER / "shrunk.h5", "w") as out:
        made = out.create_dataset("features", data=numbers((9, 6)), chunks=(2, 3), maxshape=(None, None))
        made.resize((5, 4))
    sets("shrunk.h5", "features")


def filters():
    for name, options in [
        ("gzip", {"compression": "gzip"}),
        ("gzip_shuffle", {"compression": "gzip", "shuffle": True}),
        ("lzf", {"compression": "lzf"}),
        ("lzf_shuffle", {"compression": "lzf", "shuffle": True}),
        ("fletcher32", {"fletcher32": True}),
        ("all", {"compression": "gzip", "shuffle": True, "fletcher32": True}),
    ]:
        one(f"filter_{name}.h5", np.repeat(numbers((15, 2)), 4, axis=1), chunks=(4, 3), **options)
    with h5py.File(FOLDER / "filter_skipped.h5", "w") as out:
        made = out.create_dataset("features", (4, 3), "f4", chunks=(2, 3), compression="gzip")
        made[2:] = numbers((4, 3))[2:]
        made.id.write_direct_chunk((0, 0), numbers((2, 3)).tobytes(), filter_mask=1)
    sets("filter_skipped.h5", "features")
    for name, options in [("szip", {"compression": "szip"}), ("scaleoffset", {"scaleoffset": 4})]:
        one(f"{name}.h5", chunks=(4, 4), **options)
        SETS.pop(f"{name}.h5")
        error(f"{name}.h5", f"array features: not a valid hdf5: it is compressed by {name} (filter ")
    for number, name in [(32015, "zstd"), (32001, "blosc"), (32004, "lz4"), (32008, "bitshuffle"), (5, "nbit")]:
        with h5py.File(FOLDER / f"{name}.h5", "w") as out:
            plist = plain()
            plist.set_chunk((4, 4))
            plist.set_filter(number, h5z.FLAG_OPTIONAL, ())
            made = h5d.create(out.id, b"features", h5t.IEEE_F32LE, h5s.create_simple((4, 4)), plist)
            made.write_direct_chunk((0, 0), numbers((4, 4)).tobytes())
        error(
            f"{name}.h5",
            f"it is compressed by {name} (filter {number}), which is not read: rewrite the file with h5repack -f GZIP=4, or with h5py",
        )


def groups():
    with h5py.File(FOLDER / "nested.h5", "w") as out:
        for name, n in [("train/img2", 2), ("train/img10", 1), ("test/img1", 3)]:
            out[name] = numbers((n, 2))
    sets("nested.h5", *[(of, of) for of in ["test/img1", "train/img2", "train/img10"]])
    for name, names in [
        ("batch.h5", np.array([b"b", b"a", b"b"])),
        ("batch_names.h5", ["bä", "a", ""]),
        ("batch_booleans.h5", [True, False, True]),
    ]:
        with h5py.File(FOLDER / name, "w") as out:
            out["X"], out["y"] = numbers((5, 2)), names
            out.create_dataset("lengths", data=np.array([2, 0, 3]), chunks=(2,), compression="gzip")
        SETS[name] = [
            {"name": str(i), "array": "X", "shape": [b - a, 2], "values": numbers((5, 2))[a:b].ravel().tolist()}
            for i, (a, b) in enumerate([(0, 2), (2, 2), (2, 5)])
        ]
    with h5py.File(FOLDER / "links.h5", "w") as out:
        out["run/feats"] = numbers((3, 2))
        out["run/again"] = out["/"]
        out["features"] = h5py.SoftLink("/run/./feats")
        out["gone"] = h5py.SoftLink("/nowhere")
        out["latest"] = h5py.SoftLink("run")
        out["other"] = h5py.ExternalLink("other.h5", "/features")
    sets("links.h5", "features")
    with h5py.File(FOLDER / "links_of_links.h5", "w") as out:
        out["run1/feats"] = numbers((3, 2))
        out["runs/last"] = h5py.SoftLink("/run1")
        out["latest"] = h5py.SoftLink("runs/last")
        out["features"] = h5py.SoftLink("latest/feats")
        out["other"] = h5py.ExternalLink("other.h5", "/features")
        out["another"] = h5py.SoftLink("/other")
    sets("links_of_links.h5", "features")
    with h5py.File(FOLDER / "any_name.h5", "w") as out:
        for name, n in [("a", 3), ("b", 2)]:
            out[f"{name}/foo"], out[f"{name}/coords"] = numbers((n, 4)), numbers((n, 2), "i8")
    sets("any_name.h5", *[(f"{of}/foo", f"{of}/foo") for of in "ab"])
    with h5py.File(FOLDER / "external_link.h5", "w", **LATEST) as out:
        out["features"] = h5py.ExternalLink("other.h5", "/features")
    error(
        "external_link.h5",
        "features (a link to the file other.h5, which is not followed: copy the array into this file)",
    )
    with h5py.File(FOLDER / "virtual.h5", "w", **LATEST) as out:
        layout = h5py.VirtualLayout((3, 2), "f4")
        layout[:] = h5py.VirtualSource("other.h5", "features", (3, 2))
        out.create_virtual_dataset("features", layout)
        out["coords"] = numbers((3, 2), "i4")
    error(
        "virtual.h5",
        "array features: not a valid hdf5: it is a virtual dataset, whose numbers are in other files, which is not read: copy its values with h5py",
    )
    with h5py.File(FOLDER / "external.h5", "w") as out:
        out.create_dataset("features", (3, 2), "f4", external=[("other.raw", 0, 24)])
    error("external.h5", "its numbers are in other files, which is not read")
    with h5py.File(FOLDER / "only_coords.h5", "w") as out:
        out["a/coords"] = numbers((3, 2), "i4")
    error("only_coords.h5", "no array holds descriptors; the arrays of this file: a/coords (3, 2) int32;")
    with h5py.File(FOLDER / "ambiguous.h5", "w") as out:
        out["foo"], out["a/features"] = numbers((3, 2)), numbers((3, 2))
    error("ambiguous.h5", "foo could be a set too, but other groups have a name that says so")
    with h5py.File(FOLDER / "unlike.h5", "w") as out:
        out["a/foo"], out["b/foo"] = numbers((3, 2)), numbers((3, 3))
    error("unlike.h5", "a/foo and b/foo could both be the descriptors; they differ in width")


def unfinished():
    for name, options in [("unwritten.h5", {}), ("unwritten_latest.h5", LATEST)]:
        with h5py.File(FOLDER / name, "w", **options) as out:
            made = out.create_dataset("features", (6, 2), "f4", chunks=(2, 2), maxshape=(None, 2))
            made[:2], made[4:] = numbers((2, 2)), numbers((2, 2))
        error(name, "rows 2 to 3 were never written: was its writer killed?")
    with h5py.File(FOLDER / "never_written.h5", "w") as out:
        out.create_dataset("features", (6, 2), "f4")
    error("never_written.h5", "array features: not a valid hdf5: it was never written")
    with tempfile.TemporaryDirectory() as folder, h5py.File(f"{folder}/a.h5", "w", **LATEST) as out:
        out.create_dataset("features", data=numbers((3, 2)), chunks=(1, 2), maxshape=(None, 2))
        out.swmr_mode = True
        out.flush()
        shutil.copy(f"{folder}/a.h5", FOLDER / "open.h5")
    error("open.h5", "it is still open for writing, or its writer was killed")


if __name__ == "__main__":
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    for part in [tools, hloc, types, layouts, filters, groups, unfinished]:
        part()
    for name in ERRORS:
        SETS.pop(name, None)
    truth = {"h5py": h5py.__version__, "hdf5": h5py.version.hdf5_version, "sets": SETS, "errors": ERRORS}
    (FOLDER / "truth.json").write_text(json.dumps(truth, indent=None) + "\n")

"""`make large`: fit to, and encode, more data than one wants in memory; print the peak memory of each step.

Files of random descriptors are made in a temporary folder and deleted: HDF5 in TRIDENT's layout (chunks of one row),
and Parquet with one descriptor per row. ARGS="--gigabytes 1" for less.
"""

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

#: The descriptors of one slide: 102 MB.
N, D = 25_000, 1024
COMMAND = Path(sys.executable).with_name("fishervec")
MODEL = ["-k", "16", "--pca", "64", "--seed", "0"]

#: What Python does.
PYTHON = """
import sys
import numpy as np
from fishervec import FisherVector, open_sets
files, vectors, groups = sys.argv[1:]
sets = open_sets(files, **({"groups": groups} if groups else {}))
encoder = FisherVector(n_components=16, pca=64, random_state=0).fit(sets)
out = np.lib.format.open_memmap(vectors, "w+", sets.dtype, (len(sets), encoder.n_features_out_))
encoder.transform(sets, out=out)
"""


def slides(n):
    """Slides of random descriptors around centres of their own."""
    rng = np.random.default_rng(0)
    noise, centres = rng.normal(size=(2 * N, D)).astype(np.float32), rng.normal(size=(32, D)).astype(np.float32)
    for i in range(n):
        start = rng.integers(N)
        yield f"slide{i:03}", noise[start : start + N] + centres[rng.integers(32, size=N)]


def write_hdf5(folder, n):
    import h5py

    for name, x in slides(n):
        with h5py.File(folder / f"{name}.h5", "w") as file:
            file.create_dataset("features", data=x, chunks=(1, D), maxshape=(None, D))
            file.create_dataset("coords", data=np.zeros((N, 2), np.int64))


def write_parquet(folder, n):
    import pyarrow as pa
    import pyarrow.parquet as pq

    kind = pa.list_(pa.float32(), D)
    schema = pa.schema([("slide_id", pa.string()), ("feature", kind)])
    with pq.ParquetWriter(folder / "slides.parquet", schema, compression="none", use_dictionary=["slide_id"]) as file:
        for name, x in slides(n):
            feature = pa.FixedSizeListArray.from_arrays(pa.array(x.reshape(-1)), D)
            file.write_table(pa.table([[name] * len(x), feature], schema), row_group_size=4096)


def peak_of(line):
    """The seconds and the peak memory in MB of a command."""
    start, peak = time.monotonic(), 0
    with tempfile.TemporaryFile("w+") as printed:
        process = subprocess.Popen(line, stdout=printed, stderr=subprocess.STDOUT)
        # The maximum that wait4 gives would include this process's own, which survives exec.
        while process.poll() is None:
            found = re.search(r"VmHWM:\s+(\d+)", Path(f"/proc/{process.pid}/status").read_text())
            peak = max(peak, int(found[1]) / 1024 if found else 0)
            time.sleep(0.01)
        if process.returncode:
            printed.seek(0)
            sys.exit(f"{line[:3]} failed: {printed.read()}")
    return time.monotonic() - start, peak


def report(what, size, line):
    seconds, peak = peak_of([str(part) for part in line])
    print(f"| {what} | {size:.1f} GB | {peak:.0f} MB | {seconds:.0f} s |", flush=True)


def size_of(folder):
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e9


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gigabytes", type=float, default=10)
    n_slides = max(2, round(parser.parse_args().gigabytes * 1e9 / (4 * N * D)))
    base = Path(tempfile.mkdtemp())
    try:
        print("| what | data | peak memory | time |\n|---|---|---|---|", flush=True)
        for kind, write in (("HDF5", write_hdf5), ("Parquet", write_parquet)):
            files = base / kind
            files.mkdir()
            write(files, n_slides)
            size = size_of(files)
            if kind == "HDF5":
                model, vectors = base / "model.safetensors", base / "command.npy"
                report("HDF5, `fishervec fit`", size, [COMMAND, "fit", files, "-o", model, *MODEL])
                report("HDF5, `fishervec encode`", size, [COMMAND, "encode", files, "-m", model, "-o", vectors])
            python = [sys.executable, "-c", PYTHON, files, base / f"{kind}.npy"]
            report(f"{kind}, fit and encode in Python", size, [*python, "" if kind == "HDF5" else "slide_id"])
            shutil.rmtree(files)
        # The answer before the times: all ways give the same vectors.
        expected = np.load(base / "command.npy")
        for kind in ("HDF5", "Parquet"):
            assert np.abs(np.load(base / f"{kind}.npy") - expected).max() < 1e-4, kind
        print(f"{n_slides} slides of {N:,} descriptors of {D} columns; the vectors are equal to 1e-4.")
    finally:
        shutil.rmtree(base)

"""`make large`: fit to, and encode, more data than one wants in memory; print the peak memory of each step.

Files of random descriptors are made in a temporary folder and deleted: HDF5 in TRIDENT's layout (chunks of one row),
and Parquet with one descriptor per row. ARGS="--gigabytes 1" for less. ARGS="--only-npy --gigabytes 20" does the work
of the command alone, on one .npy file.
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
    return peak


def size_of(folder):
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e9


def write_npy(path, gigabytes):
    """One set of float16 descriptors of 64 columns, in blocks around one of 16 centres."""
    d, block = 64, 1 << 17
    n = round(gigabytes * 1e9 / (2 * d))
    rng = np.random.default_rng(0)
    noise = rng.normal(size=(block, d)).astype(np.float32)
    # Each of 16 blocks around a centre of its own; the file is made of them in any order.
    blocks = [(noise + rng.normal(scale=3, size=d)).astype(np.float16).tobytes() for _ in range(16)]
    with path.open("wb") as file:
        header = {"descr": "<f2", "fortran_order": False, "shape": (n, d)}
        np.lib.format.write_array_header_1_0(file, header)
        for start in range(0, n, block):
            file.write(blocks[rng.integers(16)][: 2 * d * min(block, n - start)])
    return n


def one_npy(base, gigabytes):
    """Fits and encodes one large file below 100 MB."""
    path = base / "descriptors.npy"
    n = write_npy(path, gigabytes)
    size, model = path.stat().st_size / 1e9, base / "model.safetensors"
    fit = [COMMAND, "fit", path, "-o", model, "-k", "64"]
    peaks = [
        report("`fit`", size, fit),
        report("`fit --stream exact --max-iter 1`", size, [*fit, "--stream", "exact", "--max-iter", "1"]),
        report("`fit --stream stepwise`", size, [*fit, "--stream", "stepwise"]),
        report("`encode`", size, [COMMAND, "encode", path, "-m", model, "-o", base / "vectors.npy"]),
    ]
    print(f"{n:,} descriptors of 64 columns, K = 64.")
    assert max(peaks) < 100, peaks


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gigabytes", type=float, default=10)
    parser.add_argument("--only-npy", action="store_true", help="one .npy file, in the command alone")
    arguments = parser.parse_args()
    n_slides = max(2, round(arguments.gigabytes * 1e9 / (4 * N * D)))
    base = Path(tempfile.mkdtemp())
    if arguments.only_npy:
        try:
            print("| what | data | peak memory | time |\n|---|---|---|---|", flush=True)
            one_npy(base, arguments.gigabytes)
        finally:
            shutil.rmtree(base)
        sys.exit()
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

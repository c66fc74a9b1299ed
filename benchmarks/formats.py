"""Reading descriptors from HDF5, against h5py and against the same rows in an .npy file.

python benchmarks/formats.py [FOLDER]

It writes the files that people have (TRIDENT's of one row a chunk, CLAM's, gzip, contiguous; 160 MB each) into
FOLDER, reads all rows in blocks of 512 and 2,000 single rows, and prints the ratios. What is read is held against
the array before any time counts. FISHERVEC_READ names a built `read` example; without it cargo builds one.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import h5py
import numpy as np

ROOT = Path(__file__).resolve().parent.parent
ROWS, COLUMNS, BLOCK, SINGLE, ROUNDS = 40_000, 1024, 512, 2_000, 5

# The name of a file, the options of its dataset, and those of the file.
FILES = {
    "TRIDENT": ({"chunks": (1, COLUMNS), "maxshape": (None, COLUMNS)}, {}),
    "TRIDENT latest": ({"chunks": (1, COLUMNS), "maxshape": (None, COLUMNS)}, {"libver": "latest"}),
    "CLAM": ({"chunks": (32, COLUMNS), "maxshape": (None, COLUMNS)}, {}),
    "split columns": ({"chunks": (128, 64)}, {}),
    "contiguous": ({}, {}),
    "gzip, shuffle": ({"chunks": (256, COLUMNS), "compression": "gzip", "shuffle": True}, {}),
    "lzf": ({"chunks": (256, COLUMNS), "compression": "lzf"}, {}),
}


def reader():
    """The command that runs the example `read`."""
    if "FISHERVEC_READ" in os.environ:
        return [os.environ["FISHERVEC_READ"]]
    cargo = [
        "cargo",
        "run",
        "--release",
        "--quiet",
        "--package",
        "fishervec",
        "--features",
        "hdf5",
        "--example",
        "read",
    ]
    return [*cargo, "--"]


def ours(path, way, n):
    """Milliseconds and checksum of reading, and the milliseconds of opening, which are not in the former."""
    found = {}
    for kind in ["open", way]:
        command = [*reader(), str(path), kind, str(n), str(ROUNDS)]
        done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
        found[kind] = json.loads(done.stdout)
    opening = found["open"]["ms"]
    return found[way]["ms"] - opening, found[way]["sum"], opening


def theirs(path, way, n):
    """The same for h5py, which reads the index of chunks as it needs it."""
    total, start = 0.0, time.thread_time()
    for _ in range(ROUNDS):
        with h5py.File(path, "r") as file:
            rows, total = file["features"], 0.0
            if way == "blocks":
                block = np.empty((n, COLUMNS), np.float32)
                for first in range(0, len(rows), n):
                    here = block[: min(n, len(rows) - first)]
                    rows.read_direct(here, np.s_[first : first + len(here)])
                    total += checksum(here)
            else:
                for i in range(n):
                    total += checksum(rows[picked(i)][None])
    return (time.thread_time() - start) / ROUNDS * 1e3, total


def picked(i):
    return (7919 * i + 13) % ROWS


def checksum(rows):
    return float(rows[:, [0, COLUMNS // 2, COLUMNS - 1]].sum(dtype=np.float64))


def check(what, got, expected):
    if not np.isclose(got, expected, rtol=1e-9):
        sys.exit(f"{what}: read {got}, expected {expected}")


def main(folder):
    rows = np.random.default_rng(0).standard_normal((ROWS, COLUMNS), np.float32)
    # Half of the numbers are 0, as after a ReLU: what is random does not compress.
    rows = np.maximum(rows, 0).round(2)
    expected = {"blocks": checksum(rows), "rows": checksum(rows[[picked(i) for i in range(SINGLE)]])}
    npy = folder / "features.npy"
    np.save(npy, rows)
    base = {}
    for way, n in [("blocks", BLOCK), ("rows", SINGLE)]:
        base[way], got, _ = ours(npy, way, n)
        check(f".npy {way}", got, expected[way])
    print(f"{ROWS} x {COLUMNS} float32; CPU milliseconds, the mean of {ROUNDS} rounds")
    print(f"{'':16}{'opening':>8}{f'all, in blocks of {BLOCK}':>38}{f'{SINGLE} single rows':>38}")
    head = f"{'ours':>8}{'/ .npy':>8}{'h5py':>10}{'h5py / ours':>12}"
    print(f"{'':24}{head}{head}")
    print(f"{'.npy':24}{base['blocks']:8.1f}{1:8.2f}{'':22}{base['rows']:8.1f}{1:8.2f}")
    for name, (options, file) in FILES.items():
        path = folder / "features.h5"
        with h5py.File(path, "w", **file) as out:
            made = out.create_dataset("features", rows.shape, rows.dtype, **options)
            for first in range(0, ROWS, 256):
                made[first : first + 256] = rows[first : first + 256]
        # What was written row by row is in the page cache in small pieces; a copy is not.
        shutil.copyfile(path, folder / "copy.h5")
        path = (folder / "copy.h5").replace(path)
        line, packed = "", "compression" in options
        for way in ["blocks", "rows"]:
            # Each single row decodes a chunk: a few are enough.
            n = {"blocks": BLOCK, "rows": SINGLE // 20 if packed else SINGLE}[way]
            right = checksum(rows if way == "blocks" else rows[[picked(i) for i in range(n)]])
            (mine, got, opening), (other, peer) = ours(path, way, n), theirs(path, way, n)
            check(f"{name}, {way}", got, right)
            check(f"{name}, {way}, h5py", peer, right)
            scale = SINGLE / n if way == "rows" else 1
            mine, other = mine * scale, other * scale
            line += f"{mine:8.1f}{mine / base[way]:8.2f}{other:10.1f}{other / mine:12.1f}"
        print(f"{name:16}{opening:8.1f}{line}", flush=True)
        path.unlink()
    npy.unlink()


if __name__ == "__main__":
    if len(sys.argv) > 1:
        main(Path(sys.argv[1]))
    else:
        with tempfile.TemporaryDirectory() as temporary:
            main(Path(temporary))

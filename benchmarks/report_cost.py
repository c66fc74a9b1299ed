"""`make report-cost`: the size of a report, its seconds and its peak memory at 10^2, 10^4 and 10^6 sets.

Sets of ten descriptors of eight columns, around one centre per label, are made in a temporary folder and deleted.
ARGS="--most 10000" for less; ARGS="--command PATH" for another build.
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from large import peak_of

ROWS, COLUMNS, LABELS = 10, 8, 10
SIZES = (10**2, 10**4, 10**6)


def write(path, n):
    """A batch of n sets in one archive, with their labels."""
    rng = np.random.default_rng(0)
    y = rng.integers(LABELS, size=n)
    x = rng.standard_normal((n, ROWS, COLUMNS), dtype=np.float32)
    x += rng.normal(scale=0.5, size=(LABELS, 1, COLUMNS)).astype(np.float32)[y]
    np.savez(path, X=x.reshape(-1, COLUMNS), lengths=np.full(n, ROWS), y=y)


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--most", type=int, default=SIZES[-1])
    arguments.add_argument("--command", default=Path(sys.executable).with_name("fishervec"))
    asked = arguments.parse_args()
    print("| sets | page | seconds | peak memory |\n|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        base = Path(folder)
        batch, model, page = (base / name for name in ("sets.npz", "model.safetensors", "report.html"))
        for n in (n for n in SIZES if n <= asked.most):
            write(batch, n)
            subprocess.run([asked.command, "fit", batch, "-o", model, "-k", "16", "-q"], check=True)
            seconds, peak = peak_of([str(asked.command), "report", model, "--sets", batch, "-o", page, "-q"])
            print(f"| {n:,} | {page.stat().st_size / 1e3:.0f} kB | {seconds:.1f} | {peak:.0f} MB |", flush=True)


if __name__ == "__main__":
    main()

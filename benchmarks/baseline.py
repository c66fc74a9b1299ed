"""The careful NumPy to compare with: log-densities and statistics by BLAS, float32, blocks of 512 rows.

    python benchmarks/baseline.py [data/bench]        (threads: OPENBLAS_NUM_THREADS; leave OPENBLAS_CORETYPE unset)

Prints the least and the median milliseconds of W1, W2 and W4 after checking the Fisher vector against float64.
"""

import sys
import time
from pathlib import Path

import numpy as np
from peers import fisher_float64, load, numpy_blas


def main() -> None:
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "data/bench")
    for name, d, n in (("W1", 64, 10_000), ("W2", 64, 1_000), ("W4", 128, 10_000)):
        rows = np.load(folder / f"sift{d}.npy", mmap_mode="r")[:n].astype(np.float32)
        mixture = load(folder / f"m{d}.safetensors")
        encode = numpy_blas(*mixture)
        exact = fisher_float64(rows, *mixture)
        error = np.linalg.norm(encode(rows) - exact) / np.linalg.norm(exact)
        assert error < 1e-3, error
        times = []
        for _ in range(15):
            start = time.perf_counter()
            encode(rows)
            times.append(1e3 * (time.perf_counter() - start))
        print(f"{name} numpy-blas min {min(times):8.2f} median {np.median(times):8.2f} ms, relative error {error:.1e}")


if __name__ == "__main__":
    main()

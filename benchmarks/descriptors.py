"""Real descriptors for the benchmarks: dense SIFT of the photographs inside the scikit-image wheel.

    python benchmarks/descriptors.py [data/bench]

Gray photographs -> SIFT on a grid (OpenCV, several scales) -> RootSIFT -> shuffled -> PCA. Writes float32 arrays:
sift64.npy and sift128.npy, shape (n, 64) and (n, 128). Nothing is downloaded; the same versions write the same files.
"""

import sys
from pathlib import Path

import cv2
import numpy as np
import skimage

PHOTOGRAPHS = ["astronaut.png", "brick.png", "camera.png", "chelsea.png", "coffee.png", "coins.png", "grass.png", "gravel.png",
               "hubble_deep_field.jpg", "ihc.png", "moon.png", "motorcycle_left.png", "motorcycle_right.png", "retina.jpg", "rocket.jpg"]
STEP = 6
SIZES = (12.0, 16.0, 24.0, 32.0)  # diameters of the patches' keypoints, in pixels
MOST = 400_000


def dense_sift(gray: np.ndarray) -> np.ndarray:
    """SIFT of upright patches on a grid, (n, 128), L1-normalised and rooted; flat patches are left out."""
    sift = cv2.SIFT_create()
    found = []
    for size in SIZES:
        margin = int(size)
        points = [cv2.KeyPoint(float(x), float(y), size, 0.0)
                  for y in range(margin, gray.shape[0] - margin, STEP)
                  for x in range(margin, gray.shape[1] - margin, STEP)]
        found.append(sift.compute(gray, points)[1])
    values = np.concatenate(found).astype(np.float64)
    total = values.sum(axis=1, keepdims=True)
    return np.sqrt(values[total[:, 0] > 0] / total[total[:, 0] > 0]).astype(np.float32)


def main() -> None:
    out = Path(sys.argv[1] if len(sys.argv) > 1 else "data/bench")
    out.mkdir(parents=True, exist_ok=True)
    cv2.setNumThreads(1)
    folder = Path(skimage.__file__).parent / "data"
    rows = np.concatenate([dense_sift(cv2.imread(str(folder / name), cv2.IMREAD_GRAYSCALE)) for name in PHOTOGRAPHS])
    random = np.random.default_rng(0)
    rows = rows[random.permutation(len(rows))[:MOST]]
    mean = rows.mean(axis=0, dtype=np.float64)
    centred = (rows - mean).astype(np.float32)
    _, vectors = np.linalg.eigh(np.cov(centred[:100_000].astype(np.float64), rowvar=False))
    for d in (64, 128):
        projected = centred @ vectors[:, ::-1][:, :d].astype(np.float32)
        np.save(out / f"sift{d}.npy", projected)
        print(f"{out / f'sift{d}.npy'}: {projected.shape[0]:,} x {d}")


if __name__ == "__main__":
    main()

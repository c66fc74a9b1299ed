"""`make sampling`: what a fit to a sample loses, and what passes over all descriptors (`fit --polish`) give back.

Dense SIFT of the photographs inside the scikit-image wheel (RootSIFT, 64 principal components), a tenth of it held
out. Each model is fitted by the command to files of descriptors, and scored by the mean log-likelihood of what was
held out, in nats. It writes docs/sampling.md; ARGS="--seeds 1" for less.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import mean, stdev

import numpy as np
import skimage
from skimage.io import imread

import fishervec
from fishervec import DenseSift, DescriptorPCA

IMAGES = [
    "astronaut.png", "brick.png", "camera.png", "chelsea.png", "coffee.png", "coins.png", "grass.png", "gravel.png",
    "ihc.png", "moon.png", "motorcycle_left.png", "rocket.jpg",
]  # fmt: skip
K = 64
PER_COMPONENT = (50, 200, 1000)
PASSES = (0, 1, 3, 10)
PAGE = Path(__file__).resolve().parent.parent / "docs/sampling.md"


def descriptors():
    """Rows of all images, shuffled, after the projection."""
    folder = Path(skimage.__file__).parent / "data"
    sets = DenseSift(step=4).fit_transform([imread(folder / name) for name in IMAGES])
    x = np.concatenate(sets).astype(np.float64)
    x = np.sqrt(x / np.maximum(x.sum(axis=1, keepdims=True), 1e-12))
    x = np.asarray(DescriptorPCA(n_components=64, random_state=0).fit_transform([x])[0], np.float32)
    return x[np.random.default_rng(0).permutation(len(x))]


def score(folder, held_out, *options):
    """The held-out log-likelihood of a fit with these options, and its seconds."""
    command = Path(sys.executable).with_name("fishervec")
    start = time.perf_counter()
    subprocess.run(
        [command, "fit", folder / "data", "-o", folder / "m.safetensors", "-k", str(K), "-q", *map(str, options)],
        check=True,
        stderr=subprocess.DEVNULL,
    )
    seconds = time.perf_counter() - start
    return float(fishervec.load(folder / "m.safetensors").mixture_.score(held_out)), seconds


def table(folder, x, seeds):
    n = len(x) // 10
    held_out, train = x[:n], x[n:]
    (folder / "data").mkdir()
    for i, part in enumerate(np.array_split(train, 23)):
        np.save(folder / f"data/{i}.npy", part)
    rows = [(f"{count:,}", K * count) for count in PER_COMPONENT] + [(f"all, {len(train) // K:,}", len(train))]
    for name, count in rows:
        cells = []
        for passes in PASSES if count < len(train) else (0,):
            scores = [
                score(folder, held_out, "--sample", count, "--seed", seed, "--polish", passes)[0]
                for seed in range(seeds)
            ]
            spread = f" ± {stdev(scores):.2f}" if len(scores) > 1 else ""
            cells.append(f"{mean(scores):.2f}{spread}")
        print(name, *cells, sep=" | ", flush=True)
        yield name, cells + [""] * (len(PASSES) - len(cells))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", type=int, default=3)
    arguments = parser.parse_args()
    x = descriptors()
    with tempfile.TemporaryDirectory() as folder:
        lines = [f"| {name} | {' | '.join(cells)} |" for name, cells in table(Path(folder), x, arguments.seeds)]
    head = " | ".join(["no pass", *(f"{n} pass{'es' if n > 1 else ''}" for n in PASSES[1:])])
    page = f"""# When is a sample enough?

Written by `make sampling`: {len(x):,} descriptors (dense SIFT of {len(IMAGES)} photographs, RootSIFT, 64 principal
components), a tenth of them held out, K = {K}; the mean log-likelihood of those held out in nats, over
{arguments.seeds} seeds. A row fits to so many descriptors per component; then come passes over all of them
(`fit --polish`).

| descriptors per component | {head} |
|---|{"---|" * len(PASSES)}
""" + "\n".join(lines)
    PAGE.write_text(page + "\n")


if __name__ == "__main__":
    main()

"""`make sampling`: what a fit to a sample loses, and what passes over all descriptors (`fit --polish`) give back.

Then what one pass in steps is worth (`fit --stream stepwise`), and what becomes of it where the rows of a step are
not mixed. `make stepwise` writes that part alone.

Dense SIFT of the photographs inside the scikit-image wheel (RootSIFT, 64 principal components), a tenth of it held
out. Each model is fitted by the command to files of descriptors, and scored by the mean log-likelihood of what was
held out, in nats. It writes docs/sampling.md; ARGS="--seeds 1" for less.
"""

import argparse
import shutil
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
#: Rows of a step, and passes.
STEPS = ((4096, 1), (1024, 1), (1024, 3))
HEAD = "## One pass in steps"
PAGE = Path(__file__).resolve().parent.parent / "docs/sampling.md"


def descriptors():
    """Rows of all images, shuffled, after the projection, and the image of each."""
    folder = Path(skimage.__file__).parent / "data"
    sets = DenseSift(step=4).fit_transform([imread(folder / name) for name in IMAGES])
    x = np.concatenate(sets).astype(np.float64)
    x = np.sqrt(x / np.maximum(x.sum(axis=1, keepdims=True), 1e-12))
    x = np.asarray(DescriptorPCA(n_components=64, random_state=0).fit_transform([x])[0], np.float32)
    order = np.random.default_rng(0).permutation(len(x))
    return x[order], np.repeat(np.arange(len(sets)), [len(part) for part in sets])[order]


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


def save(folder, parts):
    shutil.rmtree(folder / "data", ignore_errors=True)
    (folder / "data").mkdir()
    for i, part in enumerate(parts):
        np.save(folder / f"data/{i}.npy", part)


def cell(scores):
    return f"{mean(scores):.2f}" + (f" ± {stdev(scores):.2f}" if len(scores) > 1 else "")


def table(folder, x, seeds):
    n = len(x) // 10
    held_out, train = x[:n], x[n:]
    save(folder, np.array_split(train, 23))
    rows = [(f"{count:,}", K * count) for count in PER_COMPONENT] + [(f"all, {len(train) // K:,}", len(train))]
    for name, count in rows:
        cells = []
        for passes in PASSES if count < len(train) else (0,):
            scores = [
                score(folder, held_out, "--sample", count, "--seed", seed, "--polish", passes)[0]
                for seed in range(seeds)
            ]
            cells.append(cell(scores))
        print(name, *cells, sep=" | ", flush=True)
        yield name, cells + [""] * (len(PASSES) - len(cells))


def stepwise_table(folder, x, image, seeds):
    """The held-out log-likelihood of passes in steps: of rows in random order, and of one image after the other."""
    n = len(x) // 10
    held_out, train, image = x[:n], x[n:], image[n:]
    orders = {
        "in random order": np.array_split(train, 23),
        "one photograph after the other": [train[image == i] for i in range(len(IMAGES))],
    }
    full = None
    for name, parts in orders.items():
        save(folder, parts)
        for cursors in (256, 1):
            cells = []
            for step_rows, passes in STEPS:
                options = ["--stream", "stepwise", "--step-rows", step_rows, "--passes", passes, "--cursors", cursors]
                scores = [score(folder, held_out, *options, "--seed", seed)[0] for seed in range(seeds)]
                cells.append((mean(scores), cell(scores)))
            print(name, cursors, *(text for _, text in cells), sep=" | ", flush=True)
            yield name, cursors, cells
        if full is None:
            scores = [score(folder, held_out, "--stream", "exact", "--seed", seed)[0] for seed in range(seeds)]
            full = (mean(scores), cell(scores))
            print("exact", full[1], sep=" | ", flush=True)
            yield "exact", 0, [full]


def stepwise(folder, x, image, seeds):
    found = list(stepwise_table(folder, x, image, seeds))
    full = next(cells[0] for name, _, cells in found if name == "exact")
    lines = [
        f"| {name} | {cursors} | {' | '.join(text for _, text in cells)} |"
        for name, cursors, cells in found
        if name != "exact"
    ]
    three = {(name, cursors): cells[-1][0] for name, cursors, cells in found}
    # What the page says.
    assert three["one photograph after the other", 256] > full[0] - 0.2, (three, full)
    assert three["one photograph after the other", 1] < three["in random order", 256] - 0.2, three
    head = " | ".join(f"{rows:,} a step, {n} pass{'es' if n > 1 else ''}" for rows, n in STEPS)
    return f"""{HEAD}

The same descriptors in passes that move the mixture after every few thousand of them (`fit --stream stepwise`), from
the start of k-means. Expectation maximization over all of them to its end (`--stream exact`) reaches {full[1]}. The
rows of a step come from so many places at once (`--cursors`): where rows that follow each other are alike, 1 is no
good.

| rows in the files | cursors | {head} |
|---|---|{"---|" * len(STEPS)}
""" + "\n".join(lines)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--only-stepwise", action="store_true", help="leave the first table of the page as it is")
    arguments = parser.parse_args()
    x, image = descriptors()
    with tempfile.TemporaryDirectory() as folder:
        page = PAGE.read_text().split(f"\n{HEAD}")[0].rstrip()
        if not arguments.only_stepwise:
            page = samples(Path(folder), x, arguments.seeds)
        PAGE.write_text(f"{page}\n\n{stepwise(Path(folder), x, image, arguments.seeds)}\n")


def samples(folder, x, seeds):
    lines = [f"| {name} | {' | '.join(cells)} |" for name, cells in table(folder, x, seeds)]
    head = " | ".join(["no pass", *(f"{n} pass{'es' if n > 1 else ''}" for n in PASSES[1:])])
    return f"""# When is a sample enough?

Written by `make sampling`: {len(x):,} descriptors (dense SIFT of {len(IMAGES)} photographs, RootSIFT, 64 principal
components), a tenth of them held out, K = {K}; the mean log-likelihood of those held out in nats, over
{seeds} seeds. A row fits to so many descriptors per component; then come passes over all of them
(`fit --polish`).

| descriptors per component | {head} |
|---|{"---|" * len(PASSES)}
""" + "\n".join(lines)


if __name__ == "__main__":
    main()

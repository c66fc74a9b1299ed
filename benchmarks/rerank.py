"""`make rerank`: does it help a search if each similarity must come from one place of the candidate?

The cosine of a query and a candidate is split among the candidate's descriptors (`contributions`), and each share is
spread over its descriptor's square. The *part* of a candidate is what the best window, two fifths of each side, holds
of the whole. The first few candidates of each query are sorted anew by similarity x part^a. Pieces of the demo's
photographs (`make demo` first) and the emoji of `make accuracy`; it writes docs/reranking.md.
"""

import io
import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

# These must be set before NumPy is imported.
for variable in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "FISHERVEC_NUM_THREADS"):
    os.environ.setdefault(variable, "2")

import numpy as np  # noqa: E402
from numpy.typing import NDArray  # noqa: E402
from PIL import Image  # noqa: E402
from scipy.sparse import csr_array  # noqa: E402

ROOT = Path(__file__).resolve().parent.parent
sys.path.append(str(ROOT / "benchmarks/accuracy"))

import data  # noqa: E402
import retrieval  # noqa: E402
from features import Sift  # noqa: E402
from protocol import Setting, Split  # noqa: E402
from rerank_page import DEPTHS, EMOJI, KINDS, PIECES, Trial, page  # noqa: E402
from settings import BOTH, INTRA, PYRAMIDS  # noqa: E402

import fishervec  # noqa: E402
from fishervec import DenseSift  # noqa: E402

DEMO, PAGE = ROOT / "data/demo", ROOT / "docs/reranking.md"
#: Side of the window, as a share of either side of the image.
SIDE = 0.4
#: Small pieces per photograph, and their sides as a share of its own.
SMALL, SMALL_SIDE = 16, 0.2
Array = NDArray[Any]


# ---- windows ----------------------------------------------------------------------------------------


class Spread:
    """Shares spread over the square of each descriptor, inside the image."""

    def __init__(self, squares: Array, height: int, width: int) -> None:
        """`squares`: centre (x, y) and side of each descriptor."""
        self.shape = height + 1, width + 1
        half = squares[:, 2] / 2
        left, right = (np.clip(np.round(squares[:, 0] + sign * half), 0, width).astype(int) for sign in (-1, 1))
        top, bottom = (np.clip(np.round(squares[:, 1] + sign * half), 0, height).astype(int) for sign in (-1, 1))
        each = 1.0 / ((right - left) * (bottom - top))
        # Differences along both axes: the running sums of these four corners are the square.
        corners = [(top, left, each), (top, right, -each), (bottom, left, -each), (bottom, right, each)]
        pixels = np.concatenate([y * self.shape[1] + x for y, x, _ in corners])
        values = np.concatenate([value for _, _, value in corners])
        descriptors = np.tile(np.arange(len(squares)), 4)
        self.matrix = csr_array((values, (pixels, descriptors)), shape=(np.prod(self.shape), len(squares)))

    def map(self, shares: Array) -> Array:
        """The sum of the shares over each pixel, shape (height, width); it has the sum of the shares."""
        corners = (self.matrix @ shares).reshape(self.shape)
        return corners.cumsum(axis=0).cumsum(axis=1)[:-1, :-1]


def best_window(values: Array) -> float:
    """The largest sum inside a window."""
    sums = np.zeros((values.shape[0] + 1, values.shape[1] + 1))
    sums[1:, 1:] = values.cumsum(axis=0).cumsum(axis=1)
    h, w = (max(1, round(SIDE * side)) for side in values.shape)
    return float((sums[h:, w:] - sums[:-h, w:] - sums[h:, :-w] + sums[:-h, :-w]).max())


def parts(spread: Spread, shares: Array) -> dict[str, float]:
    """For shares of one score what the best window holds of the whole, by kind."""
    signed, loud = spread.map(shares), spread.map(np.abs(shares))
    return {
        "map": best_window(np.abs(signed)) / np.abs(signed).sum(),
        "shares": best_window(loud) / loud.sum(),
        "score": max(0.0, best_window(signed) / max(shares.sum(), 1e-9)),
    }


def filled(shape: tuple[int, int], cells: Iterator[tuple[int, int, dict[str, float]]]) -> dict[str, Array]:
    found = {kind: np.full(shape, np.nan) for kind in KINDS}
    for query, candidate, values in cells:
        for kind, value in values.items():
            found[kind][query, candidate] = value
    return found


def check_sum(shares: Array, similar: Array) -> None:
    """Raise an error unless shares of shape (n, m) sum to the m cosines."""
    size = np.abs(shares).sum(axis=0) + 1
    wrong = np.abs(shares.sum(axis=0) - similar) / size
    assert wrong.max(initial=0) < 1e-6, f"shares must sum to the cosine, they are off by {wrong.max()}"


# ---- photographs ------------------------------------------------------------------------------------


def small_pieces(images: list[Path]) -> list[Array]:
    """Pieces that are smaller than those of the demo, and like them reduced by a fifth, as JPEG."""
    rng, out = np.random.default_rng(0), []
    for path in images:
        image = Image.open(path).convert("RGB")
        w, h = (round(SMALL_SIDE * side) for side in image.size)
        for _ in range(SMALL):
            x, y = (int(rng.integers(0, side - own + 1)) for side, own in zip(image.size, (w, h), strict=True))
            piece = image.crop((x, y, x + w, y + h)).resize((round(0.8 * w), round(0.8 * h)), Image.Resampling.BICUBIC)
            piece.save(file := io.BytesIO(), "JPEG", quality=70)
            out.append(np.asarray(Image.open(file)))
    return out


def photographs(title: str, model: str, small: bool) -> Trial:
    """Pieces of photographs under a model of the demo."""
    encoder = fishervec.load(DEMO / f"images-{model}.safetensors")
    images = sorted((DEMO / "images").iterdir())
    crops = sorted((DEMO / "crops").iterdir())
    if small:
        queries: list[Any] = small_pieces(images)
        right = np.repeat(np.arange(len(images)), SMALL)
    else:
        queries = crops
        right = np.array([[image.stem for image in images].index(crop.stem.rpartition("-")[0]) for crop in crops])
    wanted = np.float64(encoder.transform(queries))
    vectors = np.float64(encoder.transform(images))
    similar = wanted @ vectors.T
    sift = DenseSift(max_side=encoder.max_side, bins=encoder.bins, step=encoder.step)
    sets = sift.transform(images)

    def cells() -> Iterator[tuple[int, int, dict[str, float]]]:
        for c, (path, x) in enumerate(zip(images, sets, strict=True)):
            width, height = Image.open(path).size
            scale = min(1.0, encoder.max_side / max(width, height))
            squares = sift.positions((height, width)) * (1, 1, 4)
            spread = Spread(squares, round(height * scale), round(width * scale))
            shares = encoder.encoder_.contributions([x], wanted)[0]
            check_sum(shares, similar[:, c])
            for q in range(len(wanted)):
                yield q, c, parts(spread, shares[:, q])

    n = len(queries)
    return Trial(title, similar, right, filled(similar.shape, cells()), right, np.arange(n))


# ---- emoji ------------------------------------------------------------------------------------------


class Search(NamedTuple):
    """Vectors that are compared by the cosine after a linear map."""

    #: The centre that is taken from a vector first.
    centre: Array
    #: What a vector is multiplied by for its product with each query, and the norms of the mapped database.
    queries: Array
    norms: Array
    #: Cosines of the queries and the database.
    similar: Array


def plain(vectors: Array) -> Search:
    n = len(vectors) // 2
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    units = vectors / norms
    return Search(np.zeros(vectors.shape[1]), units[n:], norms[:n], units[n:] @ units[:n].T)


def whitened(vectors: Array, training: Array) -> Search:
    """As in `make accuracy`, with the number of dimensions that is best for the training queries."""
    n = len(vectors) // 2
    centre = vectors[:n].mean(axis=0)
    centred = vectors - centre
    products = centred @ centred[:n].T
    to = retrieval.directions(products[:n])
    found = []
    for dimensions in retrieval.DIMENSIONS:
        mapped = products @ to[:, :dimensions]
        norms = np.linalg.norm(mapped, axis=1, keepdims=True)
        units = mapped / norms
        found.append((retrieval.first_and_precision(units, training)[0], dimensions, units, norms[:n]))
    _, dimensions, units, norms = max(found, key=lambda one: one[0])
    queries = (units[n:] @ to[:, :dimensions].T) @ centred[:n]
    return Search(centre, queries, norms, units[n:] @ units[:n].T)


def emoji(title: str, found: data.Data, seed: int, setting: Setting, whiten: bool) -> Trial:
    """Twitter's emoji look for Google's; parts of the first candidates only."""
    train, test = found.splits[seed]
    split = Split(found, train, test, seed)
    n = len(found.inputs) // 2
    sets = split.sets(setting.features, setting.place)
    encoder = split.encoder(setting).fit([sets[i] for i in train])
    vectors = np.float64(encoder.transform(sets))
    search = whitened(vectors, train[train >= n]) if whiten else plain(vectors)
    del vectors
    similar = search.similar
    first = np.argsort(-similar, axis=1, kind="stable")[:, : max(DEPTHS)]
    height, width = found.inputs[0].shape[:2]
    sift = DenseSift(bins=setting.features.bins, step=setting.features.step)
    spread = Spread(sift.positions((height, width)) * (1, 1, 4), height, width)

    def cells() -> Iterator[tuple[int, int, dict[str, float]]]:
        for c in range(n):
            queries = np.flatnonzero((first == c).any(axis=1))
            if not len(queries):
                continue
            coef = search.queries[queries] / search.norms[c]
            # What the centre takes from a score is spread evenly.
            shares = encoder.contributions([sets[c]], coef)[0] - coef @ search.centre / len(sets[c])
            check_sum(shares, similar[queries, c])
            for i, q in enumerate(queries):
                yield q, c, parts(spread, shares[:, i])

    return Trial(title, similar, np.arange(n), filled(similar.shape, cells()), np.arange(n), test - n)


def main() -> int:
    if not (DEMO / "crops").exists():
        print("The photographs, their pieces and their models come from `make demo`: run that first.", file=sys.stderr)
        return 1
    started = time.perf_counter()
    results: dict[str, list[Trial]] = {}

    def add(title: str, make: Callable[..., Trial], *given: Any) -> None:
        results.setdefault(title, []).append(make(title, *given))
        print(f"{title}: {time.perf_counter() - started:.0f} s", flush=True)

    add(PIECES, photographs, "fisher", False)
    add("small pieces", photographs, "fisher", True)
    add("pieces (pooling)", photographs, "pooling", False)
    found = data.emoji()
    cosine = Setting(Sift((4, 6, 8), 4, colour=True), components=64, **BOTH)
    best = Setting(Sift((4, 6, 8), 3, colour=True), components=64, **INTRA, place=PYRAMIDS[2])
    for seed in range(len(found.splits)):
        add(EMOJI, emoji, found, seed, cosine, False)
        add("emoji (whitened)", emoji, found, seed, best, True)
    PAGE.write_text(page(results, SMALL))
    print(f"Wrote {PAGE.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

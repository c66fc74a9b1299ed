#!/usr/bin/env python3
"""Draw docs/hero.svg and docs/hero-tall.svg: a bag of points, what each blob would change to explain it better, and
its Fisher vector. The library computes all that is shown; it must be installed.

    python scripts/hero.py
"""

import math
from types import SimpleNamespace
from typing import NamedTuple

import numpy as np
from drawing import PAD, TALL, WIDE, Drawing, decimals, number, save

from fishervec import GaussianMixture, fisher_vector

BLOBS = "abc"
WEIGHTS, MEANS, SIGMAS = (
    np.array([0.30, 0.45, 0.25]),
    np.array([[11, 2], [8.6, 5.6], [4, 2.6]]),
    np.array([[1.7, 0.6], [1.6, 0.9], [1.1, 0.8]]),
)
#: The bag River: of each blob the number of points, how far off they lie, how widely they are spread, and a seed.
RIVER = [(40, (0, 0), (0.95, 0.95), 1036), (20, (1.4, 0.85), (0.5, 0.5), 2024), (20, (0, 0), (1.5, 1.6), 3132)]
BLOCKS = ("weight", "move", "stretch")
#: The part of the plane that is drawn; below 0 there is room for words.
ACROSS, LOW, HIGH = 15.0, -1.6, 9.0


# ---- the bag and its vector ------------------------------------------------------------------------------


def uniform(seed):
    """The numbers in [0, 1) of the generator mulberry32, which the live explanation has, too."""
    state, low = seed, 0xFFFFFFFF
    while True:
        state = (state + 0x6D2B79F5) & low
        mixed = ((state ^ (state >> 15)) * (state | 1)) & low
        mixed ^= (mixed + (((mixed ^ (mixed >> 7)) * (mixed | 61)) & low)) & low
        yield ((mixed ^ (mixed >> 14)) & low) / 2**32


def cloud(n, mean, sigma, seed):
    """`n` normal points whose mean and standard deviation are exactly these, so that no luck is in the picture."""
    numbers = uniform(seed)
    normal = [math.sqrt(-2 * math.log(1 - next(numbers))) * math.cos(2 * math.pi * next(numbers)) for _ in range(2 * n)]
    points = np.reshape(normal, (n, 2))
    return mean + sigma * (points - points.mean(axis=0)) / points.std(axis=0)


def river():
    places = zip(RIVER, MEANS, SIGMAS, strict=True)
    return np.concatenate([cloud(n, mean + off, sigma * wide, seed) for (n, off, wide, seed), mean, sigma in places])


def mixture():
    return GaussianMixture.from_sklearn(SimpleNamespace(weights_=WEIGHTS, means_=MEANS, covariances_=SIGMAS**2))


class Wish(NamedTuple):
    """What a blob would change most, and where its mean and its spread would be if each changed alone."""

    block: str
    words: str
    mean: np.ndarray
    sigma: np.ndarray


def wishes(points, gmm, vector):
    """The wish of each blob: the block in which its part of the Fisher vector is longest."""
    statistics = gmm.statistics([points])[0]
    share = statistics.s0 / statistics.n
    blocks = np.split(vector, [3, 9])
    for k in range(len(BLOBS)):
        parts = {
            "weight": blocks[0][k : k + 1],
            "move": blocks[1][2 * k : 2 * k + 2],
            "stretch": blocks[2][2 * k : 2 * k + 2],
        }
        block = max(parts, key=lambda name: np.linalg.norm(parts[name]))
        more = {
            "weight": "gains weight" if share[k] > WEIGHTS[k] else "loses weight",
            "move": "moves",
            "stretch": "stretches" if parts["stretch"].sum() > 0 else "shrinks",
        }
        mean = MEANS[k] + SIGMAS[k] * statistics.z1[k] / statistics.s0[k]
        yield Wish(block, more[block], mean, SIGMAS[k] * np.sqrt(statistics.z2[k] / statistics.s0[k]))


# ---- drawing ---------------------------------------------------------------------------------------------


def alternative(points, found, vector):
    """The alternative text, which has all numbers of the vector."""
    changes = ", ".join(f"{letter.upper()} {wish.words}" for letter, wish in zip(BLOBS, found, strict=True))
    parts = zip(BLOCKS, np.split(vector, [3, 9]), strict=True)
    numbers = "; ".join(f"{block} {', '.join(decimals(x, 3) for x in part)}" for block, part in parts)
    return (
        f"A bag of {len(points)} points. Under a mixture of three blobs, {changes}. Its Fisher vector, blob by blob in "
        f"each block: {numbers}."
    )


def hero(width):
    """The picture: three parts side by side, or below each other on a phone."""
    points, gmm = river(), mixture()
    vector = fisher_vector(points, gmm)
    found = list(wishes(points, gmm, vector))
    drawing = Drawing(width, "From a bag of points to its Fisher vector", alternative(points, found, vector))
    inner, gap = width - 2 * PAD, 24
    beside = width == WIDE
    stage = (inner - 2 * gap - 216) / 2 if beside else inner
    height = stage / ACROSS * (HIGH - LOW)
    parts = [
        (stage, "A bag", "any number of points"),
        (stage, "What each blob would change", "to explain this bag better"),
        (216 if beside else inner, "Its Fisher vector", f"always {len(vector)} numbers"),
    ]
    x = y = 0
    for i, (wide, title, below) in enumerate(parts):
        drawing.text(x, y + 13, (title, "fill-ink bold"))
        drawing.text(x, y + 31, (below, "fill-muted"), size="small")
        top = y + 44
        if i < 2:
            bag(drawing, x, top, stage, height, points, gmm if i else None, found)
        else:
            bars(drawing, x, top, wide, height, vector)
        if beside and i < 2:
            middle, right = top + height / 2, x + wide + gap / 2
            drawing.line([(right - 4, middle - 8), (right + 4, middle), (right - 4, middle + 8)], "line-faint", 2.5)
        x, y = (x + wide + gap, y) if beside else (x, y + 44 + height + 28)
    return drawing.svg(44 + height + 2 * PAD if beside else y - 28 + 2 * PAD)


def bag(drawing, x, y, width, height, points, gmm, found):
    """The points in grey, or, under a mixture, its blobs with their wishes, and each point as that of its likeliest blob."""
    scale = width / ACROSS
    size = f'width="{number(width)}" height="{number(height)}"'
    drawing.add(f'<rect x="{number(x)}" y="{number(y)}" {size} rx="8" class="line-rule" fill="none"/>')

    def at(place):
        return x + place[0] * scale, y + (HIGH - place[1]) * scale

    owners = gmm.predict(points) if gmm else []
    for k, wish in enumerate(found if gmm else []):
        ellipse(drawing, at(MEANS[k]), 2 * scale * SIGMAS[k], f"fill-{BLOBS[k]} line-{BLOBS[k]}", 'fill-opacity=".1"')
        if wish.block == "stretch":
            dashed = 'fill="none" stroke-dasharray="6 5"'
            ellipse(drawing, at(MEANS[k]), 2 * scale * wish.sigma, f"line-{BLOBS[k]}", dashed)
    for i, point in enumerate(points):
        kind = f"fill-{BLOBS[owners[i]]}" if gmm else "fill-muted"
        drawing.dot(*at(point), 2.8, f"{kind} line-raised")
    for k, wish in enumerate(found if gmm else []):
        if wish.block == "move":
            arrow(drawing, at(MEANS[k]), at(wish.mean), BLOBS[k])
        # Words stand above the blobs of the upper half, and on the ground below the others, away from points.
        reach = 2 * max(SIGMAS[k][1], wish.sigma[1] if wish.block == "stretch" else 0)
        left, top = at((MEANS[k][0], MEANS[k][1] + reach))
        bottom = top - 6 if MEANS[k][1] > HIGH / 2 else y + height - 9
        letter = (BLOBS[k].upper(), f"fill-{BLOBS[k]}-ink bold")
        words = (f" {wish.words}", f"fill-{BLOBS[k]}-ink")
        drawing.text(left, bottom, letter, words, anchor="middle")


def ellipse(drawing, centre, radii, kind, more):
    place = f'cx="{number(centre[0])}" cy="{number(centre[1])}" rx="{number(radii[0])}" ry="{number(radii[1])}"'
    drawing.add(f'<ellipse {place} class="{kind}" stroke-width="2" {more}/>')


def arrow(drawing, start, end, blob):
    """From the mean to where it would be, with a head as long as a third of the way at least."""
    way = np.subtract(end, start)
    along = way / np.linalg.norm(way)
    across = np.array([-along[1], along[0]])
    neck = end - 9 * along
    drawing.dot(*start, 3.5, f"fill-{blob} line-raised")
    drawing.line([start, neck], f"line-{blob}", 3)
    tip = " ".join(f"{number(px)} {number(py)}" for px, py in (end, neck + 6 * across, neck - 6 * across))
    drawing.add(f'<path d="M{tip}z" class="fill-{blob}"/>')


def bars(drawing, x, y, width, height, vector):
    """The numbers as bars up and down from 0, block beside block, each with the letters of its blobs."""
    gap, sizes = 10, (1, 2, 2)
    step = (width - 2 * gap) / len(vector)
    top, bottom = y + 20, y + height - 20
    low, high = min(0, vector.min()), max(0, vector.max())
    scale = (bottom - top - 16) / (high - low)
    zero = top + 8 + high * scale
    for name, size, block in zip(BLOCKS, sizes, np.split(vector, [3, 9]), strict=True):
        wide = step * len(block)
        drawing.text(x + wide / 2, y + 10, (name, "fill-muted"), size="small", anchor="middle")
        frame = f'width="{number(wide)}" height="{number(bottom - top)}"'
        drawing.add(f'<rect x="{number(x)}" y="{number(top)}" {frame} rx="6" class="line-rule" fill="none"/>')
        for i, value in enumerate(block):
            tall = abs(value) * scale
            drawing.bar(
                x + step * i + 2, zero - max(0, value) * scale, step - 4, max(tall, 0.5), f"fill-{BLOBS[i // size]}"
            )
        drawing.line([(x, zero), (x + wide, zero)], "line-faint")
        for k, blob in enumerate(BLOBS):
            middle = x + step * size * (k + 0.5)
            drawing.text(middle, y + height - 3, (blob.upper(), f"fill-{blob}-ink bold"), anchor="middle")
        x += wide + gap


def pictures():
    return {"hero.svg": hero(WIDE), "hero-tall.svg": hero(TALL)}


if __name__ == "__main__":
    for name, svg in pictures().items():
        save(name, svg)

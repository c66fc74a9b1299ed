"""What is tried on each data set: the rows of its table, and the grid from which the training data choose."""

import itertools
from collections.abc import Callable
from typing import Any, NamedTuple

import data
from features import Features, Frames, Patches, Sift
from protocol import Setting

#: Numbers of components that are compared on data sets where this takes little time.
COMPONENTS = (2, 4, 8, 16, 32, 64, 128, 256)
#: Maximum number of words.
LONGEST = 1024
#: The row to which positions and other features are added.
NORMALISED = "... + power + L2"
#: For two position columns the whole and its quarters, for one the whole and its thirds.
PYRAMIDS = {1: "pyramid 1,3", 2: "pyramid 1x1,2x2"}
PLAIN: dict[str, Any] = {"power": 1.0, "norm": None}
BOTH: dict[str, Any] = {"power": 0.5, "norm": "l2"}
INTRA: dict[str, Any] = {"power": 0.5, "norm": "intra+l2"}


class Plan(NamedTuple):
    load: Callable[[], data.Data]
    #: Features of the table, where K is `components`.
    features: Features
    components: int
    #: Fisher vectors to choose from, in addition to those of the table.
    grid: list[Setting]
    #: The last row of the table, with other features.
    more: tuple[str, Features] | None = None
    #: Rows that the table leaves out, because of the time or the memory they need.
    without: tuple[str, ...] = ()
    #: Numbers of components that are compared.
    ladder: tuple[int, ...] = ()
    #: Minimum accuracy of a quick run.
    least: float = 0.0


def rows(plan: Plan, columns: int) -> dict[str, Setting]:
    """The rows of the table by name; `columns` is the number of columns of a descriptor without its position."""
    f, k = plan.features, plan.components
    length = k * (1 + 2 * columns)
    words, centres = min(length, LONGEST), round(length / columns)
    found = {
        "mean and standard deviation": Setting(f, "pooling", 1, **PLAIN, standard=True),
        f"bag of words, K = {k}": Setting(f, "bow", k),
        f"VLAD, K = {k}": Setting(f, "vlad", k, **INTRA),
        f"bag of words, K = {words}": Setting(f, "bow", words),
        f"VLAD, K = {centres}": Setting(f, "vlad", centres, **INTRA),
        f"Fisher vector, K = {k}, plain": Setting(f, "fisher", k, **PLAIN),
        "... + power": Setting(f, "fisher", k, norm=None),
        "... + power + intra + L2": Setting(f, "fisher", k, **INTRA),
        NORMALISED: Setting(f, "fisher", k),
    }
    word = "xy" if f.position_columns == 2 else "time"
    found |= {
        f"{NORMALISED} + {word}": Setting(f, "fisher", k, place="append"),
        f"{NORMALISED} + spatial": Setting(f, "fisher", k, place="spatial 1"),
        f"{NORMALISED} + pyramid": Setting(f, "fisher", k, place=PYRAMIDS[f.position_columns]),
        f"bag of words, K = {words}, + {word}": Setting(f, "bow", words, place="append"),
        # Each word has its share, and the mean and the variance of its positions.
        f"bag of words, K = {words // (1 + 2 * f.position_columns)}, + spatial": Setting(
            f, "bow", words // (1 + 2 * f.position_columns), place="spatial 1"
        ),
        f"VLAD, K = {centres}, + {word}": Setting(f, "vlad", centres, **INTRA, place="append"),
    }
    if plan.more:
        found[f"{NORMALISED} + {plan.more[0]}"] = Setting(plan.more[1], "fisher", k)
    return {name: setting for name, setting in found.items() if name not in plan.without}


def ladder(plan: Plan) -> dict[str, Setting]:
    """The improved Fisher vector by its number of components, for images with positions, for recordings with slopes."""
    features = plan.more[1] if plan.more else plan.features
    place = "append" if features.position_columns == 2 else ""
    return {str(k): Setting(features, "fisher", k, place=place) for k in plan.ladder}


def grid(
    features: list[Features], components: list[int], places: tuple[str, ...], norms: tuple[dict, ...] = (PLAIN, BOTH)
) -> list[Setting]:
    """Fisher vectors of all combinations."""
    return [
        Setting(f, "fisher", k, **norm, place=place)
        for f, k, place, norm in itertools.product(features, components, places, norms)
    ]


PLACES = ("append", "spatial 1")

PLANS = {
    "digits": Plan(
        data.digits,
        Patches(4, 12),
        32,
        grid([Patches(4, 8), Patches(4, 12)], [32, 64, 128], PLACES),
        least=0.97,
        ladder=COMPONENTS,
    ),
    "vowels": Plan(
        data.vowels,
        Frames(),
        16,
        grid([Frames(slopes=True)], [8, 16], ("", *PLACES)),
        more=("slopes", Frames(slopes=True)),
        least=0.97,
        ladder=COMPONENTS,
    ),
    "spoken": Plan(
        data.spoken,
        Frames(),
        64,
        grid([Frames(slopes=True)], [32, 64, 128], ("", *PLACES)),
        more=("slopes", Frames(slopes=True)),
        ladder=COMPONENTS,
    ),
    "mnist": Plan(
        data.mnist,
        Sift((4, 6), 2, side=56),
        32,
        grid([Sift((4, 6), 2, side=56), Sift((3,), 1)], [64], PLACES),
        ladder=COMPONENTS,
    ),
    "elpv": Plan(
        data.elpv,
        Sift((4, 8, 12, 16), 12, colour=True, contrast=True),
        64,
        grid([Sift((4, 8, 12, 16), 12, colour=True, contrast=True, mirrored=True)], [128, 256], ("append",), (INTRA,)),
    ),
    "emoji": Plan(
        data.emoji,
        Sift((4, 6, 8), 4, colour=True),
        64,
        grid([Sift((4, 6, 8), 3, colour=True)], [64], ("append", PYRAMIDS[2]), (INTRA,)),
    ),
    "fashion": Plan(
        data.fashion,
        Sift((2, 3), 2, columns=48),
        32,
        grid([Sift((2, 3), 2, columns=48)], [64], PLACES, (BOTH,)),
        without=(f"{NORMALISED} + pyramid",),
    ),
}

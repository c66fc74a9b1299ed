"""What `make rerank` makes of its measurements: new orders of the first candidates, their scores, and the page."""

import textwrap
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

#: Numbers of candidates that are sorted anew, and powers of the part: 0 leaves the order as it is.
DEPTHS = (5, 10)
POWERS = (0.0, 0.25, 0.5, 1.0, 2.0, 4.0)
#: What a part is a part of.
KINDS = {
    "map": "the absolute values of the map, to which shares of either sign add up",
    "shares": "the absolute values of the shares",
    "score": "the similarity",
}
#: The names of the demo's pieces and of the first of the searches for emoji.
PIECES, EMOJI = "pieces", "emoji (cosine)"
Array = NDArray[Any]


class Trial(NamedTuple):
    """Queries and their candidates."""

    title: str
    #: Cosines, shape (n_queries, n_candidates).
    similar: Array
    #: The right candidate of each query.
    right: Array
    #: By kind: parts, shape (n_queries, n_candidates), NaN where a candidate was left out.
    parts: dict[str, Array]
    #: Queries of one number are left out together where a power is chosen.
    folds: Array
    #: The queries that are tested; all others are only for choices.
    tested: Array


# ---- new orders -------------------------------------------------------------------------------------


def ranks(trial: Trial, kind: str, power: float, depth: int) -> Array:
    """The rank of the right candidate of each query, after the first few were sorted by similarity x part^power."""
    rows = np.arange(len(trial.similar))
    own = trial.similar[rows, trial.right]
    rank = 1 + (trial.similar > own[:, None]).sum(axis=1)
    first = np.argsort(-trial.similar, axis=1, kind="stable")[:, :depth]
    similar = np.take_along_axis(trial.similar, first, axis=1)
    part = np.take_along_axis(trial.parts[kind], first, axis=1)
    # A part of nothing or less says nothing.
    sorted_by = np.where(similar > 0, similar * part**power, similar)
    among = first == trial.right[:, None]
    inside = among.any(axis=1)
    best = sorted_by[among]
    rank[inside] = 1 + (sorted_by[inside] > best[:, None]).sum(axis=1)
    return rank


def scores(rank: Array) -> Array:
    """R@1 and mAP in percent; with one right answer, mAP is the mean of one over its rank."""
    return 100 * np.array([np.mean(rank == 1), np.mean(1 / rank)])


def chosen(trial: Trial, kind: str, depth: int) -> tuple[Array, set[float]]:
    """The ranks of the tested queries with powers that others chose, and these powers."""
    by_power = {power: ranks(trial, kind, power, depth) for power in POWERS}

    def best(rows: Array) -> float:
        return max(POWERS, key=lambda power: (scores(by_power[power][rows])[1], -power))

    others = np.setdiff1d(np.arange(len(trial.similar)), trial.tested)
    if len(others):
        power = best(others)
        return by_power[power][trial.tested], {power}
    rank, powers = by_power[0.0].copy(), set()
    for fold in np.unique(trial.folds):
        powers.add(power := best(np.flatnonzero(trial.folds != fold)))
        rank[trial.folds == fold] = by_power[power][trial.folds == fold]
    return rank, powers


def largest(trial: Trial, kind: str) -> tuple[float, float, int]:
    """Of the tested queries whose right candidate has a part: how often, in percent, it is larger than that of every
    false candidate, and than that of the most similar false one; and their number.
    """
    rows = np.arange(len(trial.similar))
    own, false, similar = trial.parts[kind][rows, trial.right], trial.parts[kind].copy(), trial.similar.copy()
    false[rows, trial.right], similar[rows, trial.right] = np.nan, -np.inf
    rows = trial.tested[np.isfinite(own[trial.tested])]
    every = own[rows] > np.nanmax(false[rows], axis=1)
    nearest = own[rows] > false[rows, similar[rows].argmax(axis=1)]
    return 100 * float(every.mean()), 100 * float(nearest.mean()), len(rows)


# ---- page -------------------------------------------------------------------------------------------

HEAD = """
Written by `make rerank`, with every number. A cosine is a sum over the candidate's descriptors (`contributions`).
Does a true match come from one place of the candidate, and a false one from everywhere, so that a search gets better
by looking at that?
"""
MEANT = [
    """
    **Part.** The shares of a candidate's descriptors in its cosine with the query are spread over their squares, which
    changes no sum. The part is what the best window, two fifths of each side, holds of the whole: of {kinds}. First
    the script checks that the shares of each candidate sum to its cosine.
    """,
    """
    **Pieces** are those of `make demo`, {n_pieces} of {n_photographs} photographs, each compared with all of them.
    *Small pieces* are {small} random ones of each photograph, with a fifth of its sides, reduced and compressed as the
    others. *Pooling* is the demo's baseline.
    """,
    """
    **Emoji** are those of [accuracy.md](accuracy.md), Twitter's as queries and Google's as database; means of {splits}
    splits, over the test queries. First the Fisher vector with power and L2 and the cosine; then the setting that is
    chosen there, whose vectors are whitened. Only the {most} most similar candidates of a query have parts.
    """,
]
FIRST = (
    "How often, in percent, among those queries whose true candidate has a part; by chance once in so many candidates."
)
SECOND = """
R@1 / mAP, in percent. The first {few} or {most} candidates are sorted anew by similarity x part, or the first {most}
by similarity x part^a; a, one of {powers}, is chosen by other queries: those of all other photographs, or the training
half of the emoji.
"""
FIRST_HEAD = (
    "| queries | part of | number | larger than every false one's | by chance | than the most similar false one's |",
    "|---|---|---:|---:|---:|---:|",
)
SECOND_HEAD = (
    "| queries | part of | before | "
    f"x part, first {min(DEPTHS)} | x part, first {max(DEPTHS)} | x part^a, first {max(DEPTHS)} | a |",
    "|---|---|---:|---:|---:|---:|---|",
)
WHY = [
    """
    A piece shows one place of its photograph, and there is the match; a false one is scattered. That is what the sum
    inside the window measures.
    """,
    """
    An emoji is drawn anew as a whole: the true match comes from everywhere, and a similarity that comes from one place
    is a detail that two emoji happen to share.
    """,
    """
    The shares of pooling all have one sign, since its vectors are all but parallel: their part says where descriptors
    crowd, not what matched.
    """,
    """
    Which of these a search is, its data do not tell. Where queries are known to be pieces, `contributions` and this
    script are the recipe.
    """,
]


def both(values: Array) -> str:
    """R@1 and mAP of one trial or of several."""
    return " / ".join(f"{mean:.1f}" for mean in np.mean(values, axis=0))


def first_table(title: str, trials: list[Trial]) -> list[str]:
    lines = []
    for kind in KINDS:
        every, nearest, n = np.mean([largest(trial, kind) for trial in trials], axis=0)
        n_candidates = np.isfinite(trials[0].parts[kind]).sum(axis=1).max()
        lines.append(f"| {title} | {kind} | {n:,.0f} | {every:.1f} | {100 / n_candidates:.1f} | {nearest:.1f} |")
    return lines


def second_table(title: str, trials: list[Trial]) -> list[str]:
    before = both([scores(ranks(trial, "map", 0.0, 1)[trial.tested]) for trial in trials])
    lines = []
    for kind in KINDS:
        cells = [both([scores(ranks(t, kind, 1.0, depth)[t.tested]) for t in trials]) for depth in DEPTHS]
        found = [chosen(trial, kind, max(DEPTHS)) for trial in trials]
        powers = sorted(set().union(*(powers for _, powers in found)))
        cells += [both([scores(rank) for rank, _ in found]), ", ".join(f"{power:g}" for power in powers)]
        lines.append(f"| {title} | {kind} | {before} | {' | '.join(cells)} |")
    return lines


def pays(trials: list[Trial]) -> bool:
    """Whether similarity x part of the map makes both scores larger, with the first few candidates of either number."""
    before = np.mean([scores(ranks(trial, "map", 0.0, 1)[trial.tested]) for trial in trials], axis=0)
    after = [np.mean([scores(ranks(t, "map", 1.0, d)[t.tested]) for t in trials], axis=0) for d in DEPTHS]
    return bool((np.array(after) > before).all())


def page(results: dict[str, list[Trial]], small: int) -> str:
    """The page; `small` is the number of small pieces of each photograph."""
    n_pieces, n_photographs = results[PIECES][0].similar.shape
    kinds = [f"{words} (*{name}*)" for name, words in KINDS.items()]
    known = {
        "kinds": f"{', of '.join(kinds[:-1])}, or of {kinds[-1]}",
        "n_pieces": n_pieces,
        "n_photographs": n_photographs,
        "small": small,
        "splits": len(results[EMOJI]),
        "few": min(DEPTHS),
        "most": max(DEPTHS),
        "powers": ", ".join(f"{power:g}" for power in POWERS),
    }
    parts = [
        "# Re-ranking by concentration",
        paragraph(HEAD),
        paragraph(verdict(results)),
        "\n".join(bullet(text.format(**known)) for text in MEANT),
        "## Is the part of the true candidate the largest?",
        paragraph(FIRST),
        "\n".join([*FIRST_HEAD, *(line for title, trials in results.items() for line in first_table(title, trials))]),
        "## Does it improve a search?",
        paragraph(SECOND.format(**known)),
        "\n".join([*SECOND_HEAD, *(line for title, trials in results.items() for line in second_table(title, trials))]),
        "## Why",
        "\n".join(map(bullet, WHY)),
    ]
    return "\n\n".join(parts) + "\n"


def verdict(results: dict[str, list[Trial]]) -> str:
    found = {title: pays(trials) for title, trials in results.items()}
    good, bad = (", ".join(title for title, yes in found.items() if yes == wanted) for wanted in (True, False))
    if not bad:
        return "**It pays on all of these data:** similarity x part of the map makes R@1 and mAP larger."
    if not good:
        return "**It pays on none of these data,** so `fishervec evaluate` has no such option."
    return f"""**It pays for {good}, and not for {bad}:** similarity x part of the map makes R@1 and mAP larger for the
    former alone. So `fishervec evaluate` has no such option."""


def paragraph(text: str) -> str:
    return textwrap.fill(" ".join(text.split()), 120, break_on_hyphens=False, break_long_words=False)


def bullet(text: str) -> str:
    filled = textwrap.fill(" ".join(text.split()), 118, break_on_hyphens=False, break_long_words=False)
    return textwrap.indent(filled, "  ").replace("  ", "* ", 1)

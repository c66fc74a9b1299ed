"""Write docs/accuracy.md from the results."""

import sys
from collections import Counter
from typing import Any

import numpy as np
from data import ROOT
from protocol import EPOCHS, FEW, FOLDS, FOLDS_OF_FEW, HELD, MANY, PENALTIES, REPEATS, SAMPLE, Setting
from retrieval import DIMENSIONS
from settings import LONGEST, NORMALISED

sys.path.append(str(ROOT / "benchmarks"))

import chart

PAGE = ROOT / "docs/accuracy.md"
INTRODUCTION = """# Accuracy

How well Fisher vectors, and the encoders they compete with, tell real images and recordings apart. `make accuracy`
measures this and writes this page, with every number and every sentence that has one.

* The **floor** is the mean and the standard deviation of a set's descriptors. An encoder below it is not
  worth its price.
* Each encoder is followed by a linear SVM (scikit-learn's `SVC`, one class against one). Its C, one of {penalties}, is
  chosen by {folds} folds of the training part. Vectors are divided by one number, the root mean square of their norms
  on the training part; those of the floor are standardised. From {many} sets on, the SVM is scikit-learn's
  `SGDClassifier`, one class against the others, with {epochs} passes; its C is chosen by the scores on {held} training
  sets of machines trained on {held} others.
* Codebooks (k-means, mixture, PCA) are learned from the training part, without its labels, from at most {sample}
  descriptors. If it has fewer than {few} sets, each of {folds_of_few} folds learns its own codebook, {repeats} times
  over: a mixture that knows the sets of a fold makes them look unlike new ones, and large mixtures look worse than
  they are.
* Related encoders are listed twice: with as many components as the Fisher vector, and with so many that their vector is
  as long; a bag of words has at most {longest} words.
* **Chosen** is the Fisher vector that is best on the folds of the training part, chosen anew for each split, among
  those of the table and a grid (K, normalisation, position, features). No test score takes part in the choice; but the
  axes of the grids were drawn up by hand on some of the splits, with the scores of both parts in sight.
* The **target** is what an earlier pipeline reached with the settings that were best on the *test* part; "within a
  standard error" means the standard error of such a share over all sets that were tested.
* Retrieval: vectors are whitened by a PCA of the database to {dimensions} dimensions and compared by the cosine; R@1 is
  the share of queries whose answer comes first. Dimensions and setting are chosen by the training queries.
* ± is the standard deviation over splits or seeds; for differences, that of the differences pair by pair. Seconds are
  those of one split, on two cores.

<picture>
  <source media="(max-width: 767px)" srcset="accuracy-tall.svg">
  <img src="accuracy.svg" alt="Accuracy of the encoders on each data set; the numbers are in the tables below">
</picture>

## Summary"""


LADDER = """## How many components

The Fisher vector with power and L2 normalisation, for images with the position appended, for recordings with slopes;
accuracy in %.
"""

PLACES = {"append": "position appended", "spatial": "spatial", "pyramid": "pyramid"}


def words(setting: Setting) -> str:
    norms = {
        (1.0, None): "plain",
        (0.5, None): "power",
        (0.5, "l2"): "power + L2",
        (0.5, "intra+l2"): "power + intra + L2",
    }
    parts = [str(setting.features), f"K = {setting.components}", norms[setting.power, setting.norm]]
    return ", ".join([*parts, PLACES[setting.place.partition(" ")[0]]] if setting.place else parts)


def percent(values: list[float]) -> str:
    return f"{100 * np.mean(values):.2f} ± {100 * np.std(values):.2f}" if len(values) > 1 else f"{100 * values[0]:.2f}"


def table(results: dict[str, Any]) -> str:
    scores = ["R@1, %", "mAP, %"] if results["retrieval"] else ["accuracy, %"]
    head = ["encoder", "length", *scores, "fit, s", "encode, s", "compare, s" if results["retrieval"] else "SVM, s"]
    lines = ["| " + " | ".join(head) + " |", "|---" + (len(head) - 1) * "|---:" + "|"]
    for name, row in [*results["rows"].items(), ("**chosen**", results["chosen"])]:
        cells = [name, f"{np.mean(row['columns']):,.0f}", percent(row["test"])]
        cells += [percent(row["precision"])] if results["retrieval"] else []
        cells += [f"{np.mean(row[f'{part}_seconds']):.1f}" for part in ("fit", "encode", "svm")]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def ladders(all_results: dict[str, dict[str, Any]]) -> str:
    """Accuracy by the number of components, the accuracy on the folds of the training part, and the time."""
    named = {results["title"]: results["ladder"] for results in all_results.values() if results["ladder"]}
    steps = list(next(iter(named.values())))
    lines = ["| data set | " + " | ".join(f"K = {k}" for k in steps) + " |", "|---" + len(steps) * "|---:" + "|"]
    for title, rungs in named.items():
        held = [f"{100 * np.mean(rungs[k]['validation']):.2f}" for k in steps]
        seconds = [f"{np.mean(rungs[k]['fit_seconds']) + np.mean(rungs[k]['encode_seconds']):.1f}" for k in steps]
        rows = {
            title: [percent(rungs[k]["test"]) for k in steps],
            "... on the folds": held,
            "... fit and encode, s": seconds,
        }
        lines += [f"| {name} | " + " | ".join(cells) + " |" for name, cells in rows.items()]
    return "\n".join(lines)


def verdict(ours: list[float], target: float, tested: int) -> str:
    """Whether the target is reached, or missed by less than the standard error of a share."""
    if np.mean(ours) >= target:
        return "reached"
    return "within a standard error" if np.mean(ours) >= target - np.sqrt(target * (1 - target) / tested) else "missed"


def summary(all_results: dict[str, dict[str, Any]]) -> str:
    lines = [
        "| data set | chosen on the training part | ours, % | target, % | | floor, % | published |",
        "|---|---|---:|---:|---|---:|---|",
    ]
    for results in all_results.values():
        settings = results["chosen"]["settings"]
        setting, times = Counter(settings).most_common(1)[0]
        often = f" ({times} of {len(settings)})" if len(settings) > 1 else ""
        floor = percent(next(iter(results["rows"].values()))["test"])
        goals = [("test", results["target"], "R@1 " if results["retrieval"] else "")]
        goals += [("precision", results["precision_target"], "mAP ")] if results["retrieval"] else []
        ours = ", ".join(word + percent(results["chosen"][key]) for key, _, word in goals)
        wanted = ", ".join(f"{word}{100 * target:.1f}" for _, target, word in goals)
        verdicts = ", ".join(verdict(results["chosen"][key], target, results["tested"]) for key, target, _ in goals)
        cells = [results["title"], setting + often, ours, wanted, verdicts, floor, results["published"]]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def sentences(results: dict[str, Any]) -> str:
    """What the normalisation and the position gained or cost, and which related encoder is ahead."""
    rows = {name: row["test"] for name, row in results["rows"].items()}
    both = rows[NORMALISED]
    plain = next(scores for name, scores in rows.items() if name.endswith("plain"))
    said = [f"Power and L2 normalisation {difference(both, plain)}."]
    # The last of each kind is the one of the Fisher vector's length.
    relatives = [[name for name in rows if kind in name and "+" not in name][-1] for kind in ("bag of words", "VLAD")]
    behind = [f"{standing(both, rows[name])} {name}, by {difference(both, rows[name], False)}" for name in relatives]
    said.append(f"With both, the Fisher vector is {' and '.join(behind)}.")
    additions = {
        name.removeprefix(f"{NORMALISED} + "): difference(scores, both)
        for name, scores in rows.items()
        if name.startswith(f"{NORMALISED} + ")
    }
    said.append(f"On top of power and L2, each by itself, {'; '.join(' '.join(pair) for pair in additions.items())}.")
    return " ".join(said)


def standing(ours: list[float], theirs: list[float]) -> str:
    return "ahead of" if np.mean(ours) > np.mean(theirs) else "behind"


def difference(after: list[float], before: list[float], verb: bool = True) -> str:
    """What a change gained or cost, pair by pair."""
    points = 100 * (np.array(after) - np.array(before))
    spread = f" ± {points.std():.2f}" if len(points) > 1 else ""
    word = "" if not verb else "gained " if points.mean() > 0 else "cost "
    return f"{word}{abs(points.mean()):.2f}{spread} points"


def section(results: dict[str, Any]) -> str:
    chosen = Counter(results["chosen"]["settings"]).most_common()
    minutes = round(results["seconds"] / 60)
    return "\n\n".join([
        f"## {results['title']}",
        f"{results['protocol']}. Features of the table: {results['features']}.",
        table(results),
        sentences(results),
        f"Chosen among {len(results['tried'])} settings: {'; '.join(f'{setting} ({n})' for setting, n in chosen)}. "
        f"All of this took {minutes} minute{'s' * (minutes != 1)}.",
    ])  # fmt: skip


def write(all_results: dict[str, dict[str, Any]]) -> None:
    penalties = ", ".join(f"{penalty:g}" for penalty in PENALTIES)
    numbers = {"penalties": penalties, "folds": FOLDS, "few": f"{FEW:,}", "folds_of_few": FOLDS_OF_FEW}
    numbers |= {"repeats": REPEATS, "many": f"{MANY:,}", "held": f"{HELD:,}", "epochs": EPOCHS, "sample": f"{SAMPLE:,}"}
    numbers |= {"longest": f"{LONGEST:,}", "dimensions": " or ".join(map(str, DIMENSIONS))}
    parts = [INTRODUCTION.format(**numbers).strip(), summary(all_results), *map(section, all_results.values())]
    if any(results["ladder"] for results in all_results.values()):
        parts += [LADDER.strip(), ladders(all_results)]
    PAGE.write_text("\n\n".join(parts) + "\n")
    print(f"Wrote {PAGE.relative_to(ROOT)}")
    chart.write(chart.accuracy, PAGE)

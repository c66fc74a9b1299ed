"""docs/accuracy.md out of the results."""

from collections import Counter
from typing import Any

import numpy as np
from data import ROOT
from protocol import FEW, FOLDS, PENALTIES, REPEATS, Setting

PAGE = ROOT / "docs/accuracy.md"
INTRODUCTION = """# Accuracy

How well Fisher vectors, and what they compete with, tell real images and recordings apart. `make accuracy` measures it
and writes this page; the numbers do not depend on the machine, the seconds do.

* **Floor**: the mean and the standard deviation of a set's descriptors. An encoder that is not above it is not worth
  its price.
* Behind each encoder stands a linear SVM (scikit-learn's `SVC`, one class against one) whose C, one of {penalties}, is
  chosen by {folds} folds of the training part. Vectors are divided by one number, the root mean square of their norms
  on the training part; those of the floor are standardised.
* Codebooks (k-means, mixture, PCA) are learned from the descriptors of the training part, without its labels. Where it
  has fewer than {few} sets each fold learns a codebook of its own, {repeats} times over: a mixture that knows the sets
  of a fold makes them look unlike new ones, and large mixtures worse than they are.
* **Chosen** is the Fisher vector that is best on the folds of the training part, for each split anew, among those of
  the table and a grid (K, normalisation, place, features). The test part is looked at once, by what was chosen.
* **Target** is what an earlier pipeline reached with the settings that were best on the *test* part.
* ± is the standard deviation over splits or seeds; seconds are of one split, on two cores.
"""


def words(setting: Setting) -> str:
    norms = {(1.0, None): "plain", (0.5, None): "power", (0.5, "l2"): "power + L2"}
    parts = [str(setting.features), f"K = {setting.components}", norms[setting.power, setting.norm]]
    return ", ".join([*parts, f"place: {setting.place}"] if setting.place else parts)


def percent(values: list[float]) -> str:
    return f"{100 * np.mean(values):.2f} ± {100 * np.std(values):.2f}" if len(values) > 1 else f"{100 * values[0]:.2f}"


def table(results: dict[str, Any]) -> str:
    lines = [
        "| encoder | length | accuracy, % | fit, s | encode, s | SVM, s |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    for name, row in [*results["rows"].items(), ("**chosen**", results["chosen"])]:
        seconds = " | ".join(f"{np.mean(row[f'{part}_seconds']):.1f}" for part in ("fit", "encode", "svm"))
        length = f"{np.mean(row['columns']):,.0f}"
        lines.append(f"| {name} | {length} | {percent(row['test'])} | {seconds} |")
    return "\n".join(lines)


def verdict(results: dict[str, Any]) -> str:
    """Whether the target is reached, within a standard error."""
    ours, target = np.mean(results["chosen"]["test"]), results["target"]
    error = np.sqrt(target * (1 - target) / results["tested"])
    if ours >= target:
        return "reached"
    return "within a standard error" if ours >= target - error else "missed"


def summary(all_results: dict[str, dict[str, Any]]) -> str:
    lines = [
        "| data set | chosen on the training part | Fisher vector, % | target, % | | floor, % | published |",
        "|---|---|---:|---:|---|---:|---|",
    ]
    for results in all_results.values():
        settings = results["chosen"]["settings"]
        setting, times = Counter(settings).most_common(1)[0]
        often = f" ({times} of {len(settings)})" if len(settings) > 1 else ""
        floor = percent(next(iter(results["rows"].values()))["test"])
        cells = [results["title"], setting + often, percent(results["chosen"]["test"])]
        cells += [f"{100 * results['target']:.1f}", verdict(results), floor, results["published"]]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def sentences(results: dict[str, Any]) -> str:
    rows = results["rows"]

    def of(*parts: str, without: str = " + xy + time") -> list[float]:
        """The test scores of the last row whose name has these parts."""
        return [row["test"] for name, row in rows.items() if all(part in name for part in parts)][-1]

    plain, both = of("plain"), next(row["test"] for name, row in rows.items() if name == "... + power + L2")
    words_ = [(name, row) for name, row in rows.items() if "bag" in name and "+" not in name][-1]
    vlad = [(name, row) for name, row in rows.items() if "VLAD" in name and "+" not in name][-1]
    first, second = sorted((words_, vlad), key=lambda pair: -np.mean(pair[1]["test"]))
    said = [
        f"Power and L2 normalisation {difference(both, plain)}.",
        f"Of the relatives at the Fisher vector's length, {first[0]} is ahead of {second[0]}: "
        f"{percent(first[1]['test'])} to {percent(second[1]['test'])} %.",
    ]
    for name, row in rows.items():
        if name.startswith("... + power + L2 + "):
            said.append(f"{name.removeprefix('... + power + L2 + ').capitalize()} {difference(row['test'], both)}.")
    return " ".join(said)


def difference(after: list[float], before: list[float]) -> str:
    """What a change gave or cost, pair by pair."""
    points = 100 * (np.array(after) - np.array(before))
    verb = "gave" if points.mean() > 0 else "cost"
    spread = f" ± {points.std():.2f}" if len(points) > 1 else ""
    return f"{verb} {abs(points.mean()):.2f}{spread} points"


def write(all_results: dict[str, dict[str, Any]]) -> None:
    penalties = ", ".join(f"{penalty:g}" for penalty in PENALTIES)
    text = [
        INTRODUCTION.format(penalties=penalties, folds=FOLDS, few=f"{FEW:,}", repeats=REPEATS),
        summary(all_results),
    ]
    for results in all_results.values():
        text += [
            f"## {results['title']}",
            f"{results['protocol']}. Features of the table: `{results['features']}`. Published: {results['published']}.",
            table(results),
            sentences(results),
            f"Chosen among {results['grid']} settings: "
            + "; ".join(f"{setting} ({n})" for setting, n in Counter(results["chosen"]["settings"]).most_common())
            + ".",
        ]
    PAGE.write_text("\n\n".join(part.rstrip("\n") for part in text) + "\n")
    print(f"written: {PAGE.relative_to(ROOT)}")

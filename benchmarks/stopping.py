"""`make stopping`: when a fit may stop, and which posteriors its passes may drop. It writes docs/stopping.md.

On each data set of docs/accuracy.md, with five splits or seeds, a mixture is fitted by every rule below from the same
start. A rule is a `tol` and a posterior threshold of the fit; encodings keep the threshold of the defaults. The
differences to the first rule are paired over the splits. Results are kept in data/accuracy/stopping/, one file per data
set; ARGS="--only digits,vowels --again" measures again.
"""

import argparse
import json
import os
import sys
import time
import warnings
from pathlib import Path

for variable in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "FISHERVEC_NUM_THREADS"):
    os.environ.setdefault(variable, "1")

import numpy as np  # noqa: E402
from sklearn.exceptions import ConvergenceWarning  # noqa: E402

from fishervec import FisherVector, GaussianMixture  # noqa: E402

HERE = Path(__file__).resolve().parent
sys.path.append(str(HERE / "accuracy"))

import data  # noqa: E402
import protocol  # noqa: E402
import retrieval  # noqa: E402
from settings import PLANS  # noqa: E402

FOLDER = data.FOLDER / "stopping"
PAGE = HERE.parent / "docs/stopping.md"
#: (tol, threshold); the first is what the others are compared with, and 0 is the threshold of encodings. The second
#: is the same from another start, which shows how much chance is in a fit.
RULES = [
    (1e-3, 0), (1e-3, 0, "another start"),
    (3e-3, 0), (1e-2, 0), (1e-3, 1e-6), (1e-3, 1e-5), (1e-3, 1e-4), (3e-3, 1e-5), (1e-2, 1e-5),
]  # fmt: skip
#: The posterior threshold of encodings.
THRESHOLD = {"float32": 1e-7, "float64": 1e-14}
#: Maximum number of rows that are held out, and of images of Fashion-MNIST.
HELD, IMAGES = 50_000, 8_000
MEASURES = ("passes", "seconds", "held_out", "score")


class Stopped(protocol.Split):
    """A split whose vectors are given: the folds that choose C share one codebook."""

    few = False

    def __init__(self, split, vectors):
        super().__init__(split.data, split.train, split.test, split.seed)
        self.vectors = vectors

    def encode(self, setting):
        return protocol.Encoded(self.vectors, 0.0, 0.0)


def load(name):
    """The data set, with five splits; of Fashion-MNIST a part."""
    data.FEWER = data.SEEDS
    found = PLANS[name].load()
    if len(found.splits) == 1:
        some = np.random.default_rng(0).permutation(len(found.inputs))[:IMAGES]
        labels = found.labels[some]
        found = found._replace(inputs=found.inputs[some], labels=labels, splits=data.shuffled(labels, train_size=0.8))
    return found


def some_rows(sets, chosen, count, seed):
    """At most `count` rows of the chosen sets."""
    rows = np.concatenate([sets[i] for i in chosen])
    rows = rows[np.random.default_rng(seed).permutation(len(rows))[:count]]
    return rows.astype(np.float32) if rows.dtype == np.float16 else rows


def fit(rows, components, rule, seed):
    """The mixture by a rule, and the CPU seconds of its fit."""
    tol, threshold, *another = rule
    template = GaussianMixture(components, tol=tol, reg_covar=0.0, variance_floor=1e-3)
    seed += 1000 * len(another)
    encoder = FisherVector(
        mixture=template, threshold=threshold or THRESHOLD[rows.dtype.name], sample=len(rows), random_state=seed
    )
    started = time.process_time()
    encoder.fit([rows])
    return encoder.mixture_, time.process_time() - started


def measure(name):
    plan, found = PLANS[name], load(name)
    out = {"title": found.title, "components": plan.components, "rules": {str(rule): [] for rule in RULES}}
    judge, setting = retrieval.score if found.retrieval else protocol.score, protocol.Setting(plan.features)
    for seed, (train, test) in enumerate(found.splits):
        split = protocol.Split(found, train, test, seed)
        sets = split.sets(plan.features, "")
        rows = some_rows(sets, train, min(1000 * plan.components, protocol.SAMPLE), seed)
        held_out = some_rows(sets, test, HELD, seed)
        out |= {"rows": len(rows), "dtype": rows.dtype.name}
        for rule in RULES:
            mixture, seconds = fit(rows, plan.components, rule, seed)
            vectors = FisherVector(mixture=mixture).fit(sets[:1]).transform(sets)
            score = judge(Stopped(split, np.float32(vectors)), setting).test
            result = (mixture.n_iter_, seconds, float(mixture.score(held_out)), 100 * score)
            out["rules"][str(rule)].append(dict(zip(MEASURES, result, strict=True)))
            print(name, seed, rule, *(f"{x:.4g}" for x in result), flush=True)
    return out


def difference(found, rule, measure):
    """The mean difference to the first rule, and its standard error over the splits."""
    both = ([one[measure] for one in found["rules"][str(r)]] for r in (rule, RULES[0]))
    differences = np.subtract(*both)
    return differences.mean(), differences.std(ddof=1) / np.sqrt(len(differences))


def ratio(found, rule, measure):
    """How many times less of something a rule needs than the first, as the median over the splits."""
    first, this = (np.array([one[measure] for one in found["rules"][str(r)]]) for r in (RULES[0], rule))
    return float(np.median(first / this))


def label(rule):
    tol, threshold, *another = rule
    words = [f"{number:.0e}".replace("e-0", "e-") if number else "1e-7, 1e-14" for number in (tol, threshold)]
    return ", ".join([words[0], *another]), words[1]


def faster(rule, times):
    """A ratio of times in words; another start has other work to do."""
    return "" if rule[2:] else f"{times:.1f}"


def has(found, rule):
    """Whether a rule was measured: stored results may be older than it is."""
    return str(rule) in found["rules"]


def table(found):
    for rule in (rule for rule in RULES if has(found, rule)):
        passes = np.mean([one["passes"] for one in found["rules"][str(rule)]])
        cells = [*label(rule), f"{passes:.0f}", "" if rule[2:] else faster(rule, ratio(found, rule, "seconds"))]
        for measure, digits in (("held_out", 3), ("score", 2)):
            mean = np.mean([one[measure] for one in found["rules"][str(rule)]])
            change, error = difference(found, rule, measure)
            cells.append(f"{mean:.{digits}f}" if rule == RULES[0] else f"{change:+.{digits}f} ± {error:.{digits}f}")
        yield f"| {' | '.join(cells)} |"


def summary(results):
    """One row per rule: over the sets, and on how many of them more is lost than a standard error."""
    every = results
    for rule in RULES[1:]:
        results = [found for found in every if has(found, rule)]
        changes = [difference(found, rule, "score") for found in results]
        lost = [found["title"] for found, (mean, error) in zip(results, changes, strict=True) if mean + error < 0]
        mean = np.mean([mean for mean, _ in changes])
        error = np.sqrt(np.sum([error**2 for _, error in changes])) / len(changes)
        held = np.mean([difference(found, rule, "held_out")[0] for found in results])
        passes, seconds = (np.median([ratio(found, rule, m) for found in results]) for m in ("passes", "seconds"))
        words = f"{len(lost)} ({', '.join(lost)})" if lost else "0"
        cells = (
            *label(rule),
            f"{len(results)}",
            f"{passes:.1f}",
            faster(rule, seconds),
            f"{held:+.3f}",
            f"{mean:+.2f} ± {error:.2f}",
            words,
        )
        yield f"| {' | '.join(cells)} |"


def page(results):
    lines = [
        "# When may a fit stop?",
        "",
        "Written by `make stopping`. A fit ends once a pass changes the mean log-likelihood by less than `tol`, in",
        "nats, as in scikit-learn. A pass drops posteriors below a *threshold* of the largest of their descriptor:",
        "encodings use 1e-7 in float32 and 1e-14 in float64. Fewer passes, and passes that drop more, take",
        "less time; here is what is lost. The data sets, their features and their five splits or seeds are those of",
        f"the [accuracy page](accuracy.md) (of Fashion-MNIST {IMAGES:,} images); K is that of its tables. The score",
        "is accuracy, or R@1 for the emoji, in per cent; *held out* is the mean log-likelihood of test descriptors in",
        "nats. Differences to the first row, of tol 1e-3, are paired over the splits, ± is their standard error; those",
        "of another start, with other seeds of k-means++, show how much chance is in a fit. Encodings use",
        "their own threshold. *Faster* is a ratio of CPU seconds of whole fits, with their start, one after the other.",
        "",
        "| tol | threshold | data sets | fewer passes | faster | held out | score | sets that lose more than ± |",
        "|---|---|---|---|---|---|---|---|",
        *summary(results),
    ]
    for found in results:
        lines += [
            "",
            f"## {found['title'][0].upper()}{found['title'][1:]}",
            "",
            f"{found['rows']:,} rows of {found['dtype']}, K = {found['components']}.",
            "",
            "| tol | threshold | passes | faster | held out | score |",
            "|---|---|---|---|---|---|",
            *table(found),
        ]
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default=",".join(PLANS), help="data sets to measure; the results on the others stay")
    parser.add_argument("--again", action="store_true", help="measure again what was measured before")
    options = parser.parse_args()
    warnings.simplefilter("ignore", ConvergenceWarning)
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name in options.only.split(","):
        path = FOLDER / f"{name}.json"
        if options.again or not path.exists():
            path.write_text(json.dumps(measure(name), indent=1))
    stored = [FOLDER / f"{name}.json" for name in PLANS]
    PAGE.write_text(page([json.loads(path.read_text()) for path in stored if path.exists()]))


if __name__ == "__main__":
    main()

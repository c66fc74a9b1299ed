#!/usr/bin/env python3
"""`make accuracy`: measure how well the encoders do on real data, and write docs/accuracy.md.

python benchmarks/accuracy/accuracy.py [--only digits,...] [--again] [--quick]
"""

import argparse
import json
import os
import sys
import time
import warnings
from typing import Any

# These must be set before NumPy is imported.
for variable in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "FISHERVEC_NUM_THREADS"):
    os.environ.setdefault(variable, "2")

import data  # noqa: E402
import numpy as np  # noqa: E402
import report  # noqa: E402
import retrieval  # noqa: E402
from protocol import Score, Setting, Split, score  # noqa: E402
from settings import PLANS, Plan, ladder, rows  # noqa: E402
from sklearn.exceptions import ConvergenceWarning  # noqa: E402

RESULTS = data.FOLDER / "results"
QUICK = ("digits", "vowels")


def measure(plan: Plan, found: data.Data) -> dict[str, Any]:
    """Every row and every setting of the grid, on every split."""
    started = time.perf_counter()
    columns = _columns(plan, found)
    named = rows(plan, columns)
    by_components = ladder(plan)
    settings = sorted({*named.values(), *by_components.values(), *plan.grid}, key=repr)
    scores: dict[Setting, list[Score]] = {setting: [] for setting in settings}
    for i, (train, test) in enumerate(found.splits):
        split = Split(found, train, test, i)
        for j, setting in enumerate(settings):
            scores[setting].append((retrieval.score if found.retrieval else score)(split, setting))
            done = f"split {i + 1} of {len(found.splits)}, setting {j + 1} of {len(settings)}"
            print(f"{found.title}: {done}, {time.perf_counter() - started:.0f} s", flush=True)
    return {
        **{key: value for key, value in found._asdict().items() if key not in ("inputs", "labels", "splits")},
        "tested": len(np.unique(np.concatenate([test for _, test in found.splits]))),
        "features": str(plan.features),
        "rows": {row: _record(scores[setting]) for row, setting in named.items()},
        "ladder": {k: _record(scores[setting]) for k, setting in by_components.items()},
        "chosen": choose(scores, found.splits),
        "tried": {
            report.words(setting): _record(scores[setting]) for setting in settings if setting.encoder == "fisher"
        },
        "seconds": time.perf_counter() - started,
    }


def choose(scores: dict[Setting, list[Score]], splits: data.Splits) -> dict[str, Any]:
    """For each split the Fisher vector that is best on the folds of its training part.

    If all splits have the same training part, and differ only in the seed, there is one choice for all.
    """
    fisher = [setting for setting in scores if setting.encoder == "fisher"]
    validation = np.array([[one.validation for one in scores[setting]] for setting in fisher])
    if len(splits) > 1 and np.array_equal(splits[0][0], splits[1][0]):
        validation[:] = validation.mean(axis=1, keepdims=True)
    best = [fisher[k] for k in validation.argmax(axis=0)]
    settings = [report.words(setting) for setting in best]
    return _record([scores[setting][i] for i, setting in enumerate(best)]) | {"settings": settings}


def _record(scores: list[Score]) -> dict[str, Any]:
    return {field: [getattr(one, field) for one in scores] for field in Score._fields}


def _columns(plan: Plan, found: data.Data) -> int:
    """The number of columns of a descriptor of the table, without its position."""
    few = np.arange(min(100, len(found.inputs)))
    return plan.features.sets(found.inputs[: len(few)], few, 0)[0].shape[1] - plan.features.position_columns


def run(name: str, again: bool) -> dict[str, Any]:
    """The results on a data set: the stored ones, or new ones."""
    path = RESULTS / f"{name}.json"
    if again or not path.exists():
        RESULTS.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(measure(PLANS[name], PLANS[name].load()), indent=1))
    return json.loads(path.read_text())


def quick() -> int:
    """Print the tables of the small data sets, on two splits each; return 1 if a chosen one is below its minimum."""
    failed = 0
    for name in QUICK:
        plan = PLANS[name]._replace(grid=[], ladder=())
        found = plan.load()
        results = measure(plan, found._replace(splits=found.splits[:2]))
        print(report.table(results))
        reached = np.mean(results["chosen"]["test"])
        right = reached >= plan.least
        print(f"\n{name}: {reached:.2%}, {'good' if right else 'TOO LOW'}: the minimum is {plan.least:.0%}\n")
        failed += not right
    return 1 if failed else 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default=",".join(PLANS), help="data sets to measure; the results on the others stay")
    parser.add_argument("--again", action="store_true", help="measure again what was measured before")
    parser.add_argument(
        "--quick", action="store_true", help="check two small data sets against their minimum; write nothing"
    )
    options = parser.parse_args()
    warnings.simplefilter("ignore", ConvergenceWarning)
    if options.quick:
        return quick()
    for name in options.only.split(","):
        run(name, options.again)
        report.write({known: run(known, False) for known in PLANS if (RESULTS / f"{known}.json").exists()})
    return 0


if __name__ == "__main__":
    sys.exit(main())

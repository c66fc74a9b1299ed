"""`make costs`: what a pass over descriptors costs on one core, and what that makes of large ones (docs/scaling.md).

Descriptors are those of `make sampling`, D = 64. Times are CPU time of one thread, the least of several runs, so that
a busy machine changes little. The tables are projections from one core: nothing here runs on several machines.
"""

import argparse
import time
import warnings

import pyarrow as pa
from sampling import descriptors
from sklearn.exceptions import ConvergenceWarning

from fishervec import Climb, FisherVector, GaussianMixture, Statistics
from fishervec.arrow import accumulate

D = 64
COMPONENTS = (16, 64, 256, 1024)
TYPES = ("float16", "float32", "float64")
#: Rows that are accumulated together.
BLOCK = 65_536
#: The rows, machines and bandwidths of the projections; a row is 64 numbers of 2 bytes.
ROWS = {"10^9 rows (128 GB)": 1e9, "10^12 rows (128 TB)": 1e12}
CORES = (64, 1000)
BANDWIDTHS = (2, 10, 100)


def least(work, seconds=0.5):
    """The least CPU time of runs of `work`, for so many seconds in all."""
    times = []
    while sum(times) < seconds or len(times) < 3:
        start = time.process_time()
        work()
        times.append(time.process_time() - start)
    return min(times)


def rates(x, k):
    """Rows a second of a round, by number type, of record batches, and of an encoding; the costs of statistics."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        gmm = GaussianMixture(k, max_iter=5, random_state=0, n_jobs=1).fit(x[: max(50 * k, BLOCK)])
    sets = {name: x[:BLOCK].astype(name) for name in TYPES}
    rows = {name: BLOCK / least(lambda rows=rows: gmm.statistics([rows])) for name, rows in sets.items()}
    encoder = FisherVector(mixture=gmm, n_jobs=1).fit([sets["float32"]])
    each = list(sets["float32"].reshape(-1, 1024, D))
    lists = pa.FixedSizeListArray.from_arrays(sets["float32"].ravel(), D)
    table = pa.table({"x": pa.ListArray.from_arrays(range(0, BLOCK + 1, 1024), lists)})
    round_of_batches = accumulate(Climb(encoder).model)
    batches = BLOCK / least(lambda: round_of_batches(table))
    encoding = BLOCK / least(lambda: encoder.transform(each))
    a, b = gmm.statistics([x[: BLOCK // 2], x[BLOCK // 2 : BLOCK]])
    data = a.to_bytes()
    costs = [least(work, 0.2) for work in (a.to_bytes, lambda: Statistics.from_bytes(data), lambda: a + b)]
    return rows, batches, encoding, len(data), costs


def spelled(seconds):
    """A duration with two digits."""
    for unit, size in (("d", 86_400), ("h", 3600), ("min", 60), ("s", 1)):
        if seconds >= 2 * size or unit == "s":
            return f"{seconds / size:.2g} {unit}" if seconds / size < 100 else f"{seconds / size:.0f} {unit}"
    raise AssertionError


def measured(x):
    """The table of one core, and the rate of float16 at each K."""
    print("| K | f16, f32 | f64 | record batches | encode | statistics | write | read | add |")
    print("|---|---|---|---|---|---|---|---|---|")
    found = {}
    for k in COMPONENTS:
        rows, batches, encoding, size, costs = rates(x, k)
        numbers = [n / 1e6 for n in (*(rows[name] for name in TYPES), batches, encoding)]
        half, single, double, arrow, vectors = (f"{number:.2g}" for number in numbers)
        milliseconds = " | ".join(f"{1e3 * cost:.2g} ms" for cost in costs)
        print(
            f"| {k:,} | {half}, {single} M rows/s | {double} M | {arrow} M | {vectors} M | {size / 1e3:,.0f} KB "
            f"| {milliseconds} |",
            flush=True,
        )
        found[k] = min(rows["float16"], rows["float32"])
    return found


def projected(rate):
    """The table of large passes at K = 256."""
    print(f"\n| a pass | {' | '.join(ROWS)} |\n|---|---|---|")
    for cores in CORES:
        print(f"| {cores:,} cores compute | " + " | ".join(spelled(n / cores / rate) for n in ROWS.values()) + " |")
    for gigabytes in BANDWIDTHS:
        times = (spelled(n * 2 * D / gigabytes / 1e9) for n in ROWS.values())
        print(f"| reading at {gigabytes} GB/s | " + " | ".join(times) + " |")
    for name, passes in (("`fit --polish 3`", 3), ("EM until it converges, 60 passes", 60)):
        for cores, gigabytes in ((64, 10), (1000, 100)):
            each = (passes * max(n / cores / rate, n * 2 * D / gigabytes / 1e9) for n in ROWS.values())
            print(f"| {name}, {cores:,} cores, {gigabytes} GB/s | " + " | ".join(map(spelled, each)) + " |")
    print(f"\nAt 10 GB/s {10e9 / (2 * D * rate):.0f} cores are as fast as the reading.")


if __name__ == "__main__":
    argparse.ArgumentParser(description=__doc__.partition("\n")[0]).parse_args()
    found = measured(descriptors())
    projected(found[256])

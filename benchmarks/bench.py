#!/usr/bin/env python3
"""`make bench`: fishervec and its peers on real data, in turns, with every answer checked. See README.md.

python benchmarks/bench.py [--full] [--only JOB,...] [--threads 1,2] [--against FOLDER]

With --against the only peer is another fishervec, "before": that of a folder that holds fishervec/ with its compiled
module. Each ratio is then before / now.
"""

import argparse
import csv
import subprocess
import sys
from pathlib import Path
from statistics import median

import chart
import descriptors
import machine
import turns
from job import OURS
from jobs import JOBS

COLUMNS = [
    "job", "threads", "peer", "milliseconds", "fastest", "error", "ratio_min", "ratio_median", "ratio_max",
    "share_of_peak", "extra_memory_mb",
]  # fmt: skip
FULL_ONLY = {"W6"}
SCALED = {"W1", "W2", "W4", "W5", "W6"}
MEMORY = {"W5": 200_000, "W6": 1_000_000}
#: A job whose fishervec is no Python package.
RUST = {"kmeans"}


# ---- measuring --------------------------------------------------------------------------------------


def measure(name, job, calls, error, n_threads, peak):
    """One row of the record per peer, of `calls`, which take the number of threads and whether to return the answer.

    Each round calls all peers in turn; the first is the check, and a warm-up unless the calls are long.
    """
    errors, times = {}, {peer: [] for peer in calls}
    for round_ in range(job.rounds + job.warm_up):
        for peer, call in calls.items():
            if round_ == 0:
                seconds, answer = call(n_threads, True)
                errors[peer] = error(peer, answer)
            elif not errors[peer] > job.tolerance:
                seconds, _ = call(n_threads, False)
            if not errors[peer] > job.tolerance and (round_ or not job.warm_up):
                times[peer].append(seconds)
    return [row(name, job, n_threads, peak, peer, errors[peer], times) for peer in calls]


def row(name, job, n_threads, peak, peer, error, times):
    out = {"job": name, "threads": n_threads, "peer": peer, "error": f"{error:.1e}"}
    seconds = times[peer]
    if not seconds:
        return out
    out |= {"milliseconds": f"{median(seconds) * 1e3:.4g}", "fastest": f"{min(seconds) * 1e3:.4g}"}
    double = peer.endswith("f64") or job.float_type == "float64"
    if job.flops:
        share = job.flops / median(seconds) / 1e9 / peak["float64" if double else "float32"]
        out["share_of_peak"] = f"{share:.3f}"
    ours = mine(peer, times)
    if peer != ours and times[ours]:
        ratios = [theirs / own for theirs, own in zip(seconds, times[ours], strict=True)]
        out |= {f"ratio_{f.__name__}": f"{f(ratios):.3g}" for f in (min, median, max)}
    return out


def mine(peer, times):
    """The peer that another one is compared with: ours, in the same float type where there are two."""
    double = f"{OURS} f64"
    return double if peer != double and peer.endswith("f64") and double in times else OURS


def scaling(name, job, call, few, many):
    """How many times as fast ours is on `many` threads as on `few`, measured in turns."""
    times = {few: [], many: []}
    for _ in range(job.rounds):
        for n, seconds in times.items():
            seconds.append(call(n)[0])
    ratios = [one / other for one, other in zip(times[few], times[many], strict=True)]
    numbers = (f"{function(ratios):.3g}" for function in (min, median, max))
    found = {"job": f"{name} scaling", "threads": many, "peer": OURS}
    return found | dict(zip(("ratio_min", "ratio_median", "ratio_max"), numbers, strict=True))


def memory(name, peer_names):
    """The memory in MB that the fit of each peer needs beside the data."""
    for peer in peer_names:
        command = [sys.executable, machine.HERE / "memory.py", peer, str(MEMORY[name])]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        yield {"job": f"{name} memory", "threads": 2, "peer": peer, "extra_memory_mb": done.stdout.strip()}


def show(title, rows):
    print(f"\n{title}", flush=True)
    head = f"  {'threads':>7}  {'peer':<16} {'ms':>8} {'fastest':>8} {'error':>8}"
    print(f"{head}  {'peer / ours: min median max':>27}  {'of peak':>7}")
    for row in rows:
        if "extra_memory_mb" in row:
            print(f"  {row['threads']:>7}  {row['peer']:<16} data + {row['extra_memory_mb']} MB")
            continue
        ratios = "".join(f"{row.get(key, ''):>9}" for key in ("ratio_min", "ratio_median", "ratio_max"))
        if row["job"].endswith("scaling"):
            print(f"  {row['threads']:>7}  {row['peer'] + ': one thread / this':<43}  {ratios}")
            continue
        share = f"{float(row['share_of_peak']):>7.0%}" if "share_of_peak" in row else ""
        share = share if "milliseconds" in row else "  WRONG: not timed"
        numbers = f"{row.get('milliseconds', ''):>8} {row.get('fastest', ''):>8} {row['error']:>8}"
        print(f"  {row['threads']:>7}  {row['peer']:<16} {numbers}  {ratios}  {share}")


def job_rows(name, counts, peaks, more, against):
    """The rows of a job with `more` times its rounds, which are shown, too."""
    job = JOBS[name]()
    job = job._replace(rounds=job.rounds * more)
    error = job.judge()
    names = list(job.peers)
    if against:
        ours = [peer for peer in names if peer.startswith(OURS)]
        names = [other for peer in ours for other in (peer, peer.replace(OURS, turns.BEFORE))]
    packages = {peer: against for peer in names if peer.startswith(turns.BEFORE)}
    with turns.of(name, names, packages) as calls:
        rows = [row for n in counts for row in measure(name, job, calls, error, n, peaks[n])]
        if name in SCALED and len(counts) == 2:
            rows.append(scaling(name, job, calls[OURS], *counts))
    rows += memory(name, job.peers) if name in MEMORY and not against else []
    show(job.title, rows)
    return rows


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--full", action="store_true", help="include W6, which has a million rows")
    parser.add_argument("--only", default="", help="jobs to run, such as W1,kmeans; the result is not recorded")
    parser.add_argument("--threads", default="1,2", help="numbers of threads, such as 1,2")
    parser.add_argument("--rounds", type=int, default=1, help="how many times as many rounds as usual")
    parser.add_argument("--against", type=Path, help="a folder with another fishervec/, the only peer then")
    parser.add_argument("--output", type=Path, help="write the rows to this file instead of the record and its chart")
    return parser.parse_args()


def main():
    options = arguments()
    machine.refuse_coretype()
    if options.against and not (options.against / "fishervec/__init__.py").is_file():
        sys.exit(f"expected a folder that holds fishervec/, got {options.against}")
    descriptors.prepare()
    skipped = (FULL_ONLY if not options.full else set()) | (RUST if options.against else set())
    names = [n for n in options.only.split(",") if n] or [n for n in JOBS if n not in skipped]
    counts = [int(n) for n in options.threads.split(",")]
    recorded = not (options.only or options.against) or options.output
    head = machine.describe(descriptors.FOLDER / "sift64.npy") if recorded else {}
    peaks = {n: machine.fma_peak(n) for n in counts}
    for n, peak in peaks.items():
        head[f"fma peak, {n} thread{'s' * (n > 1)}"] = ", ".join(f"{t} {g:.0f} GFLOP/s" for t, g in peak.items())
    for key, value in head.items():
        print(f"{key:<20} {value}")

    rows, others = [], machine.Others()
    for name in names:
        rows += job_rows(name, counts, peaks, options.rounds, options.against)
        if options.output:
            # What has been measured is kept if the rest is not waited for.
            write(options.output, head, rows)
    head["other processes"] = str(others)
    print(f"\nother processes {others}")
    if options.output:
        write(options.output, head, rows)
    elif recorded:
        path = machine.record("")
        write(path, head, rows)
        print(f"Wrote {path.relative_to(machine.HERE.parent)}")
        chart.write(chart.bench, path)


def write(path, head, rows):
    with path.open("w", newline="") as file:
        file.writelines(f"# {key}: {value}\n" for key, value in head.items())
        writer = csv.DictWriter(file, COLUMNS, restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    main()

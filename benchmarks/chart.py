#!/usr/bin/env python3
"""Draw the charts of docs/ from records: python benchmarks/chart.py benchmarks/record/MACHINE/DATE.csv"""

import csv
import sys
from pathlib import Path

import matplotlib as mpl
import numpy as np

mpl.use("svg")
import matplotlib.pyplot as plt

DOCS = Path(__file__).resolve().parent.parent / "docs"
#: A grey that is legible on white and on near-black.
INK = "#808080"
COLOURS = {"NumPy-BLAS": "#3b8fd0", "scikit-image": "#d98a1f", "scikit-learn": "#d98a1f", "VLFeat": "#2a9d6f"}
#: The bars of the chart in the README: job, number of threads, label.
BARS = [
    ("W1", "1", "encode 10,000 x 64, K = 256"),
    ("W2", "1", "encode 1,000 x 64, K = 256"),
    ("W4", "1", "encode 10,000 x 128, K = 1024"),
    ("W5", "2", "EM iteration, 200,000 x 64, K = 256"),
    ("kmeans", "2", "10 k-means iterations, 200,000 x 64, K = 256"),
]
STYLE = {
    "svg.fonttype": "none", "svg.hashsalt": "fishervec", "font.family": "sans-serif", "font.size": 10,
    "text.color": INK, "axes.labelcolor": INK, "axes.edgecolor": INK, "xtick.color": INK, "ytick.color": INK,
    "axes.spines.top": False, "axes.spines.right": False, "legend.frameon": False,
}  # fmt: skip


def read(path):
    """The head of a record, as a dictionary, and its rows."""
    lines = Path(path).read_text().splitlines()
    head = dict(line[2:].split(": ", 1) for line in lines if line.startswith("# "))
    return head, list(csv.DictReader(line for line in lines if not line.startswith("# ")))


def save(figure, name):
    """Save a figure, transparent and without a date, so that the same record gives the same bytes."""
    figure.savefig(DOCS / name, transparent=True, bbox_inches="tight", metadata={"Date": None})
    plt.close(figure)
    print(f"Wrote docs/{name}")


def bench(path):
    """Draw how many times as long as fishervec each peer took: the median as a bar, all rounds as a line."""
    head, rows = read(path)
    figure, axes = plt.subplots(figsize=(8, 4.6))
    y, ticks, seen = 0.0, [], set()
    for job, threads, label in BARS:
        timed = [row for row in rows if (row["job"], row["threads"]) == (job, threads) and row["ratio_median"]]
        peers = [row for row in timed if row["peer"] in COLOURS]
        ticks.append((y + (len(peers) - 1) / 2, f"{label}\n{threads} thread{'s' * (threads != '1')}"))
        for row in peers:
            low, mid, high = (float(row[key]) for key in ("ratio_min", "ratio_median", "ratio_max"))
            # scikit-image and scikit-learn share a colour and a line of the legend, since no job has both.
            name = "scikit-image / scikit-learn" if row["peer"].startswith("scikit") else row["peer"]
            axes.barh(y, mid - 1, left=1, color=COLOURS[row["peer"]], label=None if name in seen else name)
            axes.plot([low, high], [y, y], color=INK, linewidth=1)
            axes.text(max(high, 1) * 1.06, y, f"{mid:.1f}", va="center", fontsize=9)
            seen.add(name)
            y += 1
        y += 0.8
    axes.axvline(1, color=INK, linewidth=1.5)
    axes.text(1, 1.01, "fishervec", ha="center", weight="bold", transform=axes.get_xaxis_transform())
    axes.set(xscale="log", xlabel="times as long as fishervec (log scale; line: all rounds)")
    axes.set_yticks(*zip(*ticks, strict=True))
    axes.tick_params(axis="y", length=0)
    axes.tick_params(axis="x", which="minor", labelbottom=False)
    # The ticks are plain numbers, not powers of ten.
    low, high = axes.get_xlim()
    steps = [step for step in (0.25, 0.5, 1, 2, 5, 10, 20, 50, 100) if low <= step <= high]
    axes.set_xticks(steps, [f"{step:g}" for step in steps])
    axes.set_xlim(low, high * 1.25)
    axes.invert_yaxis()
    axes.spines["left"].set_visible(False)
    axes.legend(loc="upper center", bbox_to_anchor=(0.3, -0.14), ncols=3)
    figure.text(0.5, -0.09, f"{head['cpu']}, {head['date']}, float32, real descriptors", ha="center", fontsize=8)
    save(figure, "bench.svg")


def slopes(rows):
    """The slope of log time over log size, one number per axis."""
    found = {}
    for axis in dict.fromkeys(row["axis"] for row in rows):
        size, ms = zip(*((float(r["size"]), float(r["milliseconds"])) for r in rows if r["axis"] == axis), strict=True)
        found[axis] = float(np.polyfit(np.log(size), np.log(ms), 1)[0])
    return found


def sweep(path):
    """Draw time over N, K and D on logarithmic axes; a dashed line is proportional to the size."""
    head, rows = read(path)
    figure, panels = plt.subplots(1, 3, figsize=(9, 3.2))
    for (axis, slope), panel in zip(slopes(rows).items(), panels, strict=True):
        mine = [row for row in rows if row["axis"] == axis]
        size, ms = (np.array([float(row[key]) for row in mine]) for key in ("size", "milliseconds"))
        middle = len(size) // 2
        panel.loglog(size, ms[middle] * size / size[middle], "--", color=INK, linewidth=1)
        panel.loglog(size, ms, "o-", color=COLOURS["NumPy-BLAS"], markersize=4)
        fixed = ", ".join(f"{a} = {int(mine[0][a.lower()]):,}" for a in ("N", "K", "D") if a != axis)
        panel.set(xlabel=axis, title=f"slope {slope:.2f}")
        panel.text(0.04, 0.92, fixed, transform=panel.transAxes, fontsize=8)
        panel.tick_params(which="minor", labelbottom=False, labelleft=False)
    panels[0].set_ylabel("ms, one thread")
    figure.text(0.5, -0.08, f"{head['cpu']}, {head['date']}; dashed: linear", ha="center", fontsize=8)
    figure.tight_layout()
    save(figure, "sweep.svg")


plt.rcParams.update(STYLE)

if __name__ == "__main__":
    for name in sys.argv[1:]:
        sweep(name) if name.endswith("-sweep.csv") else bench(name)

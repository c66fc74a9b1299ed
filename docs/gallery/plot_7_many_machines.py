"""
One model from many machines, with the same bits
================================================

A mixture fitted and sets encoded in three parts, as on three machines, with the bytes
that one machine computes.

Work in parts usually has other rounding errors than work in one piece. Not here: sums
of descriptors meet in one fixed tree, wherever they were computed, so results can be
compared byte by byte, and a part can be computed again.
"""

# %%
# Data on a disk that all machines see
# ------------------------------------
# A folder with one file per recording: spoken digits, each a set of frames.

import hashlib
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
from gallery_data import new_folder, spoken_digits

folder = new_folder("many_machines")
(folder / "recordings").mkdir()
sets, digits = spoken_digits()
for i, x in enumerate(sets[:600]):
    np.save(folder / f"recordings/{i:04}.npy", x.astype(np.float32))
n_frames = [len(x) for x in sets[:600]]
print(f"600 files, {sum(n_frames):,} frames")

# %%
# Shards, by the command
# ----------------------
# ``fit`` learns a mixture from a sample, on one machine: this is quick for any amount
# of data. Then each of three machines reads its third of all descriptors under that
# mixture (``accumulate``), and ``maximize`` makes the next model of the three files of
# statistics. Where a cluster has a queue, each line with a shard is a task of a job
# array. Here they run one after the other, and the second shard comes last: the order
# does not matter.

command = Path(sys.executable).with_name("fishervec")


def run(line):
    print(f"fishervec {line}")
    subprocess.run([command, *shlex.split(line), "--quiet"], cwd=folder, check=True)


run("fit recordings -o round0.safetensors -k 16 --seed 0 --sample 5000")
for r in (0, 1):
    for i in (1, 3, 2):
        run(
            f"accumulate recordings -m round{r}.safetensors --shard {i}/3 "
            f"-o part{r}.{i}.stats"
        )
    parts = " ".join(f"part{r}.{i}.stats" for i in (1, 2, 3))
    # Two rounds are all, which the first of them must know.
    rounds = " --max-iter 2" if r == 0 else ""
    run(f"maximize {parts} -m round{r}.safetensors -o round{r + 1}.safetensors{rounds}")
for i in (1, 3, 2):
    run(f"encode recordings -m round2.safetensors --shard {i}/3 -o vectors{i}.npy")
run("join vectors1.npy vectors2.npy vectors3.npy -o vectors.npy")

# %%
# The same on one machine: ``--polish 2`` makes two passes over all descriptors after
# the fit to a sample.

run("fit recordings -o whole.safetensors -k 16 --seed 0 --sample 5000 --polish 2")
run("encode recordings -m whole.safetensors -o whole.npy")


def compare(one, other):
    """Print whether two files have the same bytes, with their checksums."""
    files = [(folder / name).read_bytes() for name in (one, other)]
    sums = [hashlib.sha256(file).hexdigest()[:8] for file in files]
    same = "the same bytes" if files[0] == files[1] else "OTHER BYTES"
    print(f"{one} and {other}: {same} ({sums[0]}, {sums[1]})")


compare("round2.safetensors", "whole.safetensors")
compare("vectors.npy", "whole.npy")

# %%
# Which machine had which recordings? Shards of an encoding are cut where a third of all
# frames is reached, not a third of the files: long recordings would make a machine wait
# for another.

import csv

import matplotlib.pyplot as plt

figure, ax = plt.subplots(figsize=(7.2, 3.2), layout="constrained")
first = 0
for i, color in zip((1, 2, 3), ("C0", "C3", "C2"), strict=True):
    with (folder / f"vectors{i}.csv").open(newline="") as table:
        size = len(list(csv.DictReader(table)))
    rows = np.arange(first, first + size)
    ax.bar(rows, n_frames[first : first + size], width=1, color=color)
    total = sum(n_frames[first : first + size])
    label = f"shard {i}\n{size} recordings\n{total:,} frames"
    ax.text(
        rows.mean(),
        max(n_frames) * 1.05,
        label,
        color=color,
        ha="center",
        va="bottom",
        weight="bold",
    )
    first += size
ax.set(
    xlim=(0, first),
    ylim=(0, max(n_frames) * 1.5),
    yticks=[0, 25, 50],
    xlabel="recording",
    ylabel="frames",
)
plt.show()

# %%
# A Dask cluster
# --------------
# ``fishervec.dask`` has the same estimators for a cluster. The commands below start a
# scheduler and two workers on this machine, on the loopback address; elsewhere each
# machine starts a worker, or a queue does that.
#
# A fit has the bytes of a fit of its namesake here, whatever the workers.

from distributed import Client, get_task_stream

import fishervec.dask
from fishervec import FisherVector, open_sets

dask = [sys.executable, "-m", "dask"]
shared = [
    "--host",
    "127.0.0.1",
    "--no-dashboard",
    "--scheduler-file",
    folder / "scheduler.json",
]
commands = [
    [*dask, "scheduler", "--port", "0", *shared],
    [*dask, "worker", "--name", "1", "--nthreads", "1", *shared],
    [*dask, "worker", "--name", "2", "--nthreads", "1", *shared],
]
log = (folder / "dask.log").open("w")
processes = [subprocess.Popen(command, stdout=log, stderr=log) for command in commands]
paths = folder / "recordings"
try:
    with Client(scheduler_file=folder / "scheduler.json", timeout=60) as client:
        client.wait_for_workers(2, timeout=60)
        with get_task_stream(client) as stream:
            over_cluster = fishervec.dask.FisherVector(
                16, sample=5000, polish=2, random_state=0
            ).fit(paths)
            vectors = over_cluster.transform(paths).compute()
        client.shutdown()
finally:
    for process in processes:
        process.terminate()
        process.wait()
    log.close()

here = FisherVector(16, sample=5000, polish=2, random_state=0).fit(open_sets(paths))
over_cluster.save(folder / "cluster.safetensors")
here.save(folder / "here.safetensors")
compare("cluster.safetensors", "here.safetensors")
print("The same vectors:", np.array_equal(vectors, here.transform(open_sets(paths))))

# %%
# Which worker did what? This differs from run to run, the bytes do not.

from collections import Counter

kinds = {
    "scan": "read headers",
    "gather": "draw the sample",
    "accumulate": "pass over all frames",
    "merge": "add up a pass",
    "encode": "encode",
}
done = Counter()
for task in stream.data:
    for kind in kinds:
        if f"fishervec-{kind}-" in str(task["key"]):
            done[kind, task["worker"]] += 1
figure, ax = plt.subplots(figsize=(7.2, 3), layout="constrained")
left = np.zeros(len(kinds))
for i, worker in enumerate(sorted({worker for _, worker in done})):
    counts = np.array([done[kind, worker] for kind in kinds])
    ax.barh(
        list(kinds.values()),
        counts,
        left=left,
        color=("C0", "C2")[i],
        label=f"worker {i + 1}",
    )
    left += counts
ax.invert_yaxis()
ax.grid(axis="x")
ax.xaxis.get_major_locator().set_params(integer=True)
ax.set(xlabel="tasks", title="Tasks of a fit and an encoding")
ax.legend()
plt.show()

# %%
# What to try next
# ----------------
# * Job arrays of Slurm, Snakemake and Nextflow, Spark and Ray: "Larger than memory and
#   many machines" in the user guide has a recipe for each.
# * Kill a task and start it again: files have their names only when they are complete,
#   so nothing is half done.
# * Machines with other processors compute other bits, and are refused by name;
#   ``FISHERVEC_SIMD=avx2`` makes them agree.
# * Is a second pass worth it? A sample is nearly always enough.

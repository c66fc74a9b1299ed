"""What dask adds to a pass over files: CPU time of scheduler, workers and client per task.

    make bench-dask

Scheduler and workers are processes of their own, on this machine. The same rows are fitted to with few and with many
tasks; what differs is divided by the number of tasks that differ, so that the work itself does not count.
"""

import argparse
import contextlib
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from distributed import Client

import fishervec.dask

#: Rounds of each fit.
ROUNDS = 4
#: A merge per so many tasks, in a tree.
TOGETHER = 8


def cpu(pid):
    """Seconds of CPU time of a process."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextlib.contextmanager
def cluster(folder, n_workers):
    """A scheduler and workers as processes, and a client."""
    file = folder / "scheduler.json"
    dask = [sys.executable, "-m", "dask"]
    started = [subprocess.Popen([*dask, "scheduler", "--no-dashboard", "--port", "0", "--scheduler-file", file])]
    options = ["--no-dashboard", "--no-nanny", "--nthreads", "1", "--local-directory", folder]
    started += [subprocess.Popen([*dask, "worker", "--scheduler-file", file, *options]) for _ in range(n_workers)]
    try:
        with Client(scheduler_file=str(file), timeout=60) as client:
            client.wait_for_workers(n_workers, timeout=60)
            yield client, [process.pid for process in started]
    finally:
        for process in started[::-1]:
            process.kill()
            process.wait()


def n_tasks(pieces):
    """Tasks of a pass: the model, the pieces, and the tree of merges."""
    n, level = 1 + pieces, pieces
    while level > 1:
        level = -(-level // TOGETHER)
        n += level
    return n


def measured(client, pids, path, components, tasks):
    """CPU seconds of scheduler, workers and client, and the wall time, of one fit."""
    mixture = fishervec.dask.GaussianMixture(components, max_iter=ROUNDS, tol=1e-12, random_state=0)
    before, own, start = [cpu(pid) for pid in pids], time.process_time(), time.perf_counter()
    mixture.fit(path, client=client, tasks=tasks)
    assert mixture.n_iter_ == ROUNDS
    spent = [cpu(pid) - was for pid, was in zip(pids, before, strict=True)]
    return np.array([spent[0], sum(spent[1:]), time.process_time() - own, time.perf_counter() - start])


def idle(pids, seconds=5.0):
    """CPU seconds per second of a scheduler that has nothing to do."""
    before = cpu(pids[0])
    time.sleep(seconds)
    return (cpu(pids[0]) - before) / seconds


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rows", type=int, default=1 << 20)
    parser.add_argument("--dim", type=int, default=64)
    parser.add_argument("--components", type=int, default=256)
    parser.add_argument("--workers", type=int, default=2)
    args = parser.parse_args()
    import warnings

    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        rng = np.random.default_rng(0)
        (folder / "sets").mkdir()
        for i in range(16):
            rows = rng.normal(size=(args.rows // 16, args.dim)).astype(np.float16)
            np.save(folder / "sets" / f"{i}.npy", rows)
        with cluster(folder, args.workers) as (client, pids):
            measured(client, pids, folder / "sets", args.components, 8)
            few, many = 8, 512 if args.rows >= 1 << 20 else args.rows // 4096
            spent = {n: measured(client, pids, folder / "sets", args.components, n) for n in (few, many)}
            resting = idle(pids)
    tasks = ROUNDS * (n_tasks(many) - n_tasks(few)) + n_tasks(min(many, args.rows // 1024)) - n_tasks(few)
    size = 8 * args.components * (2 * args.dim + 1) / 1000
    print(f"{args.rows:,} rows of {args.dim} columns, float16; K = {args.components}: statistics of {size:,.0f} KB")
    print(f"{args.workers} workers; {ROUNDS} rounds and a pass for the variance with {few} and with {many} pieces")
    for who, i in (("scheduler", 0), ("workers", 1), ("client", 2)):
        print(f"{who}: {1000 * (spent[many][i] - spent[few][i]) / tasks:.2f} ms of CPU time per further task")
    print(f"scheduler at rest: {1000 * resting:.0f} ms per second")
    print(f"wall: {spent[few][3]:.1f} s and {spent[many][3]:.1f} s")


if __name__ == "__main__":
    main()

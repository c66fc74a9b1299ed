"""Fits on clusters of several sizes whose workers are killed while they work: the bytes of the local fit.

`make test-dask` makes the long run: FISHERVEC_KILLS is the number of kills of each fit.
"""

import contextlib
import os
import signal
import threading
import time

import numpy as np
import pytest

import fishervec

distributed = pytest.importorskip("distributed")
import dask  # noqa: E402

import fishervec.dask as over  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore:Best performing initialization did not converge")

#: How many workers are killed in one fit, and how many of these must have been at work.
KILLS = int(os.environ.get("FISHERVEC_KILLS", "3"))
BUSY = min(KILLS, 3)
PARAMS = {"n_components": 3, "random_state": 0, "tol": 1e-9, "max_iter": 2 + 2 * KILLS}
SIZES = (700, 0, 2900, 31, 5000, 1300, 900, 2600)
SETS = [np.random.default_rng(i).normal(i % 3, 1, (n, 4)) for i, n in enumerate(SIZES)]


@pytest.fixture(scope="module")
def cluster():
    # Kills are as many as they are wanted to be.
    with (
        dask.config.set({"distributed.scheduler.allowed-failures": 1000}),
        distributed.LocalCluster(n_workers=3, threads_per_worker=1, dashboard_address=":0") as cluster,
    ):
        yield cluster


@pytest.fixture(scope="module")
def client(cluster):
    with distributed.Client(cluster) as client:
        yield client


@pytest.fixture(scope="module")
def expected(tmp_path_factory):
    fitted = fishervec.GaussianMixture(**PARAMS).fit(np.concatenate(SETS))
    assert fitted.n_iter_ > 1 + KILLS
    return bytes_of(fitted, tmp_path_factory.mktemp("expected"))


def bytes_of(estimator, folder):
    estimator.save(folder / "model.safetensors")
    return (folder / "model.safetensors").read_bytes()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sets")
    for i, x in enumerate(SETS):
        np.save(folder / f"{i}.npy", x)
    return folder


def slowly(i, seconds):
    time.sleep(seconds)
    return SETS[i]


class Killer(threading.Thread):
    """Kills workers that have tasks, one after the other, until there were enough.

    One that has only just started is spared, since its nanny would take its death for a failure to start; and so is the
    last one.
    """

    def __init__(self, client, n):
        super().__init__(daemon=True)
        self.client, self.n, self.busy, self.done = client, n, 0, threading.Event()
        self._random = np.random.default_rng(n)
        self._since = {}

    def run(self):
        while self.busy < self.n and not self.done.is_set():
            time.sleep(self._random.uniform(0.1, 0.6))
            with contextlib.suppress(OSError, KeyError, ValueError):
                self._kill_one()

    def _kill_one(self):
        at_work = {worker for worker, tasks in self.client.processing().items() if tasks}
        now, known = time.monotonic(), self.client.scheduler_info()["workers"]
        self._since = {worker: self._since.get(worker, now) for worker in known}
        at_work = sorted(worker for worker in at_work if now - self._since.get(worker, now) > 1.0)
        if not at_work or len(known) < 2:
            return
        worker = at_work[self._random.integers(len(at_work))]
        pid = self.client.run(os.getpid, workers=[worker])[worker]
        # It is at work still, on data of ours: this is asserted, or the test would say nothing.
        running = [key for key in self.client.processing()[worker] if "fishervec" in str(key) or "slowly" in str(key)]
        if running:
            os.kill(pid, signal.SIGKILL)
            self.busy += 1

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.done.set()
        self.join()


def test_a_fit_through_kills_of_busy_workers_has_the_bytes_of_the_local_one(client, expected, tmp_path):
    parts = [dask.delayed(slowly)(i, 0.2) for i in range(len(SETS))]
    with Killer(client, KILLS) as killer:
        fitted = over.GaussianMixture(**PARAMS).fit(parts)
    assert killer.busy >= BUSY
    assert bytes_of(fitted, tmp_path) == expected
    print(f"kills of busy workers: {killer.busy}")


@pytest.mark.skipif(KILLS <= 3, reason="a part of the long run, make test-dask")
def test_fits_to_files_through_kills_have_the_bytes_of_the_local_one(client, folder, expected, tmp_path):
    with Killer(client, KILLS) as killer:
        while killer.busy < KILLS:
            fitted = over.GaussianMixture(**PARAMS).fit(folder)
            assert bytes_of(fitted, tmp_path) == expected
    print(f"kills of busy workers: {killer.busy}")


@pytest.mark.parametrize("n_workers", [1, 2, 3])
def test_the_number_of_workers_changes_no_byte(cluster, client, folder, n_workers, tmp_path):
    params = PARAMS | {"max_iter": 2}
    expected = bytes_of(fishervec.GaussianMixture(**params).fit(np.concatenate(SETS)), tmp_path)
    cluster.scale(n_workers)
    while len(client.scheduler_info()["workers"]) != n_workers:
        time.sleep(0.05)
    for X in (folder, [dask.delayed(x) for x in SETS]):
        assert bytes_of(over.GaussianMixture(**params).fit(X), tmp_path) == expected


def kills_its_worker():
    os.kill(os.getpid(), signal.SIGKILL)


def test_a_piece_that_kills_every_worker_ends_the_fit(cluster, client):
    allowed, cluster.scheduler.allowed_failures = cluster.scheduler.allowed_failures, 1
    try:
        with pytest.raises(distributed.KilledWorker, match=r"fishervec|kills_its_worker"):
            over.Pooling().fit([dask.delayed(SETS[0]), dask.delayed(kills_its_worker)()])
    finally:
        cluster.scheduler.allowed_failures = allowed
    # The cluster lives on.
    assert over.Pooling().fit([dask.delayed(SETS[0])]).n_features_in_ == 4

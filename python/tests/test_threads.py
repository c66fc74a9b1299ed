"""Threads, forks, workers and Ctrl-C. Code that could hang runs in a process of its own, under a watchdog."""

import os
import subprocess
import sys
import textwrap
import threading

import numpy as np
import pytest

import fishervec
from fishervec._fishervec import instruction_set
from fishervec._threads import n_threads

CORES = len(os.sched_getaffinity(0))

PREAMBLE = """
    import os, signal, sys, threading, time, warnings
    import numpy as np
    import fishervec
    warnings.simplefilter("ignore")
    rng = np.random.default_rng(0)
    sets = [rng.normal(size=(3000, 8)) for _ in range(20)]
    encoder = fishervec.FisherVector(16, random_state=0, n_jobs=2).fit(sets)
    expected = encoder.transform(sets)

    def encodes():
        return np.array_equal(encoder.transform(sets), expected)
"""


def run(code, timeout=120, **environment):
    """Run a script that must print `done` before the watchdog ends it."""
    script = textwrap.dedent(PREAMBLE) + textwrap.dedent(code)
    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        timeout=timeout,
        env=os.environ | environment,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "done", done.stdout + done.stderr
    return done.stdout


# ---- how many --------------------------------------------------------------------------------------------


def test_the_number_of_threads_that_n_jobs_means(monkeypatch):
    monkeypatch.delenv("FISHERVEC_NUM_THREADS", raising=False)
    assert n_threads(None) == n_threads(-1) == CORES
    assert (n_threads(1), n_threads(3), n_threads(-CORES), n_threads(-99)) == (1, 3, 1, 1)
    assert n_threads(np.int64(2)) == 2
    for wrong, error in ((0, ValueError), ("2", TypeError), (1.5, TypeError), (True, TypeError)):
        with pytest.raises(error, match="n_jobs must be an integer"):
            n_threads(wrong)


def test_the_environment_variable_counts_if_n_jobs_is_none(monkeypatch):
    monkeypatch.setenv("FISHERVEC_NUM_THREADS", "3")
    assert (n_threads(None), n_threads(2)) == (3, 2)
    for wrong in ("0", "-1", "two", "", "1.5"):
        monkeypatch.setenv("FISHERVEC_NUM_THREADS", wrong)
        with pytest.raises(ValueError, match="FISHERVEC_NUM_THREADS must be an integer of at least 1, got"):
            n_threads(None)


def test_an_instruction_set_that_cannot_be_had_is_an_error(monkeypatch):
    monkeypatch.delenv("FISHERVEC_SIMD", raising=False)
    used = instruction_set()
    monkeypatch.setenv("FISHERVEC_SIMD", used)
    assert n_threads(2) == 2
    monkeypatch.setenv("FISHERVEC_SIMD", "sse9")
    with pytest.raises(ValueError, match=rf"FISHERVEC_SIMD: expected one of .*{used}.*, got sse9"):
        fishervec.GaussianMixture(2).fit(np.eye(9))
    monkeypatch.setenv("FISHERVEC_SIMD", "portable")
    if used != "portable":
        with pytest.raises(ValueError, match=rf"asks for portable, but {used} was chosen .* before the import"):
            n_threads(None)


@pytest.mark.parametrize("backend", ["loky", "threading", "multiprocessing"])
def test_in_a_worker_of_joblib_it_is_one(backend):
    # The backend forks, and libraries that other tests import (jax) warn of that: hence a process of its own.
    run(f"""
        import joblib
        from fishervec._threads import n_threads
        cores = n_threads(None)
        counts = joblib.Parallel(n_jobs=2, backend="{backend}")(joblib.delayed(n_threads)(None) for _ in range(2))
        assert counts == [1, 1], counts
        assert n_threads(None) == cores
        print("done")
    """)


@pytest.mark.filterwarnings("ignore")
def test_in_a_worker_of_dask_it_is_one():
    distributed = pytest.importorskip("distributed")
    with (
        distributed.LocalCluster(n_workers=1, processes=False, dashboard_address=None) as cluster,
        distributed.Client(cluster) as client,
    ):
        assert client.submit(n_threads, None).result() == 1
        assert n_threads(None) == CORES


def test_one_job_starts_no_thread():
    run("""
        os.environ["FISHERVEC_NUM_THREADS"] = "1"
        before = len(os.listdir("/proc/self/task"))
        one = fishervec.FisherVector(mixture=encoder.mixture_, n_jobs=1).fit(sets)
        before = len(os.listdir("/proc/self/task"))
        seen = set()
        for _ in range(50):
            one.transform(sets[:2])
            seen.add(len(os.listdir("/proc/self/task")))
        assert seen == {before}, (seen, before)
        print("done")
    """)


# ---- forks and processes ---------------------------------------------------------------------------------

FORK = """
    def child_is_fine():
        child = os.fork()
        if child == 0:
            os._exit(0 if encodes() and encodes() else 1)
        return os.waitpid(child, 0)[1] == 0
"""


def test_a_forked_child_encodes_to_the_same_bits():
    run(
        FORK
        + """
    assert encodes() and child_is_fine() and encodes()
    print("done")
    """
    )


def test_a_fork_while_others_encode():
    run(
        FORK
        + """
    stop = False
    def work():
        while not stop:
            encodes()
    others = [threading.Thread(target=work) for _ in range(3)]
    [other.start() for other in others]
    assert all(child_is_fine() for _ in range(20))
    stop = True
    [other.join() for other in others]
    print("done")
    """
    )


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_multiprocessing(method):
    run(f"""
        import multiprocessing
        from concurrent.futures import ProcessPoolExecutor
        if __name__ == "__main__":
            context = multiprocessing.get_context("{method}")
            with ProcessPoolExecutor(2, mp_context=context) as pool:
                parts = list(pool.map(encoder.transform, [sets[:10], sets[10:]]))
            assert np.array_equal(np.concatenate(parts), expected)
            print("done")
    """)


@pytest.mark.parametrize("backend", ["loky", "threading", "multiprocessing"])
def test_joblib(backend):
    run(f"""
        import joblib
        parts = joblib.Parallel(n_jobs=2, backend="{backend}")(
            joblib.delayed(encoder.transform)(part) for part in (sets[:10], sets[10:]))
        assert np.array_equal(np.concatenate(parts), expected)
        print("done")
    """)


def test_several_python_threads_at_once():
    run("""
        from concurrent.futures import ThreadPoolExecutor
        with ThreadPoolExecutor(4) as pool:
            assert all(pool.map(lambda _: encodes(), range(40)))
        print("done")
    """)


def test_other_python_threads_run_during_an_encoding():
    run("""
        ticks, stop = 0, False
        def tick():
            global ticks
            while not stop:
                ticks += 1
                time.sleep(0.001)
        thread = threading.Thread(target=tick)
        thread.start()
        large = [rng.normal(size=(400_000, 8))]
        one = fishervec.FisherVector(mixture=encoder.mixture_, n_jobs=1).fit(sets[:1])
        before, started = ticks, time.perf_counter()
        one.transform(large)
        took, seen = time.perf_counter() - started, ticks - before
        stop = True
        thread.join()
        assert seen > 20 * took, (seen, took)
        print("done")
    """)


# ---- Ctrl-C and progress ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "job",
    [
        "fishervec.GaussianMixture(256, max_iter=10_000, tol=0.0, n_jobs={n_jobs}).fit(rows)",
        "fishervec.FisherVector(mixture=encoder.mixture_, n_jobs={n_jobs}).fit(sets).transform([rows] * 5_000)",
    ],
    ids=["fit", "transform"],
)
@pytest.mark.parametrize("n_jobs", [1, 2])
def test_ctrl_c_stops_within_a_second_and_the_package_still_works(job, n_jobs):
    run(f"""
        rows = rng.normal(size=(100_000, 8))
        def press():
            global pressed
            pressed = time.perf_counter()
            os.kill(os.getpid(), signal.SIGINT)
        timer = threading.Timer(1.0, press)
        timer.start()
        try:
            {job.format(n_jobs=n_jobs)}
        except KeyboardInterrupt:
            waited = time.perf_counter() - pressed
        assert waited < 1.0, waited
        assert encodes()
        fishervec.GaussianMixture(2, random_state=0).fit(rows[:1000])
        print("done")
    """)


def test_verbose_prints_one_line_per_iteration(capsys):
    rows = np.random.default_rng(0).normal(size=(500, 3))
    fit = fishervec.GaussianMixture(2, random_state=0, verbose=1).fit(rows)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == fit.n_iter_
    assert lines[-1].startswith(f"start 0, iteration {fit.n_iter_}: log-likelihood {fit.lower_bound_:.5f} (")
    fishervec.GaussianMixture(2, random_state=0).fit(rows)
    assert capsys.readouterr().out == ""


def test_an_exception_while_progress_is_printed_is_raised(monkeypatch):
    class Broken:
        def write(self, text):
            raise OSError("no room")

        def flush(self):
            pass

    monkeypatch.setattr(sys, "stdout", Broken())
    with pytest.raises(OSError, match="no room"):
        fishervec.GaussianMixture(2, random_state=0, verbose=1).fit(np.random.default_rng(0).normal(size=(500, 3)))
    assert threading.active_count() < 50

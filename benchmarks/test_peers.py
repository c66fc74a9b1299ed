"""The benchmark's oracle, its peers and their turns on a small job: `make bench-test`."""

import os
from pathlib import Path

import bench
import job as jobs_of
import numpy as np
import oracle
import peers
import pytest
import turns
from scipy.stats import norm


@pytest.fixture
def job():
    """600 rows around 5 centres, off the origin, and a mixture that is only roughly theirs."""
    rng = np.random.default_rng(0)
    centres = rng.normal(0, 2, (5, 3))
    x = (centres[rng.integers(5, size=600)] + rng.normal(size=(600, 3))).astype(np.float32)
    return x, (rng.dirichlet(np.full(5, 5.0)), centres + 0.1, rng.uniform(0.5, 2, (5, 3)))


def log_likelihood(x, weights, means, covariances):
    return np.log(weights @ norm.pdf(x, means[:, None], np.sqrt(covariances)[:, None]).prod(axis=2)).sum()


def test_the_oracle_is_the_gradient(job):
    x, (weights, means, covariances) = job
    k, d, h = *means.shape, 1e-5
    vector = oracle.fisher_vector(x, job[1])
    for component, column in [(0, 0), (4, 2)]:
        step = np.zeros((k, d))
        step[component, column] = h
        sigma, w = np.sqrt(covariances), weights[component]
        d_mean = log_likelihood(x, weights, means + step, covariances)
        d_mean -= log_likelihood(x, weights, means - step, covariances)
        at = k + component * d + column
        scale = sigma[component, column] / np.sqrt(w)
        assert vector[at] == pytest.approx(d_mean / (2 * h) * scale / len(x), rel=1e-6)
        d_sigma = log_likelihood(x, weights, means, (sigma + step) ** 2)
        d_sigma -= log_likelihood(x, weights, means, (sigma - step) ** 2)
        at += k * d
        assert vector[at] == pytest.approx(d_sigma / (2 * h) * scale / np.sqrt(2) / len(x), rel=1e-6)


def test_all_encoders_agree_with_the_oracle(job):
    x, mixture = job
    error = jobs_of.vector_error(oracle.fisher_vector(x, mixture), 5)
    with peers.threads(1):
        for name, make in {
            "fishervec": peers.ours,
            "NumPy-BLAS": peers.numpy_blas,
            "scikit-image": peers.scikit_image,
            "VLFeat": peers.vlfeat_encode,
        }.items():
            assert error(name, make(mixture)(x)) < 2e-5, name
        assert error("fishervec", peers.ours_sets(mixture)([x, x])[1]) < 2e-5


def test_all_em_iterations_agree_with_the_oracle(job):
    x, start = job
    right = oracle.em_iteration(x, start)
    assert log_likelihood(x, *right) > log_likelihood(x, *start)
    for iteration in (peers.ours_em, peers.numpy_em, peers.sklearn_em, peers.vlfeat_em):
        _, answer = iteration(x, start)
        assert oracle.relative(answer, right) < jobs_of.PARAMETERS, iteration.__name__


def test_lloyd_agrees_with_scikit_learn(job):
    x, (_, centres, _) = job
    _, theirs = peers.sklearn_kmeans(x, centres.astype(np.float32))
    np.testing.assert_allclose(theirs, oracle.lloyd(x, centres, peers.LLOYD[1]), atol=1e-5)


def test_a_wrong_answer_is_not_timed():
    answers = {"fishervec": 0.0, "slower": 0.0, "wrong": 1.0}
    seconds = {"fishervec": 0.1, "slower": 0.3, "wrong": 0.01}
    calls = {name: lambda *_, name=name: (seconds[name], answers[name]) for name in answers}
    job = jobs_of.Job("a job", 2, 1e9, 1e-3, {}, None)
    ours, slower, wrong = bench.measure("J", job, calls, lambda _, answer: answer, 1, {"float32": 100.0})
    assert (ours["milliseconds"], ours["share_of_peak"]) == ("100", "0.100") and "ratio_median" not in ours
    assert slower["ratio_median"] == "3"
    assert wrong["error"] == "1.0e+00" and "milliseconds" not in wrong


def test_numpy_takes_many_sets_at_once(job):
    x, mixture = job[0].astype(np.float64), job[1]
    sets = [x[:1], x[1:300], x[300:301], x[301:]]
    right = [oracle.fisher_vector(one, mixture) for one in sets]
    vectors = peers.numpy_together(mixture, np.float64, rows=512)(sets)
    assert oracle.relative(list(vectors), right) < 1e-12


def test_a_peer_is_a_process_that_is_stopped_between_its_calls(tmp_path, monkeypatch):
    """The jobs are those of a module of the test, whose peers return the number of threads."""
    (tmp_path / "tiny_jobs.py").write_text(JOBS)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")]))
    with turns.of("job", ["fishervec", turns.BEFORE], jobs="tiny_jobs") as calls:
        for n in (1, 2):
            for call in calls.values():
                assert call(n, True) == (float(n), str(n))
                assert call(n) == (float(n), None)
                state = Path(f"/proc/{call.process.pid}/stat").read_text().rpartition(")")[2].split()[0]
                assert state == "T"
    assert all(call.process.returncode is not None for call in calls.values())


JOBS = """
import os
from types import SimpleNamespace

def run():
    threads = os.environ["FISHERVEC_NUM_THREADS"]
    return float(threads), threads

JOBS = {"job": lambda: SimpleNamespace(peers={"fishervec": lambda: run})}
"""

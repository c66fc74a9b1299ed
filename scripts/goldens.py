#!/usr/bin/env python3
"""Write the golden files: what other implementations return, which our tests compare with.

    make goldens                            makes a virtual environment with the pinned versions and runs this script
    python3 scripts/goldens.py [FOLDER]     needs the packages of goldens-requirements.txt

All files are JSON with every digit of a float64 (a reader must round correctly to get it back):

    mixture.json    scikit-learn's GaussianMixture(covariance_type="diag"), EM from a given start
    fisher.json     the gist's formula, scikit-image's fisher_vector and VLFeat's vl_fisher_encode (Debian's
                    libvlfeat-dev), of the same sets and mixtures
    dsift.json      VLFeat's vl_dsift, on a crop of one of scikit-learn's sample images
    vlad.json       VLFeat's vl_vlad_encode, hard and soft, under all its flags
    spark.json      the 15 numbers and the two components of Apache Spark's mixture test

A matrix of shape (n, d) is a list of n rows. The data are generated from fixed seeds and rounded to a few
digits, so they are short in the file and exact in float64. The same versions on the same kind of machine
write the same bytes; on another machine the last digits may differ, and git shows which.
"""

import json
import os
import platform
import sys
import warnings
from pathlib import Path

# One thread: the order of a sum must not depend on the machine. It must be set before NumPy is imported.
os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"

import numpy as np
import scipy
import skimage
import sklearn
import vlfeat
from skimage.feature import fisher_vector as skimage_fisher_vector
from sklearn.datasets import load_digits, load_sample_image, make_classification
from sklearn.exceptions import ConvergenceWarning
from sklearn.mixture import GaussianMixture

FOLDER = Path(__file__).resolve().parent.parent / "crates/fishervec/testdata"


# ---- data and starts -------------------------------------------------------------------------------


def blobs(seed, n, d, k, spread=3.0, shift=0.0):
    """n points of d numbers around k centres of unequal weights and widths, rounded to 4 digits."""
    rng = np.random.default_rng(seed)
    centres = rng.normal(shift, spread, (k, d))
    widths = rng.uniform(0.4, 1.6, (k, d))
    which = rng.choice(k, n, p=np.arange(1, k + 1) / (k * (k + 1) / 2))
    return np.round(rng.normal(centres[which], widths[which]), 4)


def digit_profiles(n):
    """The ink in each row of the first n of scikit-learn's 8 x 8 handwritten digits: shape (n, 8)."""
    return load_digits().images[:n].sum(axis=2)


def start(x, k, seed):
    """A start that EM can improve: k rows as means, half the global variance (rounded), unequal weights."""
    rows = np.random.default_rng(seed).choice(len(x), k, replace=False)
    weights = np.arange(k, 2 * k, dtype=float)
    covariances = np.tile(np.maximum(np.round(x.var(axis=0) / 2, 3), 0.001), (k, 1))
    return weights / weights.sum(), x[rows].copy(), covariances


def mixture(weights, means, covariances):
    """A fitted GaussianMixture with exactly these parameters."""
    gm = GaussianMixture(len(weights), covariance_type="diag")
    gm.weights_, gm.means_, gm.covariances_ = weights, means, covariances
    gm.precisions_ = 1.0 / covariances
    gm.precisions_cholesky_ = np.sqrt(gm.precisions_)
    return gm


def parameters(gm):
    return {"weights": gm.weights_, "means": gm.means_, "covariances": gm.covariances_}


# ---- mixture.json ----------------------------------------------------------------------------------

N_SCORED, N_PREDICTED = 20, 8


def em(x, first, max_iter, reg_covar):
    weights, means, covariances = first
    gm = GaussianMixture(
        len(weights),
        covariance_type="diag",
        tol=0.0,
        max_iter=max_iter,
        reg_covar=reg_covar,
        weights_init=weights,
        means_init=means,
        precisions_init=1.0 / covariances,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # With tol = 0 it never converges, as intended.
        gm.fit(x)
    assert gm.n_iter_ == max_iter and len(gm.lower_bounds_) == max_iter
    return {
        "max_iter": max_iter,
        "reg_covar": reg_covar,
        **parameters(gm),
        "lower_bound": gm.lower_bound_,
        "lower_bounds": gm.lower_bounds_,
        "score": gm.score(x),
        "score_samples": gm.score_samples(x[:N_SCORED]),
        "predict_proba": gm.predict_proba(x[:N_PREDICTED]),
        "bic": gm.bic(x),
        "aic": gm.aic(x),
    }


def mixture_golden():
    sets = [
        ("blobs", blobs(seed=1, n=200, d=4, k=5), 5),
        ("one component", blobs(seed=2, n=40, d=3, k=2), 1),
        ("far from the origin", blobs(seed=3, n=150, d=3, k=4, shift=1000.0), 4),
        ("digits", digit_profiles(300), 4),
    ]
    cases = []
    for name, x, k in sets:
        first = start(x, k, seed=7)
        fits = [em(x, first, n, reg) for n in (1, 5, 20) for reg in (0.0, 1e-6)]
        cases.append(
            {
                "name": name,
                "data": x,
                "start": dict(zip(("weights", "means", "covariances"), first, strict=True)),
                "fits": fits,
            }
        )
    return {
        "about": [
            "EM of scikit-learn's GaussianMixture(covariance_type='diag', tol=0) from `start`, `max_iter` iterations.",
            "reg_covar is added to every variance in each M-step; the start is taken as it is.",
            "lower_bounds[i] is the mean log-likelihood BEFORE the M-step of iteration i + 1, lower_bound the last of them;",
            "score is the mean log-likelihood of the data under the parameters stored here.",
            "'far from the origin' holds to about 1e-7 only: scikit-learn's E[x^2] - mu^2 loses the other digits.",
            f"score_samples: log-likelihood of the first {N_SCORED} rows; predict_proba: posteriors of the first {N_PREDICTED}.",
        ],
        "cases": cases,
    }


# ---- fisher.json -----------------------------------------------------------------------------------


def gist_fisher_vector(x, gm):
    """The gist's formula: d_pi, d_mu, d_sigma (variances, opposite sign), divided by N, without information."""
    q = gm.predict_proba(x)
    w, mu, v = gm.weights_, gm.means_, gm.covariances_
    s0 = q.mean(axis=0)[:, None]
    s1 = q.T @ x / len(x)
    s2 = q.T @ x**2 / len(x)
    d_pi = s0[:, 0] - w
    d_mu = s1 - s0 * mu
    d_sigma = -s2 - s0 * mu**2 + s0 * v + 2 * s1 * mu
    return np.concatenate([d_pi, d_mu.ravel(), d_sigma.ravel()])


def vlfeat_fisher_vector(x, gm, flags=0):
    """VLFeat's encoding, in double precision: means, then variances."""
    return vlfeat.fisher_encode(x, gm.weights_, gm.means_, gm.covariances_, flags)


def encodings(x, gm):
    return {
        "data": x,
        "gist": gist_fisher_vector(x, gm),
        "scikit_image": skimage_fisher_vector(x, gm),
        "scikit_image_improved": skimage_fisher_vector(x, gm, improved=True, alpha=0.5),
        "vlfeat": vlfeat_fisher_vector(x, gm),
        "vlfeat_improved": vlfeat_fisher_vector(x, gm, vlfeat.IMPROVED),
        "vlfeat_fast": vlfeat_fisher_vector(x, gm, vlfeat.FAST),
    }


def fitted(x, k, max_iter):
    gm = GaussianMixture(k, covariance_type="diag", random_state=0, max_iter=max_iter, reg_covar=1e-3)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        gm.fit(x)
    return gm


def fisher_golden():
    x = blobs(seed=4, n=60, d=4, k=5)
    small = mixture(
        np.array([0.1, 0.25, 0.2, 0.15, 0.3]),
        np.round(x[[3, 14, 27, 40, 53]], 2),
        np.round(np.random.default_rng(5).uniform(0.5, 3.0, (5, 4)), 3),
    )
    single = mixture(np.array([1.0]), np.array([[0.5, -1.0, 2.0, 0.25]]), np.array([[1.5, 0.5, 4.0, 9.0]]))
    pixels = digit_profiles(300)
    # The gist's own job has 1,000 samples of 20 features: a mixture of the first 900 encodes the last 100.
    samples = np.round(make_classification(n_samples=1000, random_state=0)[0], 4)
    cases = [
        ("blobs", small, [("60 rows", x), ("3 rows", x[:3]), ("one row", x[7:8]), ("one row, 4 times", x[[7] * 4])]),
        ("one component", single, [("60 rows", x)]),
        ("digits", fitted(pixels[:200], 4, 20), [("the next 100", pixels[200:])]),
        ("the gist's job", fitted(samples[:900], 64, 100), [("the last 100", samples[900:])]),
    ]
    return {
        "about": [
            "For each mixture, sets and their encodings, each of length K + 2 K D: weights (K), means (K, D), variances (K, D).",
            "gist: [A | B | -C] with A = S0 - w, B = S1 - S0 mu, C = S2 - 2 mu S1 + (mu^2 - v) S0, all divided by N.",
            "scikit_image: [A / sqrt(w) | B / (sqrt(w) sigma) | -C / (sqrt(2 w) v)]: Eqs. 16-18 of Sanchez et al. 2013,",
            "divided by N, but for the sign of the last block. scikit_image_improved: sign(z) |z|^0.5, then L2.",
            "vlfeat: Eqs. 17 and 18 divided by N, posteriors below 1e-6 dropped, length 2 K D; vlfeat_improved: sign(z)",
            "|z|^0.5, then L2; vlfeat_fast: the largest posterior counts as 1, the others as 0.",
        ],
        "cases": [
            {"name": name, **parameters(gm), "sets": [{"name": n, **encodings(s, gm)} for n, s in sets]}
            for name, gm, sets in cases
        ],
    }


# ---- spark.json ------------------------------------------------------------------------------------


def spark_golden():
    x = np.array(
        [
            -5.1971,
            -2.5359,
            -3.8220,
            -5.2211,
            -5.0602,
            4.7118,
            6.8989,
            3.4592,
            4.6322,
            5.7048,
            4.6567,
            5.5026,
            4.5605,
            5.2043,
            6.2734,
        ]
    )[:, None]
    first = np.array([0.5, 0.5]), np.array([[-1.0], [1.0]]), np.array([[1.0], [1.0]])
    return {
        "about": [
            "Numbers of Apache Spark's test of its Gaussian mixture (GaussianMixtureSuite, 'two clusters'): 15 points",
            "on a line, a start, and what EM must end at. scikit_learn: the same from scikit-learn, 100 iterations.",
        ],
        "data": x,
        "start": dict(zip(("weights", "means", "covariances"), first, strict=True)),
        "expected": {
            "weights": [1 / 3, 2 / 3],
            "means": [[-4.3673], [5.1604]],
            "covariances": [[1.1098], [0.86644]],
            "tolerance": 1e-4,
        },
        "scikit_learn": em(x, first, 100, 0.0) | {"lower_bounds": None},
    }


# ---- vlad.json -------------------------------------------------------------------------------------


def vlad_golden():
    x = digit_profiles(40)
    weights, means, covariances = start(digit_profiles(200), 5, 3)
    log_q = np.log(weights) - 0.5 * (np.log(covariances) + (x[:, None] - means) ** 2 / covariances).sum(-1)
    soft = np.exp(log_q - log_q.max(1, keepdims=True))
    soft /= soft.sum(1, keepdims=True)
    hard = np.eye(5)[((x[:, None] - means) ** 2).sum(-1).argmin(1)]
    cases = []
    for assignment, q in (("hard", hard), ("soft", soft)):
        for flags in range(16):
            cases.append(
                {
                    "assignment": assignment,
                    "mass": bool(flags & vlfeat.MASS),
                    "root": bool(flags & vlfeat.SQUARE_ROOT),
                    "components": bool(flags & vlfeat.COMPONENTS),
                    "whole": not flags & vlfeat.UNNORMALIZED,
                    "vector": vlfeat.vlad_encode(x, means, q, flags),
                }
            )
    mixture = {"weights": weights, "means": means, "covariances": covariances}
    return {"x": x, "mixture": mixture, "cases": cases}


# ---- dsift.json ------------------------------------------------------------------------------------


def dsift_golden():
    """Descriptors, rounded to six digits; the values of the image are grey levels divided by 255."""
    grey = np.round(load_sample_image("china.jpg")[150:198, 300:360] @ [0.299, 0.587, 0.114]).astype(int)
    cases = []
    for step, bin_size, flat, window_size, bounds in [
        (11, 4, True, 2.0, None),
        (11, 4, False, 2.0, None),
        (9, 7, True, 1.0, None),
        (5, 6, False, 3.0, (7, 3, 42, 30)),
        (23, 1, False, 2.0, None),
        (17, 3, True, 1.5, (0, 10, 59, 47)),
    ]:
        image = (grey / 255).astype(np.float32)
        descriptors, keypoints = vlfeat.dsift(image, step, bin_size, flat, window_size, bounds)
        cases.append(
            {
                "step": step,
                "bin": bin_size,
                "window": "flat" if flat else "gaussian",
                "window_size": window_size,
                "bounds": bounds,
                "positions": keypoints[:, :2],
                "descriptors": [[round(float(x), 6) for x in row] for row in descriptors],
            }
        )
    return {"image": grey, "cases": cases}


# ---- writing ---------------------------------------------------------------------------------------


def plain(value):
    """NumPy values as Python values; a float that is a whole number loses its '.0'."""
    if isinstance(value, np.ndarray):
        return plain(value.tolist())
    if isinstance(value, dict):
        return {key: plain(v) for key, v in value.items() if v is not None}
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    if isinstance(value, (float, np.floating)):
        value = float(value)
        assert np.isfinite(value)
        return int(value) if value == int(value) and abs(value) < 2**53 else value
    return value


def dump(value, indent=0):
    """JSON with one line per key; a list of numbers, or of rows of numbers, stays on one line."""
    pad = " " * (indent + 1)
    if isinstance(value, dict):
        items = [f"{pad}{json.dumps(k)}: {dump(v, indent + 1)}" for k, v in value.items()]
        return "{\n" + ",\n".join(items) + "\n" + pad[1:] + "}"
    if isinstance(value, list) and value and isinstance(value[0], (dict, str)):
        return "[\n" + ",\n".join(pad + dump(v, indent + 1) for v in value) + "\n" + pad[1:] + "]"
    return json.dumps(value, separators=(",", ":"))


def main():
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    header = {
        "written_by": "scripts/goldens.py",
        "versions": {
            "python": ".".join(platform.python_version_tuple()[:2]),
            "numpy": np.__version__,
            "scipy": scipy.__version__,
            "scikit-learn": sklearn.__version__,
            "scikit-image": skimage.__version__,
        },
    }
    goldens = {
        "mixture": mixture_golden,
        "fisher": fisher_golden,
        "dsift": dsift_golden,
        "vlad": vlad_golden,
        "spark": spark_golden,
    }
    for name, make in goldens.items():
        golden = make()
        path = folder / f"{name}.json"
        path.write_text(dump(plain(header | golden)) + "\n", encoding="utf-8")
        print(f"{path.stat().st_size / 1000:7.1f} kB  {path}")


if __name__ == "__main__":
    main()

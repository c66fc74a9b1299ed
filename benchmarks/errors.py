"""`make errors`: how far off floating point is, here and in other ways of computing the same, into docs/numerics.md.

Descriptors are those of `make sampling`: dense SIFT of photographs, RootSIFT, 64 principal components. An error is
relative: the L2 norm of the difference to float64 NumPy with all posteriors (`oracle.py`), which is given the very same
numbers, over the norm of the right answer; the largest of all sets.
"""

import os
import subprocess
import sys
import textwrap
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import oracle
from sampling import descriptors
from skimage.feature import fisher_vector as skimage_fisher_vector

from fishervec import FisherVector, GaussianMixture, fisher_vector
from fishervec._fishervec import instruction_set

PAGE = Path(__file__).resolve().parent.parent / "docs/numerics.md"
HEAD = "## Measured"
FIT_ROWS, SETS, ROWS = 100_000, 40, 2000
K, COMPONENTS = 64, (16, 64, 256)
OFFSETS = (0, 1, 10, 100, 1000)
THRESHOLDS = (0.0, 1e-7, 1e-6, 1e-4, 1e-2, 1.0)
THREADS = (1, 2, 3, 8)
ISAS = ("portable", "avx2", "avx512", "neon")
PLAIN = {"power": None, "norm": None}


def worst(vectors, right):
    """The largest relative error of a list of vectors."""
    return max(np.linalg.norm(a - b) / np.linalg.norm(b) for a, b in zip(vectors, right, strict=True))


def shown(error):
    return "0" if error == 0 else f"{error:.0e}" if error < 0.01 else f"{error:.2g}"


def table(head, rows):
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines) + "\n"


def paragraph(text):
    return textwrap.fill(text, 130, break_on_hyphens=False)


def improved(vector):
    """Power 0.5, then L2."""
    rooted = np.sign(vector) * np.sqrt(np.abs(vector))
    return rooted / np.linalg.norm(rooted)


# ---- data far from zero ----------------------------------------------------------------------------------


def of_raw_moments(x, mixture):
    """The variances' block from sums of q x and q x^2 in float32, as one writes it first; posteriors are right."""
    weights, means, covariances = mixture
    y = x.astype(np.float64)
    distance = ((y[:, None] - means) ** 2 / covariances).sum(axis=2)
    log_q = np.log(weights) - 0.5 * (np.log(covariances).sum(axis=1) + distance)
    q = np.exp(log_q - log_q.max(axis=1, keepdims=True))
    q = (q / q.sum(axis=1, keepdims=True)).astype(np.float32)
    s0, s1, s2 = q.sum(axis=0)[:, None], q.T @ x, q.T @ (x * x)
    means, covariances = means.astype(np.float32), covariances.astype(np.float32)
    scatter = s2 - 2 * means * s1 + s0 * (means**2 - covariances)
    return (scatter / (np.sqrt(2 * weights)[:, None] * covariances)).ravel() / len(x)


def far_from_zero(sets, gmm):
    """Errors of the variances' block of data that are moved away from zero."""
    rows, scale = [], np.sqrt(gmm.covariances_.mean(axis=0))
    for offset in OFFSETS:
        moved = [(x + offset * scale).astype(np.float32) for x in sets[:10]]
        mixture = (gmm.weights_, gmm.means_ + offset * scale, gmm.covariances_)
        given = SimpleNamespace(**dict(zip(("weights_", "means_", "covariances_"), mixture, strict=True)))
        peer = GaussianMixture.from_sklearn(given).to_sklearn()
        spreads = slice(-gmm.means_.size, None)
        right = [oracle.fisher_vector(x, mixture)[spreads] for x in moved]
        raw = [of_raw_moments(x, mixture) for x in moved]
        theirs = [-skimage_fisher_vector(x, peer)[spreads] for x in moved]
        ours = [fisher_vector(x, given)[spreads] for x in moved]
        rows.append([f"{offset:,}", *(shown(worst(vectors, right)) for vectors in (raw, theirs, ours))])
    text = (
        "The variances' block of float32 descriptors, each column moved by so many standard deviations. (With this "
        "float64 mixture, scikit-image computes in float64 from the squares of the descriptors on, which is more exact "
        "near 0; fishervec computes in their own type, and sums in float64.)"
    )
    return paragraph(text) + "\n\n" + table(["moved by", "raw moments", "scikit-image", "fishervec"], rows)


# ---- number types, thresholds, threads, instruction sets -------------------------------------------------


def number_types(sets, x):
    rows = []
    for k in COMPONENTS:
        gmm = GaussianMixture(k, variance_floor=1e-3, reg_covar=0, random_state=0).fit(x)
        right = [oracle.fisher_vector(s, (gmm.weights_, gmm.means_, gmm.covariances_)) for s in sets]
        encoders = [FisherVector(mixture=gmm, **PLAIN).fit(sets), FisherVector(mixture=gmm).fit(sets)]
        answers = [right, [improved(vector) for vector in right]]
        errors = [
            worst(encoder.transform([s.astype(dtype) for s in sets]), answer)
            for dtype in (np.float32, np.float64)
            for encoder, answer in zip(encoders, answers, strict=True)
        ]
        rows.append([k, *map(shown, errors)])
    head = ["K", "float32", "float32, power and L2", "float64", "float64, power and L2"]
    return table(head, rows)


def thresholds(sets, gmm):
    rows = []
    right = [oracle.fisher_vector(s, (gmm.weights_, gmm.means_, gmm.covariances_)) for s in sets]
    cured = [improved(vector) for vector in right]
    for threshold in THRESHOLDS:
        given = {"mixture": gmm, "threshold": threshold}
        plain = FisherVector(**given, **PLAIN).fit(sets).transform(sets)
        usual = FisherVector(**given).fit(sets).transform(sets)
        cosine = min(float(a @ b) for a, b in zip(usual, cured, strict=True))
        rows.append([f"{threshold:g}", shown(worst(plain, right)), shown(worst(usual, cured)), f"{cosine:.5f}"])
    return table(["posteriors below, of the largest", "vector", "with power and L2", "least cosine"], rows)


def threads(sets, x):
    """How many bytes differ between numbers of threads, of the mixture and the vectors of a fit."""
    found = []
    for n_jobs in THREADS:
        encoder = FisherVector(K, random_state=0, n_jobs=n_jobs).fit([x])
        found.append((encoder.mixture_.means_.tobytes(), encoder.transform(sets).tobytes()))
    differ = sum(one != found[0] for one in found)
    named = ", ".join(map(str, THREADS))
    return f"A fit of K = {K} to {len(x):,} descriptors and {len(sets)} encodings on {named} threads: " + (
        "all bits are equal.\n" if not differ else f"{differ} runs differ.\n"
    )


def instruction_sets(folder, sets, gmm):
    """Vectors that this program computes anew in processes of their own, one per instruction set."""
    np.savez(folder / "given.npz", w=gmm.weights_, m=gmm.means_, v=gmm.covariances_, x=np.concatenate(sets))
    vectors = {}
    for isa in ISAS:
        environment = os.environ | {"FISHERVEC_SIMD": isa}
        command = [sys.executable, __file__, "--encode", str(folder / "given.npz"), str(folder / f"{isa}.npy")]
        if subprocess.run(command, env=environment, capture_output=True, check=False).returncode == 0:
            vectors[isa] = np.load(folder / f"{isa}.npy")
    first, *others = vectors
    rows = [[f"{first} and {isa}", shown(worst(vectors[isa], vectors[first]))] for isa in others]
    return table(["instruction sets", "largest difference"], rows) if rows else "One instruction set on this machine.\n"


def encode(given, out):
    if instruction_set() != os.environ["FISHERVEC_SIMD"]:
        sys.exit("this machine does not have it")
    data = np.load(given)
    gmm = SimpleNamespace(weights_=data["w"], means_=data["m"], covariances_=data["v"])
    sets = data["x"].reshape(-1, ROWS, data["x"].shape[1])
    np.save(out, FisherVector(mixture=gmm, **PLAIN).fit(sets).transform(sets))


# ---- the page --------------------------------------------------------------------------------------------


def main(folder):
    all_rows = descriptors()[0]
    x, rest = all_rows[:FIT_ROWS], all_rows[FIT_ROWS:]
    sets = list(rest[: SETS * ROWS].reshape(SETS, ROWS, -1))
    gmm = GaussianMixture(K, variance_floor=1e-3, reg_covar=0, random_state=0).fit(x)
    about = (
        f"Written by `make errors`: dense SIFT of 12 photographs, RootSIFT, 64 principal components; {SETS} sets of "
        f"{ROWS:,} descriptors, a mixture of K = {K} fitted to {FIT_ROWS:,} others. An error is the length of the "
        "difference to float64 NumPy with all posteriors, over the length of the right answer; the largest of the sets."
    )
    parts = [
        ("Data far from zero", far_from_zero(sets, gmm)),
        ("Number types", number_types(sets, x)),
        ("Posteriors dropped", thresholds(sets, gmm)),
        ("Threads", threads(sets, x)),
        ("Instruction sets", instruction_sets(folder, sets, gmm)),
    ]
    text = PAGE.read_text().split(HEAD)[0] + f"{HEAD}\n\n{paragraph(about)}\n"
    PAGE.write_text(text + "".join(f"\n### {title}\n\n{part}" for title, part in parts))
    print(f"wrote {PAGE}")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--encode"]:
        encode(*sys.argv[2:])
    else:
        import tempfile

        with tempfile.TemporaryDirectory() as temporary:
            main(Path(temporary))

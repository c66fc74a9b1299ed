"""Builds the sdist and the wheels of a release in dist/, says their sizes and seconds, and checks what they ask for.

Each wheel is linked by Zig against glibc 2.17 (manylinux2014), so that it does not matter where it is built. Wheels are
for CPython 3.11 and later (abi3), for x86-64 and 64-bit ARM. With --free-threaded PYTHON there is one for that
interpreter, too, which abi3 does not cover.
"""

import argparse
import base64
import hashlib
import os
import re
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import notices

ROOT = Path(__file__).resolve().parent.parent
MACHINES = ("x86_64", "aarch64")
#: The oldest C library that a wheel may ask for.
POLICY = "manylinux_2_17"


def tool(name: str) -> str:
    """A program of the environment that runs this script."""
    return str(Path(sys.executable).with_name(name))


def built(folder: Path, *arguments: str) -> tuple[Path, float]:
    """The file that maturin writes, and the seconds it takes."""
    started = time.perf_counter()
    before = set(folder.glob("fishervec-*"))
    # Zig is looked for on the path.
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    command = [tool("maturin"), *arguments, "--out", str(folder)]
    run = subprocess.run(command, cwd=ROOT, env={**os.environ, "PATH": path})
    if run.returncode != 0:
        raise SystemExit(f"maturin {' '.join(arguments)} failed")
    (made,) = set(folder.glob("fishervec-*")) - before
    return made, time.perf_counter() - started


def wheel(folder: Path, machine: str, *more: str) -> tuple[Path, float]:
    target = ("--target", f"{machine}-unknown-linux-gnu", "--compatibility", "manylinux2014")
    path, seconds = built(folder, "build", "--release", "--locked", "--zig", *target, *more)
    add_licence(path, "THIRD-PARTY.txt", notices.notices(machine).encode())
    return path, seconds


def add_licence(path: Path, name: str, text: bytes) -> None:
    """Adds a file to the licences in a wheel, and to the list of its files."""
    with zipfile.ZipFile(path) as old:
        entries = [(entry, old.read(entry)) for entry in old.infolist()]
    (record,) = [entry.filename for entry, _ in entries if entry.filename.endswith(".dist-info/RECORD")]
    name = f"{record.removesuffix('RECORD')}licenses/{name}"
    digest = base64.urlsafe_b64encode(hashlib.sha256(text).digest()).decode().rstrip("=")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as new:
        new.writestr(zipfile.ZipInfo(name), text, zipfile.ZIP_DEFLATED)
        for entry, data in entries:
            more = f"{name},sha256={digest},{len(text)}\n".encode() if entry.filename == record else b""
            new.writestr(entry, data + more, zipfile.ZIP_DEFLATED)


def complaints(path: Path) -> list[str]:
    """What is wrong with a wheel: a newer C library or other libraries than its name says, files that do not belong."""
    shown = subprocess.run([tool("auditwheel"), "show", str(path)], capture_output=True, text=True)
    said = " ".join(shown.stdout.split())
    wrong = (
        [] if f'platform tag: "{POLICY}_' in said else [f"auditwheel: expected {POLICY}, got: {said or shown.stderr}"]
    )
    names = zipfile.ZipFile(path).namelist()
    strange = [name for name in names if not re.match(r"fishervec(-[^/]*\.(dist-info|data))?/", name)]
    wrong += [f"{name} does not belong in a wheel" for name in strange]
    for licence in ("LICENSE-MIT", "LICENSE-APACHE", "THIRD-PARTY.txt"):
        if not any(name.endswith(f"/licenses/{licence}") for name in names):
            wrong.append(f"{licence} is missing")
    return wrong


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=ROOT / "dist")
    parser.add_argument("--machine", choices=MACHINES, action="append", help="only for this machine")
    parser.add_argument("--free-threaded", metavar="PYTHON", help="a free-threaded interpreter to build for, too")
    given = parser.parse_args()
    given.out.mkdir(exist_ok=True)
    for old in given.out.glob("fishervec-*"):
        old.unlink()
    made = [built(given.out, "sdist")]
    made += [wheel(given.out, machine) for machine in given.machine or MACHINES]
    if given.free_threaded:
        made.append(wheel(given.out, "x86_64", "--interpreter", given.free_threaded))
    wrong = False
    for path, seconds in made:
        print(f"{path.name}: {path.stat().st_size / 1e6:.2f} MB, {seconds:.0f} s")
        for line in complaints(path) if path.suffix == ".whl" else ():
            wrong = True
            print(f"  {line}")
    return int(wrong)


if __name__ == "__main__":
    sys.exit(main())

"""What a release has to pass beyond the tests: one version everywhere, a citation that can be read, descriptions that
an index accepts, and a sdist that builds without the repository into the package that the wheels hold.
"""

import argparse
import sys
import tempfile
import time
import zipfile
from pathlib import Path

import try_wheel
import version
import wheels

ROOT = Path(__file__).resolve().parent.parent


def same_package(one: Path, other: Path) -> None:
    """Both wheels hold the same files; those that are not compiled are equal."""

    def files(path: Path) -> dict[str, int]:
        entries = zipfile.ZipFile(path).infolist()
        return {entry.filename: entry.CRC for entry in entries if entry.filename.startswith("fishervec/")}

    first, second = files(one), files(other)
    if differ := sorted(name for name, crc in first.items() ^ second.items() if not name.endswith(".so")):
        raise SystemExit(f"{one.name} and {other.name} differ in {', '.join(differ)}")


def sdist_alone(dist: Path) -> None:
    """Builds a wheel of the sdist with pip in an empty folder, and compares it with one of `make wheel`."""
    (sdist,) = dist.glob(f"fishervec-{version.current()}.tar.gz")
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        try_wheel.pip(Path(sys.executable), "wheel", "--quiet", "--no-deps", "--wheel-dir", ".", sdist, where=folder)
        (wheel,) = folder.glob("*.whl")
        same_package(wheel, next(dist.glob("fishervec-*-abi3-*.whl")))
        print(f"{sdist.name}: built alone into {wheel.name}, {time.perf_counter() - started:.0f} s")
        print(try_wheel.here(wheel, sys.executable, float("inf")))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dist", type=Path, default=ROOT / "dist")
    dist = parser.parse_args().dist.resolve()
    if wrong := version.problems():
        raise SystemExit("\n".join(wrong))
    print(f"version {version.current()}: the same everywhere")
    print(try_wheel.output(wheels.tool("cffconvert"), "--validate", where=ROOT))
    print(try_wheel.output(wheels.tool("twine"), "check", "--strict", *dist.glob("fishervec-*"), where=ROOT))
    sdist_alone(dist)
    return 0


if __name__ == "__main__":
    sys.exit(main())

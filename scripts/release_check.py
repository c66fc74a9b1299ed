"""What a release has to pass beyond the tests: one version everywhere, a citation that can be read, descriptions that
an index accepts, a sdist that builds without the repository into the package that the wheels hold, and the ways to
install from a clone: the command, and the library as a dependency of a new crate.
"""

import argparse
import os
import re
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


def command_without_python() -> None:
    """Installs the command from the clone into an empty folder, runs it and uninstalls it."""
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as name:
        path = ("--locked", "--path", ROOT / "crates/fishervec-cli", "--root", name)
        try_wheel.output("cargo", "install", "--quiet", *path, "--target-dir", target_folder(), where=Path(name))
        said = try_wheel.output(Path(name) / "bin/fishervec", "--version", where=Path(name))
        try_wheel.output("cargo", "uninstall", "--quiet", "--root", name, "fishervec-cli", where=Path(name))
        if said != f"fishervec {version.current()}" or list((Path(name) / "bin").iterdir()):
            raise SystemExit(f"cargo install: {said}; left: {list((Path(name) / 'bin').iterdir())}")
    print(f"cargo install --path: {said}, {time.perf_counter() - started:.0f} s")


def library_of_a_stranger() -> None:
    """A new crate that depends on the last commit of this repository, and runs the example of the library's README."""
    started = time.perf_counter()
    (example, *_) = re.findall(r"```rust\n(.*?)```", (ROOT / "crates/fishervec/README.md").read_text(), re.DOTALL)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "stranger"
        try_wheel.output("cargo", "new", "--quiet", "--vcs", "none", folder, where=Path(name))
        try_wheel.output("cargo", "add", "--quiet", "--git", f"file://{ROOT}", "fishervec", where=folder)
        (folder / "src/main.rs").write_text(example)
        try_wheel.output("cargo", "run", "--quiet", "--target-dir", target_folder(), where=folder)
    print(f"cargo add --git, and the README's example: {time.perf_counter() - started:.0f} s")


def target_folder() -> Path:
    """Where cargo keeps what it has compiled: dependencies are not compiled again."""
    return Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))


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
    command_without_python()
    library_of_a_stranger()
    return 0


if __name__ == "__main__":
    sys.exit(main())

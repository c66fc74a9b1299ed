"""Installs a wheel as a stranger would, in a bare environment, and runs three lines and the command; then uninstalls it.

A wheel for 64-bit ARM is imported by Debian's Python for ARM in emulation, and must print the numbers of this machine.
"""

import argparse
import os
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import debian_python
import version

ROOT = Path(__file__).resolve().parent.parent
THREE_LINES = ROOT / "scripts" / "three_lines.py"
#: The longest that an installation may take, its dependencies included.
SECONDS = 20.0


def output(*command: str | Path, where: Path, **more: str) -> str:
    """What a command prints, run in an empty folder and without the settings of a clone."""
    clean = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}
    run = subprocess.run([str(word) for word in command], cwd=where, env=clean | more, capture_output=True, text=True)
    if run.returncode != 0:
        raise SystemExit(f"{' '.join(map(str, command))} failed:\n{run.stdout}{run.stderr}")
    return run.stdout.strip()


def bare_environment(python: str, folder: Path) -> Path:
    """A new environment without packages; the path of its Python."""
    output(python, "-m", "venv", folder / "venv", where=folder)
    return folder / "venv/bin/python"


def pip(python: Path, *words: str | Path, where: Path) -> str:
    return output(python, "-m", "pip", "--disable-pip-version-check", *words, where=where)


def works(python: Path, where: Path) -> str:
    """What the three lines print, after the command has said the right version."""
    said = output(python.with_name("fishervec"), "--version", where=where)
    if said != f"fishervec {version.current()}":
        raise SystemExit(f"fishervec --version: expected fishervec {version.current()}, got {said}")
    return output(python, THREE_LINES, where=where)


def uninstalls(python: Path, where: Path) -> None:
    pip(python, "uninstall", "--yes", "fishervec", where=where)
    # Compiled copies of scripts are no part of the package.
    if left := [str(path) for path in where.rglob("*fishervec*") if path.is_file()]:
        raise SystemExit(f"pip uninstall leaves {left}")


def processor_seconds() -> float:
    """What all commands so far have used of a core, which does not depend on what else the machine does."""
    used = os.times()
    return used.children_user + used.children_system


def here(wheel: Path, python: str, limit: float, *also: str) -> str:
    """Tries a wheel of this machine; what the three lines print."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        installed = bare_environment(python, folder)
        started, used = time.perf_counter(), processor_seconds()
        pip(installed, "install", "--quiet", wheel, *also, where=folder)
        seconds, used = time.perf_counter() - started, processor_seconds() - used
        printed = works(installed, folder)
        uninstalls(installed, folder)
    print(
        f"{wheel.name}: installed in {seconds:.1f} s ({used:.1f} s of a core) and run by {' with '.join([python, *also])}"
    )
    if seconds > limit:
        raise SystemExit(f"the installation may take {limit:.0f} s at most")
    return printed


def on_arm(wheel: Path, expected: str, folder: Path) -> None:
    """Tries a wheel for 64-bit ARM in emulation."""
    if debian_python.emulator("aarch64") is None or not Path("/etc/debian_version").exists():
        print(f"{wheel.name}: NOT run: this needs Debian and qemu-user-static")
        return
    python = debian_python.command(folder, "aarch64")
    number = output(*python, "-c", "import sys; print('%d.%d' % sys.version_info[:2])", where=folder)
    kinds = ("manylinux_2_17_aarch64", "manylinux2014_aarch64", "manylinux_2_27_aarch64", "manylinux_2_28_aarch64")
    chosen = [f"--platform={kind}" for kind in kinds] + [f"--python-version={number}", "--only-binary=:all:"]
    with tempfile.TemporaryDirectory() as name:
        packages = Path(name) / "packages"
        pip(Path(sys.executable), "install", "--quiet", *chosen, "--target", packages, wheel, where=folder)
        started = time.perf_counter()
        printed = output(*python, THREE_LINES, where=packages, PYTHONPATH=str(packages))
    if printed != expected:
        raise SystemExit(f"{wheel.name}: expected {expected}, got {printed}")
    print(f"{wheel.name}: run by Debian's Python {number} for ARM in emulation, {time.perf_counter() - started:.0f} s")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dist", type=Path, default=ROOT / "dist")
    parser.add_argument("--python", action="append", help="an interpreter to try; may be given several times")
    parser.add_argument("--also", action="append", default=[], help="what to install with it, such as numpy==1.25.2")
    parser.add_argument("--seconds", type=float, default=SECONDS, help="how long an installation may take")
    parser.add_argument("--debian", type=Path, default=ROOT / "target/debian-arm64", help="where ARM's Python is kept")
    given = parser.parse_args()
    dist, printed = given.dist.resolve(), ""
    for python in given.python or [sys.executable]:
        tag = output(
            python, "-c", "import sysconfig; print(sysconfig.get_config_var('Py_GIL_DISABLED') or 0)", where=ROOT
        )
        kind = "*t-*" if tag == "1" else "*-abi3-*"
        (wheel,) = dist.glob(f"fishervec-{kind}{platform.machine()}.whl")
        printed = here(wheel, python, given.seconds, *given.also)
    for wheel in dist.glob("fishervec-*aarch64.whl"):
        on_arm(wheel, printed, given.debian.resolve())
    return 0


if __name__ == "__main__":
    sys.exit(main())

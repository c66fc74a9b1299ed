"""Rehearses a release on an index of this machine: uploads what lies in dist/, installs it from there, and runs it.

The index (pypiserver) listens on the loopback address only, holds its files in a temporary folder, and ends with this
script. What fishervec depends on comes from the index that pip is set up for. Nothing is published.
"""

import argparse
import contextlib
import hashlib
import re
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import try_wheel
import version
import wheels

ROOT = Path(__file__).resolve().parent.parent
HOST = "127.0.0.1"


def free_port() -> int:
    with socket.socket() as found:
        found.bind((HOST, 0))
        return found.getsockname()[1]


@contextlib.contextmanager
def index(folder: Path) -> Iterator[str]:
    """The address of an empty index that takes uploads from anyone on this machine, for as long as the block lasts."""
    address = f"http://{HOST}:{(port := free_port())}"
    options = [
        "--interface",
        HOST,
        "--port",
        str(port),
        "--passwords",
        ".",
        "--authenticate",
        ".",
        "--disable-fallback",
    ]
    log = (folder / "index.log").open("w")
    server = subprocess.Popen([wheels.tool("pypi-server"), "run", *options, folder], stdout=log, stderr=log)
    try:
        for _ in range(100):
            with contextlib.suppress(OSError), urllib.request.urlopen(address, timeout=1):
                break
            time.sleep(0.1)
        else:
            raise SystemExit(f"the index does not answer: {(folder / 'index.log').read_text()}")
        yield address
    finally:
        server.terminate()
        server.wait()
        log.close()


def served(address: str, name: str) -> bytes:
    """The file of that name, by the link on the index's page of the project."""
    with urllib.request.urlopen(f"{address}/simple/fishervec/", timeout=10) as page:
        links = re.findall(r'href="([^"#]+)', page.read().decode())
    (link,) = [link for link in links if link.endswith("/" + name)]
    with urllib.request.urlopen(address + link, timeout=60) as file:
        return file.read()


def python_package(dist: Path) -> None:
    """Uploads every file, compares what is served, and installs the newest version by its name."""
    files = sorted(dist.glob(f"fishervec-{version.current()}*"))
    if not any(path.suffix == ".whl" for path in files) or not any(path.suffix == ".gz" for path in files):
        raise SystemExit(
            f"expected wheels and a sdist of {version.current()} in {dist}, got {[path.name for path in files]}"
        )
    with tempfile.TemporaryDirectory() as name:
        folder, store = Path(name) / "empty", Path(name) / "index"
        folder.mkdir()
        store.mkdir()
        with index(store) as address:
            account = ("--username", "nobody", "--password", "nothing", "--non-interactive", "--disable-progress-bar")
            upload = [wheels.tool("twine"), "upload", "--repository-url", address + "/", *account, *files]
            try_wheel.output(*upload, where=folder)
            for path in files:
                if hashlib.sha256(served(address, path.name)).digest() != hashlib.sha256(path.read_bytes()).digest():
                    raise SystemExit(f"{path.name} came back changed")
            python = try_wheel.bare_environment(sys.executable, folder)
            try_wheel.pip(python, "install", "--quiet", "numpy", "scikit-learn", where=folder)
            started = time.perf_counter()
            from_here = ("--index-url", f"{address}/simple/", "--no-cache-dir")
            try_wheel.pip(python, "install", "--quiet", *from_here, "fishervec", where=folder)
            print(
                f"{len(files)} files uploaded, served, and fishervec installed in {time.perf_counter() - started:.1f} s"
            )
            print(try_wheel.works(python, folder))


def crates(*more: str) -> None:
    """What `cargo publish` would do, up to the upload."""
    packages = ("--package", "fishervec", "--package", "fishervec-cli")
    command = ["cargo", "publish", "--dry-run", "--locked", *packages, *more]
    if subprocess.run(command, cwd=ROOT).returncode != 0:
        raise SystemExit(f"{' '.join(command)} failed")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dist", type=Path, default=ROOT / "dist")
    parser.add_argument(
        "--cargo", action="append", default=[], help="an option for cargo publish, as --cargo=--no-verify"
    )
    given = parser.parse_args()
    if wrong := version.problems():
        raise SystemExit("\n".join(wrong))
    python_package(given.dist.resolve())
    crates(*given.cargo)
    return 0


if __name__ == "__main__":
    sys.exit(main())

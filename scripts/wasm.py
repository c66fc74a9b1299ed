#!/usr/bin/env python3
"""Build explorer/core.wasm.gz, the library as WebAssembly for the live page, from explorer/wasm.

Needs the target wasm32-unknown-unknown of rustup, which is added where it is missing. Where it cannot be had, Debian's
rustc-web and rust-web-src can build it: CARGO="cargo +web" and the arguments `-Zbuild-std=std,panic_abort`.

    python3 scripts/wasm.py [further arguments of cargo build]
"""

import gzip
import os
import shlex
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TARGET = "wasm32-unknown-unknown"


def renamed():
    """Flags that keep the folders of this machine out of the module: places in panics name files below them."""
    sources = Path(os.environ.get("CARGO_HOME", Path.home() / ".cargo")) / "registry" / "src"
    folders = {ROOT: "fishervec", **dict.fromkeys(sources.glob("*"), "crates")}
    return [f"--remap-path-prefix={folder}={name}" for folder, name in folders.items()]


def add_target():
    installed = subprocess.run(["rustup", "target", "list", "--installed"], capture_output=True, text=True, check=False)
    if installed.returncode == 0 and TARGET not in installed.stdout.split():
        subprocess.run(["rustup", "target", "add", TARGET], check=True)


def main(arguments):
    if not arguments:
        add_target()
    cargo = shlex.split(os.environ.get("CARGO", "cargo"))
    flags = "\x1f".join(renamed())
    command = [
        "build",
        "--profile",
        "wasm",
        "--package",
        "fishervec-explorer",
        "--target",
        TARGET,
        "--locked",
        *arguments,
    ]
    subprocess.run([*cargo, *command], cwd=ROOT, env={**os.environ, "CARGO_ENCODED_RUSTFLAGS": flags}, check=True)
    folder = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    module = (folder / TARGET / "wasm" / "fishervec_explorer.wasm").read_bytes()
    packed = gzip.compress(module, 9, mtime=0)
    (ROOT / "explorer" / "core.wasm.gz").write_bytes(packed)
    print(f"Wrote explorer/core.wasm.gz: {len(module) / 1000:.0f} kB, {len(packed) / 1000:.0f} kB compressed")


if __name__ == "__main__":
    main(sys.argv[1:])

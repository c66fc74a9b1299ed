"""Checks that no dependency of the published crates needs a newer Rust than the workspace's `rust-version` says.

Clippy's `incompatible_msrv` checks the code itself. Where the toolchain of that version is installed, the crates are
compiled with it, too; where it is not, this says so.
"""

import json
import subprocess
import sys


def output(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split("."))


def main() -> int:
    metadata = json.loads(output("cargo", "metadata", "--format-version", "1", "--locked", "--all-features"))
    packages = {package["id"]: package for package in metadata["packages"]}
    nodes = {node["id"]: node for node in metadata["resolve"]["nodes"]}
    ours = [id for id in metadata["workspace_members"] if packages[id]["name"] in ("fishervec", "fishervec-cli")]
    oldest = packages[ours[0]]["rust_version"]

    # What the published crates are compiled from: no dependencies of tests.
    needed, open_ids = set(), list(ours)
    while open_ids:
        if (id := open_ids.pop()) not in needed:
            needed.add(id)
            kinds = ((dep["pkg"], {kind["kind"] for kind in dep["dep_kinds"]}) for dep in nodes[id]["deps"])
            open_ids += [dep for dep, kind in kinds if kind - {"dev"}]
    newer = [
        f"{package['name']} {package['version']} needs Rust {package['rust_version']}"
        for package in (packages[id] for id in sorted(needed))
        if package["rust_version"] and version(package["rust_version"])[:2] > version(oldest)[:2]
    ]
    for line in newer:
        print(line)
    print(f"Rust {oldest}: {len(needed)} crates, {len(newer)} of which need a newer one")
    if newer:
        return 1

    toolchains = [line.split()[0] for line in output("rustup", "toolchain", "list").splitlines()]
    if not any(toolchain.startswith(f"{oldest}") for toolchain in toolchains):
        print(f"the toolchain {oldest} is not installed: nothing was compiled with it")
        return 0
    crates = ["--package", "fishervec", "--package", "fishervec-cli"]
    folder = ["--target-dir", "target/msrv"]
    return subprocess.run(["cargo", f"+{oldest}", "check", "--quiet", "--locked", *crates, *folder]).returncode


if __name__ == "__main__":
    sys.exit(main())

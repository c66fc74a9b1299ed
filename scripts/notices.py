"""Prints the licences of all crates that are compiled into the Python module: a wheel carries them.

A licence asks that its text and the names in it come with every copy; the compiled module is one. Each text is printed
once, after the crates that have it.
"""

import json
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
OURS = ("fishervec", "fishervec-cli", "fishervec-python")
#: How files with licences and notices are called.
KINDS = ("LICENSE", "LICENCE", "COPYING", "NOTICE", "COPYRIGHT", "UNLICENSE")


def compiled_in(machine: str) -> list[dict]:
    """The packages that the module is made of: no tests, no tools of the build, no macros."""
    command = [
        "cargo",
        "metadata",
        "--format-version",
        "1",
        "--locked",
        "--filter-platform",
        f"{machine}-unknown-linux-gnu",
    ]
    metadata = json.loads(subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout)
    packages = {package["id"]: package for package in metadata["packages"]}
    nodes = {node["id"]: node for node in metadata["resolve"]["nodes"]}
    seen, waiting = set(), [id for id, package in packages.items() if package["name"] == "fishervec-python"]
    while waiting:
        if (id := waiting.pop()) in seen:
            continue
        kinds = {kind for target in packages[id]["targets"] for kind in target["kind"]}
        if "proc-macro" in kinds:
            continue
        seen.add(id)
        for dependency in nodes[id]["deps"]:
            if any(kind["kind"] is None for kind in dependency["dep_kinds"]):
                waiting.append(dependency["pkg"])
    return sorted(
        (packages[id] for id in seen if packages[id]["name"] not in OURS), key=lambda package: package["name"]
    )


def texts(package: dict) -> list[str]:
    folder = Path(package["manifest_path"]).parent
    files = [path for path in sorted(folder.iterdir()) if path.is_file() and path.name.upper().startswith(KINDS)]
    return [path.read_text(encoding="utf-8", errors="replace").strip() for path in files]


def notices(machine: str) -> str:
    owners, whole = defaultdict(list), {}
    lines = [
        "The compiled module of fishervec contains the standard library of Rust (MIT OR Apache-2.0; The Rust Project",
        "Developers) and these crates. Below are the texts of their licences, as far as the crates come with them.",
        "",
    ]
    for package in compiled_in(machine):
        name = f"{package['name']} {package['version']}"
        lines.append(f"{name}: {package['license']}; {', '.join(package['authors']) or 'its authors'}")
        for text in texts(package):
            # The same words in lines of another length are the same licence.
            words = " ".join(text.split())
            whole.setdefault(words, text)
            owners[words].append(name)
    for words, names in owners.items():
        lines += ["", "-" * 80, ", ".join(dict.fromkeys(names)), "-" * 80, "", whole[words]]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.stdout.write(notices(sys.argv[1] if len(sys.argv) > 1 else "x86_64"))

"""The version of the project: whether every file that must say it agrees, or, given a version, writes it to all.

`version` of [workspace.package] in Cargo.toml is the one; Python's package and all crates take it from there. The others
are repeated because their formats have no way to refer to it.
"""

import re
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
NUMBER = r"\d+\.\d+\.\d+(?:-[0-9A-Za-z.]+)?"
SOURCE = (r'(?m)^(\[workspace\.package\]\nversion = ")(' + NUMBER + ')"', "[workspace.package]")
#: Where else it stands: the file, what surrounds it, what that is called.
COPIES = (
    ("Cargo.toml", r'(?m)^(fishervec = \{ path = [^\n]*version = "=)(' + NUMBER + ')"', "the dependency fishervec"),
    (
        "Cargo.toml",
        r'(?m)^(fishervec-cli = \{ path = [^\n]*version = "=)(' + NUMBER + ')"',
        "the dependency fishervec-cli",
    ),
    ("Cargo.lock", r'(name = "fishervec[a-z-]*"\nversion = ")(' + NUMBER + ')"', "the crates of the workspace"),
    ("fuzz/Cargo.lock", r'(name = "fishervec"\nversion = ")(' + NUMBER + ')"', "fishervec"),
    ("benchmarks/kernel/Cargo.lock", r'(name = "fishervec"\nversion = ")(' + NUMBER + ')"', "fishervec"),
    ("docs/install.md", r"(fishervec-)(" + NUMBER + r")(?=-cp311|\.tar\.gz)", "the names of files"),
    ("CITATION.cff", r"(?m)^(version: )(" + NUMBER + ")$", "version"),
)
#: How pyproject.toml and the crates take it from elsewhere.
DYNAMIC = r'(?m)^dynamic = \["version"\]$|^version\.workspace = true$'


def text(root: Path, name: str) -> str:
    return (root / name).read_text(encoding="utf-8")


def current(root: Path = ROOT) -> str:
    found = re.search(SOURCE[0], text(root, "Cargo.toml"))
    if found is None:
        raise SystemExit("Cargo.toml: [workspace.package] does not begin with its version")
    return found[2]


def takers(root: Path = ROOT) -> list[str]:
    """The files that must take the version from the workspace."""
    members = tomllib.loads(text(root, "Cargo.toml"))["workspace"]["members"]
    return ["pyproject.toml", *(f"{member}/Cargo.toml" for member in members)]


def problems(root: Path = ROOT) -> list[str]:
    """What does not agree with the version of the workspace."""
    version = current(root)
    wrong = []
    for name, pattern, what in COPIES:
        said = {found[2] for found in re.finditer(pattern, text(root, name))}
        if said != {version}:
            wrong.append(f"{name}, {what}: expected {version}, got {', '.join(sorted(said)) or 'none'}")
    for name in takers(root):
        if not re.search(DYNAMIC, text(root, name)):
            wrong.append(f"{name}: expected to take its version from the workspace")
    if not re.search(rf"(?m)^## \[{re.escape(version)}\]", text(root, "CHANGELOG.md")):
        wrong.append(f"CHANGELOG.md: expected a section ## [{version}]")
    return wrong


def write(version: str, root: Path = ROOT) -> None:
    for name, pattern, _ in (("Cargo.toml", *SOURCE), *COPIES):
        changed = re.sub(pattern, lambda found: found[0].replace(found[2], version), text(root, name))
        (root / name).write_text(changed, encoding="utf-8")


def main() -> int:
    if len(sys.argv) > 1:
        if not re.fullmatch(NUMBER, sys.argv[1]):
            print(f"expected a version such as 0.2.0, got {sys.argv[1]}", file=sys.stderr)
            return 2
        write(sys.argv[1])
    wrong = problems()
    print(*wrong or [current()], sep="\n")
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())

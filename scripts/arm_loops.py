#!/usr/bin/env python3
"""What the hot loops compile to for 64-bit ARM, which cannot be timed under emulation: the innermost loops that multiply
and add at least 32 numbers at a time, those with the fewest instructions per multiply-add first.

python scripts/arm_loops.py [FILE.s]
"""

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TARGET = "aarch64-unknown-linux-musl"
#: What multiplies and adds, by the numbers that one instruction takes.
KINDS = {
    "products of 16-bit integers": (re.compile(r"(smlal2?|smull2?|mla)\s.*\.4s,"), 4),
    "float32": (re.compile(r"fml[as]\s.*\.4s,"), 4),
    "float64": (re.compile(r"fml[as]\s.*\.2d,"), 2),
}
#: A loop with fewer multiply-adds is what is left at an edge.
MUCH = 32
LABEL, BRANCH = re.compile(r"^(\.L\w+):"), re.compile(r"^\s+(?:b\.\w+|b|cbn?z|tbn?z)\s.*?(\.L\w+)$")


def compiled() -> str:
    """The library's assembly, in one unit so that all of it is in one file."""
    environment = os.environ | {"CARGO_TARGET_AARCH64_UNKNOWN_LINUX_MUSL_LINKER": "rust-lld"}
    command = ["cargo", "rustc", "--quiet", "--release", "--package", "fishervec", "--lib", "--target", TARGET]
    subprocess.run([*command, "--", "--emit=asm", "-Ccodegen-units=1"], cwd=ROOT, env=environment, check=True)
    target = Path(environment.get("CARGO_TARGET_DIR", ROOT / "target"))
    files = (target / TARGET / "release" / "deps").glob("fishervec-*.s")
    return max(files, key=lambda path: path.stat().st_mtime).read_text()


def loops(text: str) -> list[list[str]]:
    """The instructions of each innermost loop: from a label to a branch back to it, with no label between."""
    found: list[list[str]] = []
    label, body = "", []
    for line in text.splitlines():
        if start := LABEL.match(line):
            label, body = start[1], []
        elif line.startswith("\t") and not line.startswith("\t."):
            body.append(line.strip())
            branch = BRANCH.match(line)
            if branch and branch[1] == label:
                found.append(body)
                body = []
    return found


def main() -> int:
    text = Path(sys.argv[1]).read_text() if len(sys.argv) > 1 else compiled()
    bodies = loops(text)
    print(f"{'loop':28} {'instructions':>12} {'multiply-adds':>13} {'instructions each':>17}")
    for kind, (pattern, lanes) in KINDS.items():
        counts = [(sum(bool(pattern.match(line)) for line in body) * lanes, len(body)) for body in bodies]
        # Those that do much at once, the best first.
        counts = sorted({count for count in counts if count[0] >= MUCH}, key=lambda count: count[1] / count[0])
        if not counts:
            print(f"{kind:28} none")
        for adds, length in counts[:3]:
            print(f"{kind:28} {length:12} {adds:13} {length / adds:17.3f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

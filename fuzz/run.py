"""Runs every fuzz target for some seconds (make fuzz), and says what came of it.

    python3 fuzz/run.py [SECONDS] [--targets NAME ...] [--record FILE]

Needs the nightly toolchain; cargo-fuzz is installed if it is missing. The corpus of a target, fuzz/corpus/NAME, grows
from run to run. An input that breaks a target is kept in fuzz/artifacts/NAME, and the exit code is 1. --record replaces
the rows of these targets in the table of FILE (docs/fuzzing.md).
"""

import argparse
import datetime
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
CARGO = ["cargo", "+nightly", "fuzz"]
#: A single allocation above this is a finding; decoders of images may hold a picture and a copy.
LIMITS = {"jpeg": 512, "png": 512, "tiff": 512, "webp": 512}
LIMIT = 128
#: The head of the table of runs.
HEAD = "| target | time | executions | inputs kept | findings | date |\n|---|---|---|---|---|---|\n"


def prepare() -> list[str]:
    """The names of all targets, built, with their seeds."""
    if shutil.which("cargo-fuzz") is None:
        subprocess.run(["cargo", "install", "cargo-fuzz"], check=True)
    subprocess.run([sys.executable, FOLDER / "seeds.py", FOLDER / "corpus"], check=True)
    subprocess.run([*CARGO, "build"], check=True, cwd=FOLDER.parent)
    return subprocess.run(
        [*CARGO, "list"], check=True, cwd=FOLDER.parent, text=True, stdout=subprocess.PIPE
    ).stdout.split()


def fuzz(target: str, seconds: int) -> tuple[int, int, bool]:
    """Executions, inputs in the corpus, and whether an input broke the target."""
    limit = LIMITS.get(target, LIMIT)
    options = [
        f"-max_total_time={seconds}",
        "-timeout=10",
        f"-malloc_limit_mb={limit}",
        "-rss_limit_mb=2048",
        "-max_len=16384",
        "-print_final_stats=1",
    ]
    # Each execution writes a file: in memory where there is such a folder.
    place = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    with tempfile.TemporaryDirectory(dir=place) as folder:
        done = subprocess.run(
            [*CARGO, "run", target, "--", *options],
            cwd=FOLDER.parent,
            text=True,
            errors="replace",
            stderr=subprocess.PIPE,
            env=os.environ | {"TMPDIR": folder},
        )
    executed = re.search(r"stat::number_of_executed_units: (\d+)", done.stderr)
    if done.returncode:
        print(done.stderr[-6000:], file=sys.stderr)
    if executed is None:
        sys.exit(f"{target} did not run")
    return int(executed[1]), len(list((FOLDER / "corpus" / target).iterdir())), done.returncode != 0


def record(path: Path, rows: dict[str, str]) -> None:
    """Puts the rows into the table of the file below HEAD, in place of those of the same targets."""
    before, _, rest = path.read_text().partition(HEAD)
    table, _, after = f"\n{rest}".partition("\n\n")
    known = dict(re.findall(r"^\| `(\w+)` (\|.*\|)$", table, re.MULTILINE))
    lines = [f"| `{name}` {row}\n" for name, row in sorted((known | rows).items())]
    path.write_text(before + HEAD + "".join(lines) + "\n" + after.lstrip("\n"))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("seconds", nargs="?", type=int, default=60)
    parser.add_argument("--targets", nargs="+")
    parser.add_argument("--record", type=Path)
    arguments = parser.parse_args()
    known, broken = prepare(), []
    for target in arguments.targets or known:
        executions, corpus, failed = fuzz(target, arguments.seconds)
        broken += [target] if failed else []
        row = f"| {arguments.seconds} s | {executions:,} | {corpus:,} | {int(failed)} | {datetime.date.today()} |"
        print(f"{target} {row}", flush=True)
        if arguments.record and not failed:
            record(arguments.record, {target: row})
    if broken:
        sys.exit(f"an input broke {', '.join(broken)}: see fuzz/artifacts")


if __name__ == "__main__":
    main()

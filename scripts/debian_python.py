"""Debian's Python of another architecture, unpacked in a folder and run by QEMU: nothing on the machine changes.

apt reads the machine's own sources, for that architecture and with folders of its own. Needs Debian and qemu-user-static.
"""

import shutil
import subprocess
from pathlib import Path

#: What the wheels call an architecture, and what Debian calls it.
NAMES = {"aarch64": "arm64", "x86_64": "amd64"}
#: NumPy's wheels need the library of C++, too.
PACKAGES = ("python3", "libstdc++6")


def emulator(machine: str) -> str | None:
    """The emulator of user programs, whose name differs between versions of Debian."""
    return shutil.which(f"qemu-{machine}-static") or shutil.which(f"qemu-{machine}")


def unpacked(folder: Path, machine: str) -> Path:
    """Debian's python3 with its standard library and the C library, unpacked there once; the path of the program."""
    if not (programs := sorted(folder.glob("usr/bin/python3.[0-9]*"))):
        state, cache = folder / "apt/state", folder / "apt/cache"
        for needed in (state / "lists/partial", cache / "archives/partial"):
            needed.mkdir(parents=True, exist_ok=True)
        (state / "status").touch()
        settings = {
            "APT::Architecture": NAMES[machine],
            "APT::Architectures": NAMES[machine],
            "APT::Install-Recommends": "false",
            "APT::Sandbox::User": "root",
            "Dir::State": str(state),
            "Dir::State::status": str(state / "status"),
            "Dir::Cache": str(cache),
        }
        apt = ["apt-get", "-qq", "-y", *(f"-o{name}={value}" for name, value in settings.items())]
        # A source that has nothing for this architecture may be passed over.
        subprocess.run([*apt, "update"], check=False, capture_output=True)
        subprocess.run([*apt, "install", "--download-only", *PACKAGES], check=True, stdout=subprocess.DEVNULL)
        for package in sorted((cache / "archives").glob("*.deb")):
            subprocess.run(["dpkg-deb", "--extract", package, folder], check=True)
        programs = sorted(folder.glob("usr/bin/python3.[0-9]*"))
    return programs[0]


def command(folder: Path, machine: str) -> list[str]:
    """The start of a command line that runs that Python."""
    qemu = emulator(machine)
    if qemu is None:
        raise FileNotFoundError(f"there is no emulator of {machine}: install qemu-user-static")
    return [qemu, "-L", str(folder), str(unpacked(folder, machine))]

"""The machine that the benchmark runs on, and its peak of multiplications and additions."""

import datetime
import importlib.metadata
import json
import os
import platform
import re
import subprocess
import sys
import time
from pathlib import Path

import threadpoolctl
from peers import rust_kmeans, vlfeat

HERE = Path(__file__).resolve().parent
RECORD = HERE / "record"
PACKAGES = ["fishervec", "numpy", "scikit-image", "scikit-learn", "scipy"]


def fma_peak(n_threads):
    """The peak of fused multiply-adds, {"float32": GFLOP/s, "float64": GFLOP/s}, which fma_peak.rs measures."""
    program = HERE.parent / "data/bench/fma_peak"
    command = ["rustc", "-O", "-C", "target-cpu=native", "-o", program, HERE / "fma_peak.rs"]
    subprocess.run(command, check=True)
    done = subprocess.run([program, str(n_threads)], check=True, capture_output=True, text=True)
    single, double, _ = done.stdout.split()
    return {"float32": float(single), "float64": float(double)}


def cpu():
    """Model name, and family and model number if the system has them: virtual machines often hide the name."""
    text = Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").exists() else ""
    fields = dict(re.findall(r"^([^\t:]+)\t*: (.*)$", text, re.MULTILINE))
    name = fields.get("model name") or platform.processor() or platform.machine()
    numbers = [fields[key] for key in ("cpu family", "model") if key in fields]
    return name, numbers


class Others:
    """How many cores other processes, or other virtual machines, have used since this object was made."""

    def __init__(self):
        self.started, self.busy, self.own = time.perf_counter(), self._busy(), self._own()

    @staticmethod
    def _busy():
        """Busy seconds of all cores: user, nice, system, irq, softirq, steal, without idle and iowait."""
        if not Path("/proc/stat").exists():
            return float("nan")
        ticks = [int(n) for n in Path("/proc/stat").read_text().split("\n")[0].split()[1:9]]
        return (sum(ticks) - ticks[3] - ticks[4]) / os.sysconf("SC_CLK_TCK")

    @staticmethod
    def _own():
        return sum(os.times()[:4])

    def __str__(self):
        seconds = time.perf_counter() - self.started
        cores = (self._busy() - self.busy - self._own() + self.own) / seconds
        return f"used {cores:.2f} cores on average" + (": NOT IDLE, do not trust the numbers" if cores > 0.1 else "")


def owner(library):
    """The package of a shared library, such as numpy for .../numpy.libs/libscipy_openblas64_-32a4b2a6.so."""
    return re.split(r"[._]", Path(library["filepath"]).parent.name)[0]


def describe(sift):
    """The head of a record, one entry per line; `sift` is a file for the Rust example to open."""
    name, numbers = cpu()
    blas = [lib for lib in threadpoolctl.threadpool_info() if lib["user_api"] == "blas" and owner(lib) != "opencv"]
    level = rust_kmeans(sift, 100, 2, 1, [0], sift.with_name("kmeans.npy"))["level"]
    head = subprocess.run(["git", "describe", "--always", "--dirty"], cwd=HERE, capture_output=True, text=True)
    return {
        "date": datetime.date.today().isoformat(),
        "commit": head.stdout.strip() or "unknown",
        "cpu": name + (f" (family {numbers[0]}, model {numbers[1]})" if len(numbers) == 2 else ""),
        "cores": str(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()),
        "system": f"{platform.system()} {platform.machine()}, Python {platform.python_version()}",
        "blas": "; ".join(f"{owner(b)}: {b['internal_api']} {b['version']}, kernel {b['architecture']}" for b in blas),
        "simd of fishervec": level,
        "vlfeat": "LIBVL" if os.environ.get("LIBVL") else f"the distribution's {vlfeat.PATH}",
        "versions": ", ".join(f"{package} {importlib.metadata.version(package)}" for package in PACKAGES),
    }


def slug():
    """The name of the machine's folder, such as amd-epyc-f25-m17-2c."""
    name, numbers = cpu()
    parts = [re.sub(r"\(.*?\)|@.*|\d+-Core|Processor|CPU", "", name)]
    parts += [letter + number for letter, number in zip("fm", numbers, strict=False)]
    parts.append(f"{os.cpu_count()}c")
    return re.sub(r"[^a-z0-9]+", "-", " ".join(parts).lower()).strip("-")


def record(kind, suffix="csv"):
    """The path of today's record of this machine; `kind` is "" for the benchmark."""
    folder = RECORD / slug()
    folder.mkdir(parents=True, exist_ok=True)
    return folder / f"{datetime.date.today().isoformat()}{kind}.{suffix}"


def refuse_coretype():
    if "OPENBLAS_CORETYPE" in os.environ:
        sys.exit("OPENBLAS_CORETYPE is set, so NumPy would not use the BLAS kernel of this machine. Unset it.")


if __name__ == "__main__":
    print(json.dumps({"slug": slug(), "peak": {n: fma_peak(n) for n in (1, 2)}}, indent=1))

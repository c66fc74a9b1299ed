"""Print the peak memory of one EM fit, in MB above what was in use with the data loaded.

python benchmarks/memory.py fishervec 200000
"""

import re
import sys
from pathlib import Path

import descriptors
import peers

FITS = {
    "fishervec": peers.ours_em,
    "NumPy-BLAS": peers.numpy_em,
    "scikit-learn": peers.sklearn_fit,
    "VLFeat": peers.vlfeat_em,
}


def status(field):
    """A field of /proc/self/status in MB. The maximum of getrusage would include the parent's, which survives exec."""
    return int(re.search(rf"^{field}:\s+(\d+)", Path("/proc/self/status").read_text(), re.MULTILINE)[1]) / 1024


if __name__ == "__main__":
    name, n_rows = sys.argv[1], int(sys.argv[2])
    x = descriptors.load("sift64")[:n_rows].copy()
    start = descriptors.load_mixture("start64")
    # This resets the peak, which came from loading all rows, to what is in use now.
    Path("/proc/self/clear_refs").write_text("5")
    before = status("VmRSS")
    with peers.threads(2):
        FITS[name](x, start)
    print(f"{status('VmHWM') - before:.0f}")

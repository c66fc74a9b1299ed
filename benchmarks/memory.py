"""The peak memory of one EM fit, in a process of its own: MB above what was in use with the data loaded.

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
    """MB of a field of /proc/self/status. getrusage's maximum would include the parent's, which outlives the exec."""
    return int(re.search(rf"^{field}:\s+(\d+)", Path("/proc/self/status").read_text(), re.MULTILINE)[1]) / 1024


if __name__ == "__main__":
    name, n_rows = sys.argv[1], int(sys.argv[2])
    x = descriptors.load("sift64")[:n_rows].copy()
    start = descriptors.load_mixture("start64")
    # The peak so far, of loading all rows, is forgotten; what is in use now is not.
    Path("/proc/self/clear_refs").write_text("5")
    before = status("VmRSS")
    with peers.threads(2):
        FITS[name](x, start)
    print(f"{status('VmHWM') - before:.0f}")

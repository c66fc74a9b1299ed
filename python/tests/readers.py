"""What every reader of sets must do, whatever its format is, and sets to write into files."""

import pickle

import numpy as np
from numpy.testing import assert_array_equal

RNG = np.random.default_rng(0)
SETS = [RNG.normal(size=(n, 3)).astype(np.float32) for n in (5, 0, 7, 1, 30)]
NAMES = ["s1", "s2", "s10", "ä b", "s3"]
ROWS = np.concatenate(SETS)
KEYS = np.repeat(NAMES, [len(x) for x in SETS])
#: The rows in an order in which no set lies together, and the sets in the order of their first rows.
MIXED = RNG.permutation(len(ROWS))
BY_KEY = {key: ROWS[MIXED][KEYS[MIXED] == key] for key in dict.fromkeys(KEYS[MIXED])}


def check(reader, sets, names=None):
    """Read each set whole, in part, in blocks, and after pickling; the numbers are those of `sets`."""
    assert reader.sizes == [len(x) for x in sets]
    assert all(isinstance(name, str) for name in reader.names) and len(reader.names) == len(sets)
    assert names is None or reader.names == list(names)
    for one in (reader, pickle.loads(pickle.dumps(reader))):
        for i in [*range(len(sets)), *reversed(range(len(sets)))]:
            whole = one.read(i, 0, len(sets[i]))
            assert whole.dtype == reader.dtype and whole.shape == (len(sets[i]), reader.dim)
            assert_array_equal(whole, sets[i])
            middle = slice(len(sets[i]) // 3, len(sets[i]) - len(sets[i]) // 4)
            assert_array_equal(one.read(i, middle.start, middle.stop), sets[i][middle])
    blocks = [[] for _ in sets]
    for i, block in reader.iter_blocks():
        assert block.shape[1] == reader.dim and block.dtype == reader.dtype
        blocks[i].append(block)
    for parts, x in zip(blocks, sets, strict=True):
        assert_array_equal(np.concatenate([np.empty((0, x.shape[1])), *parts]), x)

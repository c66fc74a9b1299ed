"""Imports point one way, and modules are imported only when they are needed."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

import fishervec
from fishervec import _registry

PACKAGE = Path(fishervec.__file__).parent
COMMAND = Path(sys.executable).with_name("fishervec")

#: From the bottom to the top: a module imports only from lines above its own.
ORDER = """
_types _registry _foreign _palette
_batch _reading
_fishervec
_checks _threads _docs _doc_link
_deprecation _reports _missing _lazy _outputs _progress _file_sets
_sampling _contributions _smoothing _shown _axes
_plane
_arrow _cures _positions _unopened
_frames _pieces _table_columns _grouped _ark
_columns _image_input _groups
_joined
_csv _table_of
_sets
_parts _polish _settings
_report
_training
_stored _container _tables
_zarr _vectors
_anndata
_readers
_found
_open
_files _merging _record_batches
_mixture_base
_mixture _function
gist skimage
_given _base
_pca _dense_sift
_climb
_encoder_fit
_encoder_parts
_encoder
_engine
_fisher _codebook _pooling arrow
_images
_learned
plot
_cluster
_held
_sources
_passed
_encoded _passes
_shards
_on_cluster _rows_on_cluster
dask
_cli
__init__
"""
LEVEL = {module: level for level, line in enumerate(ORDER.split("\n")) for module in line.split()}

#: Imports inside functions, with the reason.
LAZY = {
    ("_mixture", "sklearn.mixture"): "only a conversion to scikit-learn's mixture needs it",
    ("_arrow", "pyarrow"): "an optional package, needed for its own arrays alone",
    ("_groups", "pandas"): "an optional package, needed for its own output alone",
    ("_progress", "tqdm"): "an optional package, needed for bars alone",
    ("_arrow", "pyarrow.compute"): "the same",
    ("_table_columns", "pyarrow"): "the same",
    ("_vectors", "pyarrow"): "an optional package, needed for .parquet alone",
    ("_vectors", "pyarrow.parquet"): "the same",
    ("_vectors", "h5py"): "an optional package, needed for .h5 alone",
    ("_tables", "pyarrow"): "the same, and its files",
    ("_pieces", "pyarrow"): "the same, and its files",
    ("_pieces", "pyarrow.parquet"): "the same, and its files",
    ("_table_of", "pyarrow"): "the same, and its files",
    ("_table_of", "pyarrow.dataset"): "the same, and its files",
    ("_csv", "pyarrow"): "the same, and its files",
    ("_csv", "pyarrow.csv"): "the same, and its files",
    ("_csv", "pyarrow.compute"): "the same, and its files",
    ("_merging", "pyarrow"): "an optional package, needed for record batches alone",
    ("_record_batches", "pyarrow"): "the same",
    ("_engine", "pyarrow"): "the same",
    ("_zarr", "zarr"): "an optional package, needed for its own arrays alone",
    ("_anndata", "h5py"): "an optional package, needed for .h5ad files alone",
    ("_axes", "matplotlib.pyplot"): "an optional package, needed for plots alone",
    ("_axes", "matplotlib.ticker"): "the same",
    ("_ark", "kaldiio.matio"): "an optional package, needed for compressed arks alone",
    ("_image_input", "PIL"): "an optional package, needed for its own images alone",
}


def imports_of(path):
    """Each import of a file: the module, and whether it is inside a function."""
    tree = ast.parse(path.read_text())
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    inside = {id(node) for function in functions for node in ast.walk(function)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import) or (isinstance(node, ast.ImportFrom) and node.level and node.module is None):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module]
        else:
            continue
        for name in names:
            yield name, id(node) in inside


FILES = sorted([*PACKAGE.glob("*.py"), *PACKAGE.glob("*.pyi")])


def test_every_module_has_a_place_in_the_order():
    assert {path.stem for path in FILES} == set(LEVEL)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_a_module_imports_only_from_below(path):
    wrong = [name for name, _ in imports_of(path) if name in LEVEL and LEVEL[name] >= LEVEL[path.stem]]
    assert wrong == []


def test_imports_inside_functions_have_a_reason():
    lazy = {(path.stem, name) for path in FILES for name, inside in imports_of(path) if inside}
    assert lazy == set(LAZY)


def test_the_registry_alone_imports_by_name():
    # The order above cannot see an import by a string.
    users = [path.stem for path in FILES if "import_module" in path.read_text() or "__import__" in path.read_text()]
    assert users == ["_registry"]


# ---- imports at run time ---------------------------------------------------------------------------------


def python(code):
    """What a fresh interpreter prints."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


HEAVY = "print(*sorted({'numpy', 'sklearn', 'scipy'} & set(sys.modules)))"


@pytest.mark.parametrize(
    "code", ["pass", "dir(fishervec)", "fishervec.__all__", "fishervec.__version__", "fishervec.Statistics", "help"]
)
def test_the_package_alone_imports_neither_numpy_nor_scikit_learn(code):
    assert python(f"import sys, fishervec; {code}; {HEAVY}") == []


@pytest.mark.parametrize(
    "code",
    [
        "fishervec.FisherVector",
        "from fishervec import Pooling",
        "from fishervec import *; FisherVector, load, __version__",
        "fishervec.load",
        "fishervec.gist",
        "import fishervec.skimage",
        "import pickle; pickle.loads(b'cfishervec._fisher\\nFisherVector\\n.')",
    ],
)
def test_an_estimator_imports_them(code):
    assert "sklearn" in python(f"import sys, fishervec; {code}; {HEAVY}")


def test_the_package_looks_complete():
    assert set(fishervec.__all__) <= set(dir(fishervec))
    namespace = {}
    exec("from fishervec import *", namespace)
    assert {name: namespace[name] for name in fishervec.__all__} == {
        name: getattr(fishervec, name) for name in fishervec.__all__
    }
    with pytest.raises(AttributeError, match="module 'fishervec' has no attribute 'FisherVectors'"):
        fishervec.FisherVectors  # noqa: B018
    with pytest.raises(ImportError, match="FisherVectors"):
        from fishervec import FisherVectors  # noqa: F401


def test_the_public_modules_are_attributes_of_the_package():
    for name in _registry.MODULES:
        assert name in dir(fishervec)
        assert python(f"import fishervec; print(fishervec.{name}.__name__)") == [f"fishervec.{name}"]


def test_the_name_of_scikit_image_stays_scikit_images():
    # Neither inside the package nor after an import of all its names.
    code = "import skimage; from fishervec import *; import fishervec.skimage; print(skimage.__name__)"
    assert python(code) == ["skimage"]
    assert not set(_registry.MODULES) & set(fishervec.__all__)
    assert python("from fishervec.skimage import *; print(fisher_vector.__module__)") == ["fishervec.skimage"]


def test_the_command_imports_neither():
    code = f"import sys; sys.argv = ['fishervec', '--version']; from fishervec._cli import main; main(); {HEAVY}"
    assert python(code) == ["fishervec", fishervec.__version__]


def cpu_seconds(*command):
    """User and system time of a child process, which other processes do not add to."""
    child = subprocess.Popen(command, stdout=subprocess.PIPE)
    output = child.stdout.read()
    child.stdout.close()
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    assert child.returncode == 0
    return usage.ru_utime + usage.ru_stime, output.decode().split()


def test_the_command_starts_within_a_seventh_of_a_second_of_cpu_time():
    # The least of several runs is what the command itself needs: a loaded machine only adds to it.
    times, outputs = zip(*(cpu_seconds(COMMAND, "--version") for _ in range(5)), strict=True)
    assert set(map(tuple, outputs)) == {("fishervec", fishervec.__version__)}
    assert min(times) < 0.15, times

"""AnnData as sets of cells: files as anndata writes them, written here by h5py and zarr, and objects.

With anndata installed (`make test-anndata`), its own files and objects are read as well.
"""

from types import SimpleNamespace

import h5py
import numpy as np
import pandas as pd
import pytest
import zarr
from numpy.testing import assert_array_equal
from scipy import sparse

from fishervec import _reading
from fishervec._readers import kind_of, open_reader
from readers import check

pytestmark = pytest.mark.filterwarnings("ignore:.*does not have a Zarr V3 specification")

RNG = np.random.default_rng(0)
N = 300
COUNTS = RNG.poisson(0.7, size=(N, 20)).astype(np.float32)
PCA = RNG.normal(size=(N, 4))
SAMPLE = RNG.choice(["p1", "p2", "p10"], N)
ORDER = list(dict.fromkeys(SAMPLE))
CONDITION = np.where(SAMPLE == "p1", "ill", "well")


def cells(x):
    return [x[sample == SAMPLE] for sample in ORDER]


def write_matrix(parent, name, x, form):
    if form == "dense":
        data = parent.create_dataset if isinstance(parent, h5py.Group) else parent.create_array
        data(name, data=x)
        return
    compressed = (sparse.csr_matrix if form == "csr_matrix" else sparse.csc_matrix)(x)
    node = parent.create_group(name)
    node.attrs["encoding-type"], node.attrs["shape"] = form, list(x.shape)
    for part in ("data", "indices", "indptr"):
        write_matrix(node, part, getattr(compressed, part), "dense")


def write_texts(parent, name, texts):
    if isinstance(parent, h5py.Group):
        parent.create_dataset(name, data=np.array(texts, dtype=object), dtype=h5py.string_dtype())
    else:
        parent.create_array(name, data=np.array(texts, dtype=str))


def write_categories(parent, name, values):
    categories, codes = np.unique(values, return_inverse=True)
    node = parent.create_group(name)
    node.attrs["encoding-type"] = "categorical"
    write_texts(node, "categories", categories)
    write_matrix(node, "codes", codes.astype(np.int8), "dense")


def write_anndata(root, form="dense"):
    """What anndata writes since version 0.8."""
    root.attrs["encoding-type"] = "anndata"
    write_matrix(root, "X", COUNTS, form)
    obs = root.create_group("obs")
    obs.attrs["encoding-type"], obs.attrs["_index"] = "dataframe", "barcode"
    write_texts(obs, "barcode", [f"c{i}" for i in range(N)])
    write_categories(obs, "sample", SAMPLE)
    write_texts(obs, "condition", CONDITION)
    write_matrix(obs, "age", np.where(SAMPLE == "p1", 40, 50), "dense")
    write_categories(obs, "cluster", RNG.choice(["a", "b"], N))
    nullable = obs.create_group("stage")
    nullable.attrs["encoding-type"] = "nullable-integer"
    write_matrix(nullable, "values", np.where(SAMPLE == "p1", 3, 0), "dense")
    write_matrix(nullable, "mask", SAMPLE != "p1", "dense")
    for folder, name, x in (("obsm", "X_pca", PCA), ("obsm", "spatial", PCA[:, :2]), ("layers", "raw", COUNTS * 2)):
        write_matrix(root.require_group(folder), name, x, "dense")


@pytest.fixture(params=["h5ad", "zarr 2", "zarr 3"])
def path(request, tmp_path):
    return write(request.param, tmp_path)


def write(kind, folder, form="dense"):
    if kind == "h5ad":
        with h5py.File(folder / "all.h5ad", "w") as file:
            write_anndata(file, form)
        return folder / "all.h5ad"
    write_anndata(zarr.open_group(folder / "all.zarr", mode="w", zarr_format=int(kind[-1])), form)
    return folder / "all.zarr"


@pytest.mark.parametrize("kind", ["h5ad", "zarr 3"])
@pytest.mark.parametrize("form", ["dense", "csr_matrix", "csc_matrix"])
@pytest.mark.parametrize("block", [100, 8 << 20])
def test_the_cells_of_a_sample_are_a_set_dense_or_sparse(tmp_path, monkeypatch, kind, form, block):
    for module in ("_stored", "_grouped"):
        monkeypatch.setattr(f"fishervec.{module}.BLOCK", block)
    path = write(kind, tmp_path, form)
    assert kind_of(path) == "anndata"
    check(open_reader(path, groups="sample", labels="condition"), cells(COUNTS), ORDER)


def test_matrices_labels_and_positions_are_found(path):
    reader = open_reader(path, groups="sample", labels="condition")
    assert reader.labels == ["ill" if sample == "p1" else "well" for sample in ORDER]
    assert_array_equal(reader.positions(1), cells(PCA[:, :2])[1])
    assert open_reader(path, groups="sample", positions=False).positions(1) is None
    assert_array_equal(open_reader(path, groups="sample", positions="X_pca").positions(0), cells(PCA)[0])
    for name in ("X_pca", "obsm/X_pca"):
        check(open_reader(path, column=name, groups="sample"), cells(PCA), ORDER)
    check(open_reader(path, column="layers/raw", groups="sample"), cells(COUNTS * 2), ORDER)
    assert open_reader(path, groups="sample", labels="age").labels == [40 if s == "p1" else 50 for s in ORDER]
    assert open_reader(path, groups="sample", labels="stage").labels == [3 if s == "p1" else None for s in ORDER]


def test_all_cells_may_be_one_set_or_the_error_names_both(path):
    check(open_reader(path, groups=False), [COUNTS], ["all"])
    with pytest.raises(
        ValueError, match="groups='cluster' to make a set of each of its values, or groups=False"
    ) as error:
        open_reader(path)
    assert "age, cluster, condition, sample, stage" in str(error.value)


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"groups": "patient"}, "obs has no column 'patient'; pass groups= one of age, cluster"),
        ({"groups": "sample", "labels": "cluster"}, "set p.* must have one label, got [ab] and [ab]"),
        ({"groups": "sample", "column": "X_umap"}, "there is no X_umap; pass array= one of X, obsm/X_pca"),
        ({"groups": "sample", "positions": "X_umap"}, "there is no X_umap"),
        ({"groups": "stage"}, "the set of a row must be named, got None"),
        ({"id": "sample"}, "id='sample' must be None: the sets of AnnData are named by groups="),
    ],
)
def test_what_is_not_there_or_not_constant_is_an_error(path, asked, message):
    with pytest.raises(ValueError, match=message):
        open_reader(path, **asked)


def test_categories_of_older_files_are_read(tmp_path):
    with h5py.File(tmp_path / "old.h5ad", "w") as file:
        write_anndata(file)
        obs = file["obs"]
        del obs["sample"]
        categories, codes = np.unique(SAMPLE, return_inverse=True)
        obs.create_dataset("sample", data=codes.astype(np.int8))
        write_texts(obs.create_group("__categories"), "sample", categories)
    check(open_reader(tmp_path / "old.h5ad", groups="sample"), cells(COUNTS), ORDER)


def test_other_hdf5_files_are_errors_that_name_them(tmp_path):
    with h5py.File(tmp_path / "a.h5ad", "w") as file:
        file["X"] = COUNTS
    with pytest.raises(ValueError, match=r"a\.h5ad: not AnnData as it is written since version 0\.7"):
        open_reader(tmp_path / "a.h5ad")
    whole = write("h5ad", tmp_path).read_bytes()
    for n in (0, 7, 100, len(whole) // 2):
        (tmp_path / "cut.h5ad").write_bytes(whole[:n])
        with pytest.raises(ValueError, match=r"cut\.h5ad: not a valid HDF5 file"):
            open_reader(tmp_path / "cut.h5ad")
    with pytest.raises(FileNotFoundError, match="none"):
        open_reader(tmp_path / "none.h5ad")


def test_a_table_in_place_of_a_matrix_is_an_error(tmp_path):
    path = write("h5ad", tmp_path)
    with h5py.File(path, "a") as file:
        file["obsm"].create_group("table").attrs["encoding-type"] = "dataframe"
        write_texts(file["obsm"], "names", ["a"] * N)
    for name in ("table", "names"):
        with pytest.raises(ValueError, match=f"obsm/{name} must be a"):
            open_reader(path, column=name, groups="sample")


def like_anndata(x):
    """An object with the attributes of AnnData that are read."""
    obs = pd.DataFrame({"sample": pd.Categorical(SAMPLE), "condition": CONDITION, "age": np.arange(N)})
    obsm = {"X_pca": PCA, "spatial": pd.DataFrame(PCA[:, :2])}
    return SimpleNamespace(X=x, obs=obs, obsm=obsm, layers={"raw": x * 2}, raw=None)


@pytest.mark.parametrize("form", [np.asarray, sparse.csr_matrix, sparse.csc_matrix, sparse.csr_array])
def test_objects_are_read_as_files_are(form):
    data = like_anndata(form(COUNTS))
    assert kind_of(data) == "anndata"
    reader = open_reader(data, groups="sample", labels="condition")
    check(reader, cells(COUNTS), ORDER)
    assert reader.labels == ["ill" if sample == "p1" else "well" for sample in ORDER]
    assert_array_equal(reader.positions(1), cells(PCA[:, :2])[1])
    check(open_reader(data, groups="sample", column="layers/raw"), cells(COUNTS * 2), ORDER)
    with pytest.raises(ValueError, match="columns of obs: sample, condition, age; pass groups='sample'"):
        open_reader(data)


def test_a_chunk_is_the_only_thing_in_memory(tmp_path, monkeypatch):
    sizes = []
    rows_of = _reading.rows_of
    monkeypatch.setattr("fishervec._stored.rows_of", lambda size, *rest: rows_of(4000, *rest))
    for block in open_reader(write("h5ad", tmp_path, "csr_matrix"), groups="sample").iter_blocks():
        sizes.append(block[1].nbytes)
    assert sum(sizes) == COUNTS.nbytes and max(sizes) <= 4000


# ---- anndata itself --------------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("form", [np.asarray, sparse.csr_matrix, sparse.csc_matrix])
@pytest.mark.parametrize("as_categories", [True, False])
def test_files_and_objects_of_anndata_are_read(tmp_path, form, as_categories):
    anndata = pytest.importorskip("anndata")
    obs = pd.DataFrame({"sample": SAMPLE, "condition": CONDITION}, index=[f"c{i}" for i in range(N)])
    obs["stage"] = pd.array(np.where(SAMPLE == "p1", 3, 1), dtype="Int64")
    data = anndata.AnnData(form(COUNTS), obs=obs, obsm={"X_pca": PCA, "spatial": PCA[:, :2]})
    data.raw = data.copy()
    data.write_h5ad(tmp_path / "a.h5ad", convert_strings_to_categoricals=as_categories)
    data.write_zarr(tmp_path / "a.zarr", convert_strings_to_categoricals=as_categories)
    backed = anndata.read_h5ad(tmp_path / "a.h5ad", backed="r")
    for given in (tmp_path / "a.h5ad", tmp_path / "a.zarr", data, backed, data[10:]):
        kept = slice(10, None) if getattr(given, "is_view", False) else slice(None)
        order = list(dict.fromkeys(SAMPLE[kept]))
        for column, x in ((None, COUNTS), ("X_pca", PCA), ("raw/X", COUNTS)):
            if column == "raw/X" and given is backed:
                continue
            reader = open_reader(given, groups="sample", labels="stage", column=column)
            assert reader.names == order and reader.labels == [3 if sample == "p1" else 1 for sample in order]
            for i, sample in enumerate(order):
                assert_array_equal(reader.read(i, 0, reader.sizes[i]), x[kept][SAMPLE[kept] == sample])
            assert_array_equal(reader.positions(0), PCA[kept][SAMPLE[kept] == order[0]][:, :2])
    backed.file.close()


def test_texts_that_may_be_missing_and_numbers_of_patients_are_keys(tmp_path):
    for name, values in (
        ("stage", np.array(SAMPLE, dtype=object)),
        ("patient_id", np.unique(SAMPLE, return_inverse=True)[1]),
    ):
        with h5py.File(tmp_path / "a.h5ad", "w") as file:
            file["X"] = COUNTS
            node = file.create_group("obs").create_group(name)
            node["mask"] = np.zeros(N, bool)
            node.create_dataset("values", data=values, dtype=h5py.string_dtype() if name == "stage" else None)
        with pytest.raises(ValueError, match=f"can be one set or several; .* pass groups='{name}' to make"):
            open_reader(tmp_path / "a.h5ad")
        check(open_reader(tmp_path / "a.h5ad", groups=name), cells(COUNTS))


def test_labels_that_are_nan_are_missing(tmp_path):
    with h5py.File(tmp_path / "a.h5ad", "w") as file:
        write_anndata(file)
        file["obs"]["risk"] = np.where(SAMPLE == "p1", np.nan, 0.5)
    reader = open_reader(tmp_path / "a.h5ad", groups="sample", labels="risk")
    assert reader.labels == [None if sample == "p1" else 0.5 for sample in ORDER]


def test_positions_must_be_those_of_the_cells(tmp_path):
    with h5py.File(tmp_path / "a.h5ad", "w") as file:
        write_anndata(file)
        del file["obsm/spatial"]
        file["obsm/spatial"] = PCA[:9, :2]
    with pytest.raises(ValueError, match="positions must be those of 300 descriptors, got 9"):
        open_reader(tmp_path / "a.h5ad", groups="sample")
    with h5py.File(tmp_path / "a.h5ad", "r+") as file:
        del file["obsm/spatial"]
        file.create_group("obsm/spatial").attrs["encoding-type"] = "dataframe"
    assert open_reader(tmp_path / "a.h5ad", groups="sample").positions(0) is None
    with pytest.raises(ValueError, match="obsm/spatial must be a dense or a sparse matrix, got dataframe"):
        open_reader(tmp_path / "a.h5ad", groups="sample", positions="spatial")

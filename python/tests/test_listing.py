"""Lists of files: what `open_sets` returns can be saved, so that headers are read once; the command reads the list."""

import json
import os
import pickle

import numpy as np
import pytest

from fishervec import FisherVector, Listing, load, open_sets
from fishervec._fishervec import run

RNG = np.random.default_rng(4)


@pytest.fixture
def folder(tmp_path):
    data = tmp_path / "data"
    for name in ("a/x.npy", "b/y.npy", "c/z.npy"):
        (data / name).parent.mkdir(parents=True, exist_ok=True)
        np.save(data / name, RNG.normal(size=(60, 3)).astype(np.float32))
    np.savez(data / "b" / "more.npz", one=RNG.normal(size=(40, 3)), two=RNG.normal(size=(0, 3)))
    return data


def saved(folder, **options):
    path = folder.parent / "list.jsonl"
    open_sets(folder, **options).save(path)
    return path


def test_a_saved_list_opens_as_the_files_do(folder):
    sets = open_sets(folder)
    listed = Listing.load(saved(folder))
    for one in (listed, open_sets(saved(folder)), pickle.loads(pickle.dumps(listed)), Listing.scan(folder)):
        assert one.names == sets.names and one.sizes.tolist() == sets.sizes.tolist()
        assert one.id == sets.id and one.dtype == sets.dtype and one.n_features == 3
        for a, b in zip(one, sets, strict=True):
            np.testing.assert_array_equal(a, b)


def test_no_file_is_opened_with_a_list(folder):
    path = saved(folder)
    os.rename(folder, folder.with_name("elsewhere"))
    listed = Listing.load(path)
    assert len(listed) == 5
    with pytest.raises(OSError):
        listed[0]
    again = Listing.load(path, root=folder.parent)
    assert again.names == listed.names
    os.rename(folder.with_name("elsewhere"), folder)
    assert listed[0].shape == (60, 3)


def test_the_command_and_python_write_the_same_list(folder, tmp_path):
    ours = saved(folder)
    theirs = tmp_path / "theirs.jsonl"
    assert run(["fishervec", "scan", str(folder), "-o", str(theirs), "-q"]) == 0
    assert theirs.read_bytes() == ours.read_bytes()
    assert json.loads(theirs.read_text().splitlines()[0])["id"] == open_sets(folder).id


def test_encoders_fit_to_a_list_of_the_command(folder, tmp_path):
    path = tmp_path / "list.jsonl"
    assert run(["fishervec", "scan", str(folder), "-o", str(path), "-q"]) == 0
    encoders = [FisherVector(2, random_state=0).fit(open_sets(given)) for given in (folder, path)]
    np.testing.assert_array_equal(*(encoder.transform(open_sets(folder)) for encoder in encoders))
    model = tmp_path / "m.safetensors"
    assert run(["fishervec", "fit", str(path), "-o", str(model), "-k", "2", "--seed", "0", "-q"]) == 0
    assert load(model)._pipeline.id == encoders[0]._pipeline.id


def test_folders_are_groups_with_a_list_too(folder):
    path = saved(folder)
    assert open_sets(path, groups="folder").groups.tolist() == open_sets(folder, groups="folder").groups.tolist()


def test_labels_of_files_are_in_the_list(tmp_path):
    np.savez(tmp_path / "b.npz", X=np.ones((5, 2)), offsets=np.array([0, 2, 5]), y=np.array([4, 7]))
    sets = open_sets(tmp_path / "b.npz")
    sets.save(tmp_path / "l.jsonl")
    assert open_sets(tmp_path / "l.jsonl").labels.tolist() == [4, 7] == sets.labels.tolist()


def test_a_file_that_has_changed_since_is_named(folder):
    listed = Listing.load(saved(folder))
    np.save(folder / "c/z.npy", RNG.normal(size=(60, 3)).astype(np.float32))
    os.utime(folder / "c/z.npy", ns=(1, 1))
    at = listed.names.index("z")
    with pytest.raises(ValueError, match=r"c/z\.npy: it has changed since it was scanned: scan again"):
        listed[at]
    with pytest.raises(ValueError, match=r"c/z\.npy: it has changed since it was scanned"):
        listed._gather(at, np.array([0]))
    assert listed[0].shape == (60, 3)


def test_what_is_not_a_list_of_whole_files_is_not_saved(folder, tmp_path):
    sets = open_sets(folder)
    for part in (sets[1:], sets[::-1], sets[[0, 0]]):
        with pytest.raises(ValueError, match="sets must be all those of files"):
            part.save(tmp_path / "l.jsonl")
        assert part.id != sets.id
    with pytest.raises(ValueError, match=r"path must end in \.jsonl, got 'l\.json'"):
        sets.save("l.json")
    assert not (tmp_path / "l.jsonl").exists()


def test_labels_and_groups_that_were_given_are_said_not_to_be_saved(folder, tmp_path):
    with pytest.warns(UserWarning, match="labels are not in the files and are not saved"):
        open_sets(folder, labels=list("abcde")).save(tmp_path / "l.jsonl")
    with pytest.warns(UserWarning, match="groups are not in the files"):
        open_sets(folder, groups="folder").save(tmp_path / "l.jsonl")
    assert Listing.load(tmp_path / "l.jsonl").labels is None


def test_arrays_are_those_of_the_scan(tmp_path):
    np.savez(tmp_path / "a.npz", features=np.ones((4, 3)), others=np.zeros((4, 2)), coords=np.ones((4, 2)))
    path = tmp_path / "l.jsonl"
    open_sets(tmp_path / "a.npz", array="others", positions="coords").save(path)
    listed = open_sets(path)
    assert listed[0].shape == (4, 2) and listed.positions[0].shape == (4, 2)
    assert open_sets(path, array="others", positions="coords").id == listed.id
    with pytest.raises(ValueError, match="array and positions must be those of the scan"):
        open_sets(path, array="features")


def test_several_lists_and_files_are_opened_together(folder, tmp_path):
    path = saved(folder)
    np.save(tmp_path / "last.npy", np.ones((2, 3)))
    both = open_sets([path, tmp_path / "last.npy"])
    assert both.names == [*open_sets(folder).names, "last"]
    with pytest.warns(UserWarning, match="files given more than once"):
        assert len(open_sets([path, path])) == 10


def test_a_torn_list_says_so(folder, tmp_path):
    path = saved(folder)
    lines = path.read_bytes().splitlines(keepends=True)
    torn = tmp_path / "torn.jsonl"
    torn.write_bytes(b"".join(lines[:-1]))
    with pytest.raises(ValueError, match="torn"):
        open_sets(torn)
    torn.write_bytes(lines[0].replace(b'"fishervec_list":1', b'"fishervec_list":9') + b"".join(lines[1:]))
    with pytest.raises(ValueError, match="9"):
        Listing.load(torn)
    torn.write_bytes(b"{}\n")
    with pytest.raises(ValueError):
        Listing.load(torn)
    with pytest.raises(FileNotFoundError):
        Listing.load(tmp_path / "none.jsonl")


def test_a_list_of_images_says_where_to_pass_them(tmp_path):
    from PIL import Image

    Image.fromarray(np.zeros((9, 9), np.uint8)).save(tmp_path / "a.png")
    path = tmp_path / "l.jsonl"
    assert run(["fishervec", "scan", str(tmp_path / "a.png"), "-o", str(path), "-q"]) == 0
    with pytest.raises(ValueError, match=r"a\.png: expected descriptors, got an image: pass the paths"):
        open_sets(path)

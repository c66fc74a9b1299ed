"""Csv and tsv files as sets: a descriptor per row, in blocks of whole lines."""

import gzip

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal

from fishervec import _csv
from fishervec._readers import kind_of
from fishervec._tables import open_csv
from readers import BY_KEY, KEYS, MIXED, ROWS, check

DOUBLES = {key: np.array([[float(str(v)) for v in row] for row in x]) for key, x in BY_KEY.items()}


def frame():
    out = pd.DataFrame(ROWS[MIXED], columns=["f0", "f1", "f2"])
    out["slide_id"] = KEYS[MIXED]
    return out


CSV = {
    "comma": ("a.csv", {"index": False}),
    "with the index of pandas": ("a.csv", {}),
    "semicolon": ("a.csv", {"sep": ";", "index": False}),
    "tab": ("a.tsv", {"sep": "\t", "index": False}),
    "tab in csv": ("a.csv", {"sep": "\t", "index": False}),
    "quotes": ("a.csv", {"quoting": 2, "index": False}),
    "byte order mark": ("a.csv", {"encoding": "utf-8-sig", "index": False}),
    "line ends of Windows": ("a.csv", {"lineterminator": "\r\n", "index": False}),
    "gzip": ("a.csv.gz", {"index": False}),
    "capitals": ("A.CSV", {"index": False}),
}


@pytest.mark.parametrize("block", [64, 300, 1 << 20])
@pytest.mark.parametrize(("name", "how"), CSV.values(), ids=CSV.keys())
def test_rows_of_a_csv_are_descriptors(tmp_path, monkeypatch, name, how, block):
    monkeypatch.setattr(_csv, "BLOCK", block)
    frame().to_csv(tmp_path / name, **how)
    if name == "A.CSV":
        assert kind_of(tmp_path / name) == "csv"
    check(open_csv(tmp_path / name, groups="slide_id"), list(DOUBLES.values()), DOUBLES)


def test_a_csv_of_numbers_alone_is_one_set_with_and_without_a_header(tmp_path):
    np.savetxt(tmp_path / "slide.csv", ROWS, delimiter=",")
    numbers = np.loadtxt(tmp_path / "slide.csv", delimiter=",")
    check(open_csv(tmp_path / "slide.csv"), [numbers], ["slide"])
    pd.DataFrame(numbers).to_csv(tmp_path / "pandas.csv", index=False)
    check(open_csv(tmp_path / "pandas.csv"), [numbers])
    pd.DataFrame(numbers).to_csv(tmp_path / "pandas.csv")
    check(open_csv(tmp_path / "pandas.csv"), [numbers])
    (tmp_path / "end.csv").write_text("a,b\n1,2\n3,4")
    check(open_csv(tmp_path / "end.csv"), [np.array([[1.0, 2.0], [3.0, 4.0]])])
    (tmp_path / "head.csv").write_text("a,b\n")
    assert open_csv(tmp_path / "head.csv").sizes == [0]


def test_line_ends_and_delimiters_in_quotes_belong_to_the_value(tmp_path, monkeypatch):
    monkeypatch.setattr(_csv, "BLOCK", 40)
    keys = ['one\n"two"', "a,b"] * 20
    pd.DataFrame({"v": np.arange(40.0), "w": 1.5, "the, key": keys}).to_csv(tmp_path / "a.csv", index=False)
    reader = open_csv(tmp_path / "a.csv", groups="the, key")
    assert reader.names == keys[:2]
    assert_array_equal(reader.read(1, 0, 20)[:, 0], np.arange(40.0)[1::2])


def test_a_csv_that_is_wrong_is_an_error_that_names_it(tmp_path):
    frame().to_csv(tmp_path / "a.csv", index=False)
    with pytest.raises(ValueError, match=r"a\.csv: slide_id must be numbers .* pass groups='slide_id'"):
        open_csv(tmp_path / "a.csv")
    (tmp_path / "b.csv").write_text("a,b\n1,2\n3\n")
    with pytest.raises(ValueError, match=r"b\.csv: .*row 1: Expected 2 columns, got 1"):
        open_csv(tmp_path / "b.csv")
    (tmp_path / "c.csv").write_text("")
    with pytest.raises(ValueError, match=r"c\.csv: the first line must name the columns"):
        open_csv(tmp_path / "c.csv")
    (tmp_path / "d.csv").write_text("0\n1\n2\n")
    with pytest.raises(ValueError, match=r"d\.csv: the first line, 0, can be the name of a column or a row"):
        open_csv(tmp_path / "d.csv")
    (tmp_path / "e.csv").write_text("a,a\n1,2\n")
    with pytest.raises(ValueError, match=r"e\.csv: the column a is there 2 times"):
        open_csv(tmp_path / "e.csv")


def test_spaces_after_commas_belong_to_nothing(tmp_path):
    (tmp_path / "a.csv").write_text("a, b, key\n1, 2, u\n3, 4, v\n")
    check(open_csv(tmp_path / "a.csv", groups="key"), [np.array([[1.0, 2.0]]), np.array([[3.0, 4.0]])], "uv")


def test_a_file_that_is_not_text_is_an_error(tmp_path):
    frame().to_csv(tmp_path / "a.csv", encoding="utf-16")
    with pytest.raises(ValueError, match=r"a\.csv: not a text file: the first line has a zero byte"):
        open_csv(tmp_path / "a.csv")


def test_a_text_far_down_in_a_csv_is_an_error_that_names_the_column(tmp_path, monkeypatch):
    monkeypatch.setattr(_csv, "BLOCK", 64)
    (tmp_path / "a.csv").write_text("a,b\n" + "1,2\n" * 99 + "1,two\n")
    with pytest.raises(ValueError, match=r"a\.csv: column b: row 99: CSV conversion error .* 'two'"):
        open_csv(tmp_path / "a.csv").read(0, 0, 100)


def test_an_empty_field_of_a_csv_is_nan(tmp_path):
    with gzip.open(tmp_path / "a.csv.gz", "wt") as file:
        file.write("a,b\n1,\n2,NaN\n")
    assert_array_equal(open_csv(tmp_path / "a.csv.gz").read(0, 0, 2), [[1, np.nan], [2, np.nan]])

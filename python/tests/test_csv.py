"""Csv and tsv files as sets: a descriptor per row, in blocks of whole lines."""

import gzip
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal

from fishervec import _csv
from fishervec._readers import kind_of
from fishervec._tables import open_csv
from readers import BY_KEY, KEYS, MIXED, ROWS, check

RNG = np.random.default_rng(0)
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


NO_HEADER = ["1.0,,3.0", "1.0,NA,3.0", "s1,0.1,0.2", "-0.5,0.5,s1", "s1;3;7", "id,2019,2020"]


@pytest.mark.parametrize("line", NO_HEADER)
def test_a_first_line_that_can_be_names_or_a_row_is_an_error(tmp_path, line):
    (tmp_path / "a.csv").write_text(f"{line}\n4,5,6\n")
    with pytest.raises(ValueError, match=rf"a\.csv: the first line can be the names .* or a row, got {line}: write a"):
        open_csv(tmp_path / "a.csv")


def test_names_that_pandas_counts_may_stand_beside_others(tmp_path):
    frame = pd.DataFrame(np.eye(2)).assign(slide_id=["a", "b"])
    frame.to_csv(tmp_path / "a.csv")
    check(open_csv(tmp_path / "a.csv", groups="slide_id"), [np.eye(2)[:1], np.eye(2)[1:]], "ab")


def test_keys_are_what_is_written_and_not_numbers(tmp_path):
    keys = ["007", "7", "9007199254740993", "9007199254740992", "1.50"]
    lines = "".join(f"{key},{i},{i}\n" for i, key in enumerate(keys))
    (tmp_path / "a.csv").write_text("slide_id,f0,f1\n" + lines)
    check(open_csv(tmp_path / "a.csv", groups="slide_id"), [np.full((1, 2), i) for i in range(5)], keys)
    (tmp_path / "a.csv").write_text("slide_id,f0,f1\na,1,2\n ,3,4\n")
    with pytest.raises(ValueError, match="the set of a row must be named, got None"):
        open_csv(tmp_path / "a.csv", groups="slide_id")


LABELS = {
    "integers": (["1", "0", "-3", ""], [1, 0, -3, None]),
    "floats": (["1.0", ".5", "2e-3", ""], [1.0, 0.5, 0.002, None]),
    "texts": (["cat", "1", "", "2"], ["cat", "1", None, "2"]),
    "leading zeros": (["01", "1", "2", "3"], ["01", "1", "2", "3"]),
}


@pytest.mark.parametrize(("written", "labels"), LABELS.values(), ids=LABELS.keys())
def test_labels_of_a_csv_are_numbers_if_all_of_them_are(tmp_path, written, labels):
    lines = "".join(f"s{i},{label},1,2\n" for i, label in enumerate(written))
    (tmp_path / "a.csv").write_text("slide_id,label,f0,f1\n" + lines)
    found = open_csv(tmp_path / "a.csv", groups="slide_id").labels
    assert found == labels and list(map(type, found)) == list(map(type, labels))


@pytest.mark.parametrize(
    "text", ["f0;f1\n1;0,5\n2;1,5\n", "f0;key\n1,0;a\n-1,5e3;b\n", "0,5;1,5\n1;2\n", "f\tg\n1\t,5\n"]
)
def test_decimal_commas_are_an_error_that_says_how_to_write_points(tmp_path, text):
    (tmp_path / "a.csv").write_text(text)
    with pytest.raises(ValueError, match=r"a\.csv: .* has numbers with a decimal comma, .* decimal=\",\"\)\.to_csv"):
        open_csv(tmp_path / "a.csv", groups="key" if "key" in text else None)


def test_line_ends_of_old_macs_are_an_error_that_names_them(tmp_path):
    for text in ("a,b\r1,2\r", "1,2\r3,4\r"):
        (tmp_path / "a.csv").write_bytes(text.encode())
        with pytest.raises(ValueError, match=r"a\.csv: lines must end in \\n or \\r\\n, got \\r alone"):
            open_csv(tmp_path / "a.csv")


def test_a_quote_that_is_never_closed_costs_no_more_than_a_pass():
    lines = b'5" tile,1\n' + b"1,2\n" * 100_000
    start = time.process_time()
    assert _csv._end_of_lines(lines) == 0
    assert _csv._end_of_lines(b"1,2\n" + lines) == 4
    assert time.process_time() - start < 0.5


def test_threads_do_not_disturb_each_other(tmp_path, monkeypatch):
    monkeypatch.setattr(_csv, "BLOCK", 200)
    x = np.arange(3000.0).reshape(-1, 2)
    for name in ("a.csv", "a.csv.gz"):
        pd.DataFrame(x, columns=["f", "g"]).assign(k=np.arange(len(x)) // 30).to_csv(tmp_path / name, index=False)
        reader = open_csv(tmp_path / name, groups="k")

        def is_right(i, reader=reader):
            return np.array_equal(reader.read(i, 0, 30), x[30 * i : 30 * i + 30])

        with ThreadPoolExecutor(4) as pool:
            assert all(pool.map(is_right, RNG.integers(0, 50, 150).tolist()))


def test_a_packed_file_that_is_damaged_is_an_error_that_names_it(tmp_path):
    whole = gzip.compress(b"a,b\n" + b"1,2\n" * 999)
    for wrong in (whole[:-20], b"a,b\n1,2\n", whole[:20] + b"\xff\xff\xff" + whole[23:]):
        (tmp_path / "a.csv.gz").write_bytes(wrong)
        with pytest.raises(ValueError, match=r"a\.csv\.gz: not a valid gzip file"):
            open_csv(tmp_path / "a.csv.gz")

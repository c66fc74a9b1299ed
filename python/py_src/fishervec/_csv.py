"""Csv and tsv files in blocks of whole lines, each of which pyarrow reads by itself."""

import csv
import gzip
import re
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from copy import copy
from typing import IO, Any

from ._pieces import Piece, Table
from ._reading import BLOCK

#: What may stand between the values of a line; the first that the first line has.
DELIMITERS = (",", ";", "\t")
#: A number, maybe with a decimal comma.
DECIMAL = re.compile(r"[-+]?[0-9]*([.,][0-9]*)?([eE][-+]?[0-9]+)?")


class CsvTable(Table):
    """Csv and tsv files, packed by gzip or not; a piece is a block of lines. All columns but texts are float64."""

    is_text = True

    def __init__(self, paths: Sequence[str], partitions: Sequence[dict[str, Any]] = ()) -> None:
        super().__init__(paths, partitions)
        self.pieces = []
        self._forms: list[tuple[str, list[str]]] = []
        for i, path in enumerate(self.paths):
            file = self.opened(i)
            with _unpacked(path):
                delimiter, names, start = _header(file, path)
                blocks = list(_blocks(file, start, path))
            self._forms.append((delimiter, names))
            self._take_schema(self._kinds(i, blocks[:1]), i)
            self.pieces += [self._counted(Piece(i, at, 0, size)) for at, size in blocks]

    def as_written(self) -> Table:
        """The same table with all columns as texts: as numbers, 007 and 7 would be one key."""
        import pyarrow as pa

        texts = copy(self)
        texts.schema = pa.schema([(name, pa.string()) for name in self.schema.names])
        return texts

    def _open(self, path: str) -> Any:
        import pyarrow as pa

        # A place in a packed file is found from its beginning each time that it is behind.
        file = pa.OSFile(path)
        return gzip.GzipFile(fileobj=file) if path.lower().endswith(".gz") else file

    def _kinds(self, i: int, blocks: list[tuple[int, int]]) -> Any:
        """The columns of a file: numbers, unless the first block has texts."""
        import pyarrow as pa

        names = self._forms[i][1]
        if not blocks:
            return pa.schema([(name, pa.float64()) for name in names])
        first = self._read(Piece(i, blocks[0][0], 0, blocks[0][1]), names, None)
        if self._forms[i][0] != ",":
            self._check_decimals(first, self.paths[i])

        def kind(field: Any) -> Any:
            is_number = pa.types.is_integer(field.type) or pa.types.is_floating(field.type)
            return pa.float64() if is_number or pa.types.is_null(field.type) else pa.string()

        return pa.schema([(field.name, kind(field)) for field in first.schema])

    def _check_decimals(self, table: Any, path: str) -> None:
        import pyarrow as pa

        for name, column in zip(table.column_names, table.columns, strict=True):
            if pa.types.is_string(column.type) and _have_decimal_comma(column.to_pylist()):
                raise _with_decimal_comma(path, f"column {name}")

    def _counted(self, piece: Piece) -> Piece:
        first = self._forms[piece.file][1][:1]
        return piece._replace(rows=self._read(piece, first, "string").num_rows)

    def _read(self, piece: Piece, columns: list[str], kind: Any) -> Any:
        """Columns of a block: of the table's types, of one type for all, or None to find the types out."""
        import pyarrow as pa
        import pyarrow.csv

        file, path = self.opened(piece.file), self.paths[piece.file]
        with _unpacked(path):
            file.seek(piece.at)
            text = file.read(piece.size)
        delimiter, names = self._forms[piece.file]
        kinds = (
            {}
            if kind is None
            else {name: pa.string() if kind == "string" else kind.field(name).type for name in columns}
        )
        try:
            return pa.csv.read_csv(
                pa.BufferReader(text),
                read_options=pa.csv.ReadOptions(column_names=names, use_threads=False, block_size=piece.size + 1),
                parse_options=pa.csv.ParseOptions(delimiter=delimiter, newlines_in_values=True),
                convert_options=pa.csv.ConvertOptions(include_columns=columns, column_types=kinds),
            )
        except pa.ArrowInvalid as error:
            raise ValueError(f"{path}: {self._explained(str(error), piece, names)}") from error

    def _explained(self, text: str, piece: Piece, names: list[str]) -> str:
        """An error of pyarrow about a block, with the row of the file and the name of the column."""
        known = [other for other in self.pieces if other.file == piece.file and other.at < piece.at]
        first = sum(other.rows for other in known)
        text = re.sub(r"In CSV column #(\d+): ", lambda found: f"column {names[int(found[1])]}: ", text)
        return re.sub(r"\bRow #(\d+)", lambda found: f"row {first + int(found[1]) - 1}", text)

    def _batches(self, piece: Piece, columns: list[str]) -> Iterator[Any]:
        import pyarrow as pa
        import pyarrow.compute as pc

        table = self._read(piece, columns, self.schema).combine_chunks()
        for i, field in enumerate(table.schema):
            if pa.types.is_string(field.type):
                # Many write a space after each comma. A text without a letter is a missing value.
                text = pc.utf8_trim_whitespace(table[field.name])
                none = pa.scalar(None, pa.string())
                table = table.set_column(i, field.name, pc.if_else(pc.equal(text, ""), none, text))
        yield from table.to_batches()


@contextmanager
def _unpacked(path: str) -> Iterator[None]:
    """Name a packed file that is damaged, cut off, or not packed."""
    try:
        yield
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise ValueError(f"{path}: not a valid gzip file: {error}") from error


def _header(file: IO[bytes], path: str) -> tuple[str, list[str], int]:
    """What stands between values, the names of the columns, and the byte where the first row begins."""
    file.seek(0)
    line, end, _ = file.read(BLOCK).partition(b"\n")
    line += end
    if b"\0" in line:
        raise ValueError(f"{path}: not a text file: the first line has a zero byte; is it UTF-16, or another format?")
    if not line.strip():
        raise ValueError(f"{path}: the first line must name the columns, or be a row of numbers; got an empty line")
    if b"\r" in line.rstrip(b"\r\n"):
        raise ValueError(f"{path}: lines must end in \\n or \\r\\n, got \\r alone: save the file with other line ends")
    start = len(line)
    text = line.decode("utf-8-sig", "replace").strip("\r\n")
    if ";" in text and _have_decimal_comma(text.split(";")):
        raise _with_decimal_comma(path, "the first line")
    usual = "\t" if path.lower().removesuffix(".gz").endswith(".tsv") else ""
    delimiter = next((d for d in (usual, *DELIMITERS) if d and d in text), ",")
    fields = [field.strip().strip('"') for field in text.split(delimiter)]
    numbers = [field for field in fields if _is_number(field)]
    are_names = numbers == [str(j) for j in range(len(numbers))]
    if len(numbers) < len(fields):
        if not are_names:
            raise ValueError(
                f"{path}: the first line can be the names of the columns or a row, got {text[:60]}: write a line of "
                "names above the rows"
            )
        return delimiter, _split_names(text, delimiter), start
    if are_names:
        if len(fields) == 1:
            raise ValueError(f"{path}: the first line, 0, can be the name of a column or a row: name the column")
        # The names that pandas gives to the columns of an array.
        return delimiter, fields, start
    return delimiter, [f"f{j}" for j in range(len(fields))], 0


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    # Python takes 1_000 for a number.
    return "_" not in text


def _have_decimal_comma(texts: Sequence[str | None]) -> bool:
    """Whether texts are numbers if a comma is a point, and only then."""
    are_numbers = all(DECIMAL.fullmatch((text or "").strip()) for text in texts)
    return are_numbers and any("," in (text or "") for text in texts)


def _with_decimal_comma(path: str, what: str) -> ValueError:
    return ValueError(
        f"{path}: {what} has numbers with a decimal comma, which must be a point: write the file again with "
        'pandas.read_csv(path, sep=";", decimal=",").to_csv(path, index=False)'
    )


def _split_names(text: str, delimiter: str) -> list[str]:
    """The names in a header, among which quotes may hold the delimiter."""
    return [name.strip() for name in next(csv.reader([text], delimiter=delimiter))]


def _blocks(file: IO[bytes], start: int, path: str) -> Iterator[tuple[int, int]]:
    """The first byte and the length of each block of whole lines."""
    file.seek(start)
    left = b""
    while more := file.read(BLOCK):
        left += more
        end = _end_of_lines(left)
        if end:
            yield start, end
            start, left = start + end, left[end:]
        elif len(left) > 64 * BLOCK:
            raise ValueError(f"{path}: a line must have at most {64 * BLOCK} bytes; is a quote not closed?")
    if left.strip():
        yield start, len(left)


def _end_of_lines(data: bytes) -> int:
    """Where the last line ends that ends in `data`, which begins with a line; 0 if none does."""
    end = data.rfind(b"\n") + 1
    n_quotes = data.count(b'"', 0, end)
    # A line end between quotes belongs to a value: the one before the quote that opens it may be the last.
    while end and n_quotes % 2:
        before = data.rfind(b"\n", 0, data.rfind(b'"', 0, end)) + 1
        n_quotes -= data.count(b'"', before, end)
        end = before
    return end

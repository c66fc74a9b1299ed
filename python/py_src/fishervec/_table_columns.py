"""Which columns of a table are what: descriptors, groups, names, labels, positions."""

from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import Any, NamedTuple

from ._arrow import is_list, rank_of

#: The names of descriptors, as in containers (docs/files.md); an earlier name goes first.
NAMES = ("features", "feats", "patch_embeddings", "embeddings", "descriptors", "desc", "X", "x")
#: The names of what lies beside descriptors.
ASIDE = ("coords", "coordinates", "positions", "keypoints", "scores", "labels")
#: The names that positions, names of sets, and labels have where nobody says which they are.
POSITIONS = ("coords", "coordinates", "positions", "keypoints")
IDS = ("id", "name", "slide_id", "key", "set")
LABELS = ("label", "labels")
#: Names of numbers that may be something else than a column of descriptors, beside other columns.
DOUBTFUL = ("x", "y", "z", "row", "col", "column", "index", "id", "label", "class", "target", "group", "time")
#: The number of rows, which pandas and R write as a column without a name of its own.
INDEX = ("", "unnamed: 0", "__index_level_0__")


class Roles(NamedTuple):
    """The names of columns, by what they are."""

    #: One column of lists, or several of numbers.
    descriptors: list[str]
    #: Whether each row is a set; otherwise it is a descriptor.
    set_per_row: bool
    #: The shapes of the sets, if their numbers lie in flat lists.
    shape: str | None
    groups: str | None
    labels: str | None
    id: str | None
    positions: list[str]

    def beside(self) -> list[str]:
        """The columns that are read once, whole: of names, groups and labels."""
        return list(dict.fromkeys(name for name in (self.groups, self.labels, self.id) if name is not None))


class Asked(NamedTuple):
    """What the user says about columns; None where the rules are to find out, False for none."""

    column: str | Sequence[str] | None = None
    groups: str | bool | None = None
    labels: str | bool | None = None
    id: str | bool | None = None
    positions: str | Sequence[str] | bool | None = None


def roles_of(schema: Any, asked: Asked, where: str) -> Roles:
    """What each column is; an error lists all columns, and the cure."""
    return _Finder(schema, asked, where).roles()


def _rank(kind: Any) -> int | None:
    """How many lists a column has around its numbers, if it can be descriptors: at most two."""
    import pyarrow as pa

    rank = rank_of(kind)
    # A column without a value is no numbers; in lists it says that they are empty.
    return None if rank is None or rank > 2 or pa.types.is_null(kind) else rank


def _is_nested(kind: Any) -> bool:
    import pyarrow as pa

    return is_list(kind) or bool(pa.types.is_nested(kind))


class _Finder:
    def __init__(self, schema: Any, asked: Asked, where: str) -> None:
        self.kinds = {field.name: field.type for field in schema}
        self.ranks = {name: _rank(kind) for name, kind in self.kinds.items()}
        self.asked, self.where = asked, where

    def roles(self) -> Roles:
        groups = self._one("groups", self.asked.groups, ())
        labels = self._one("labels", self.asked.labels, LABELS)
        positions = self._positions()
        taken = {name for name in (groups, labels, *positions) if name is not None}
        descriptors = self._descriptors(taken)
        rank = self.ranks[descriptors[0]]
        shape = self._shape(descriptors[0]) if rank == 1 else None
        set_per_row = rank == 2 or shape is not None
        id_ = self._one("id", self.asked.id, IDS if set_per_row else ())
        if id_ is not None and not set_per_row:
            raise self._unclear(f"id={id_!r} names sets, but each row is a descriptor", f"groups={id_!r}")
        if not set_per_row:
            self._check_no_key({*descriptors, *taken})
        return Roles(descriptors, set_per_row, shape, groups, labels, id_, positions)

    def _one(self, what: str, given: Any, usual: Sequence[str]) -> str | None:
        """The column that is given for a role, or that has one of its usual names."""
        if given is False:
            return None
        if given is None:
            found = (name for wanted in usual for name in self.kinds if name.lower() == wanted)
            return next((name for name in found if not _is_nested(self.kinds[name])), None)
        if given not in self.kinds:
            raise self._unclear(f"there is no column {given!r}", f"{what}= one of these")
        if _is_nested(self.kinds[given]):
            raise self._unclear(f"{what}={given!r} must be a column of one value per row", f"{what}= another")
        return str(given)

    def _positions(self) -> list[str]:
        given = self.asked.positions
        if given is False:
            return []
        if given is None:
            found = (name for wanted in POSITIONS for name in self.kinds if name.lower() == wanted)
            return [name for name in found if self.ranks[name]][:1]
        names = [given] if isinstance(given, str) else list(given)  # type: ignore[arg-type]
        for name in names:
            if self.ranks.get(name) is None or names.count(name) > 1:
                raise self._unclear(f"positions={name!r} is not a column of numbers", "positions= one of these, once")
        return names

    # ---- descriptors ----

    def _descriptors(self, taken: set[str]) -> list[str]:
        if self.asked.column is not None:
            return self._asked_for(taken)
        lists = [name for name, rank in self.ranks.items() if rank and name not in taken]
        named = [name for wanted in NAMES for name in lists if name.lower() == wanted.lower()]
        if named:
            return named[:1]
        lists = [name for name in lists if name.lower() not in ASIDE and not self._is_shape(name)]
        if len(lists) > 1:
            raise self._unclear(f"{' and '.join(lists)} could both be the descriptors", "array=NAME")
        return lists or self._numbers(taken)

    def _asked_for(self, taken: set[str]) -> list[str]:
        """The columns that are given: their names, or a pattern of names."""
        column = self.asked.column
        if isinstance(column, str):
            names = [column] if column in self.kinds else self._matching(column, taken)
        else:
            names = list(column or ())
        wrong = [name for name in names if self.ranks.get(name) is None or names.count(name) > 1]
        if not names or wrong:
            raise self._unclear(f"array={column!r} is not columns of numbers", "array= one of these, or several once")
        if len(names) > 1 and any(self.ranks[name] for name in names):
            raise self._unclear(f"array={column!r} must be one column of lists, or several of numbers", "array=NAME")
        return names

    def _matching(self, pattern: str, taken: set[str]) -> list[str]:
        """The columns of numbers whose names match a pattern, without those that are something else."""
        numbers = [name for name, rank in self.ranks.items() if rank == 0 and name not in taken]
        return [name for name in numbers if fnmatchcase(name, pattern) and name.lower() not in INDEX]

    def _numbers(self, taken: set[str]) -> list[str]:
        """All columns of numbers, if nothing else can be meant."""
        left = [name for name in self.kinds if name not in taken and name.lower() not in INDEX]
        numbers = [name for name in left if self.ranks[name] == 0]
        if not numbers:
            raise self._unclear("no column holds descriptors", "array=NAME, a column of lists or several of numbers")
        texts = [name for name in left if self.ranks[name] is None]
        if texts:
            cure = f'groups={texts[0]!r} to make a set of each of its values, or array="f*" or a list of names'
            raise self._unclear(f"{few(texts)} must be numbers like the other columns", cure)
        doubtful = [name for name in numbers if name.lower() in (*DOUBTFUL, *ASIDE) or name.lower().endswith("_id")]
        if doubtful and len(doubtful) < len(numbers):
            cure = f'positions={doubtful} if they are positions; array="*" for all, array="f*" or a list for some'
            raise self._unclear(f"{few(doubtful)} can be descriptors like the other columns, or not", cure)
        return numbers

    def _is_shape(self, name: str) -> bool:
        import pyarrow as pa

        kind = self.kinds[name]
        of_ints = self.ranks[name] == 1 and is_list(kind) and pa.types.is_integer(kind.value_type)
        return of_ints and (name.lower() == "shape" or name.lower().endswith(("_shape", ".shape")))

    def _shape(self, descriptors: str) -> str | None:
        """The column of shapes beside flat lists."""
        shapes = [name for name in self.kinds if name != descriptors and self._is_shape(name)]
        own = [
            name for name in shapes if name.lower() in (f"{descriptors}_shape".lower(), f"{descriptors}.shape".lower())
        ]
        return next(iter(own or [name for name in shapes if name.lower() == "shape"]), None)

    def _check_no_key(self, known: set[str]) -> None:
        """Without groups each file is one set: an error if a column looks as if it said otherwise."""
        import pyarrow as pa

        if self.asked.groups is not None:
            return

        def may_be(name: str) -> bool:
            kind, lower = self.kinds[name], name.lower()
            is_text = pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_dictionary(kind)
            return is_text or pa.types.is_string_view(kind) or lower in IDS or lower.endswith("_id")

        keys = [name for name in self.kinds if name not in known and not is_list(self.kinds[name]) and may_be(name)]
        if keys:
            cure = f"groups={keys[0]!r} to make a set of each of its values, or groups=False to make one of each file"
            raise self._unclear("each row is a descriptor, and the rows can be one set or several", cure)

    def _unclear(self, reason: str, cure: str) -> ValueError:
        columns = [f"{name} ({kind})" for name, kind in self.kinds.items()]
        return ValueError(f"{self.where}: {reason}; columns: {few(columns)}; pass {cure}")


def few(names: Sequence[str], most: int = 20) -> str:
    """Names as a text: not all of very many."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more

"""The public names, their parameters and defaults are those of python/api.txt; one version stands everywhere."""

import inspect
import os
import re
import tomllib
from pathlib import Path

import pytest
import rust_api
import version

import fishervec
from fishervec import _registry

ROOT = Path(__file__).resolve().parents[2]
LISTED = ROOT / "python" / "api.txt"
ACCEPT = "FISHERVEC_WRITE_FIXTURES=1 python -m pytest python/tests/test_api.py"
#: What Python calls behind an operator or a word.
SPECIAL = re.compile(r"__(add|sub|r?mul|truediv|eq|len|getitem|iter|contains|call|enter|exit)__")
#: Of other packages, which come and go with their versions.
OTHERS = ("sklearn.", "builtins", "collections.", "typing", "abc")


def signature(function):
    """Parameters with their defaults; types are checked by mypy, and are written differently by each Python."""
    try:
        given = inspect.signature(function)
    except ValueError:
        return "(...)"
    parameters = [p.replace(annotation=p.empty) for p in given.parameters.values() if p.name not in ("self", "cls")]
    text = str(given.replace(parameters=parameters, return_annotation=given.empty))
    text = re.sub(r"<function (\w+) at \w+>", r"\1", text)
    # A lone / is left of the self of compiled methods.
    text = text.replace("(/, ", "(").replace("(/)", "()")
    assert " at 0x" not in text, f"a default without a readable name: {text}"
    return text


def learned(cls):
    """The names below Attributes in the documentation of a class."""
    section = re.search(r"^Attributes\n-+\n(.*?)(?=^\S[^\n]*\n---|\Z)", inspect.getdoc(cls) or "", re.M | re.S)
    lines = (line for line in (section[1].splitlines() if section else ()) if line and not line.startswith(" "))
    return {name.strip(" `") for line in lines for name in line.split(" : ")[0].split(",")}


def member(name, thing):
    if isinstance(thing, staticmethod | classmethod):
        return f".{name}{signature(thing.__func__)}, of the class"
    return f".{name}{signature(thing)}" if callable(thing) else f".{name}"


def members(cls):
    """Methods and attributes that classes of this package define, inherited ones too."""
    found = {}
    for base in reversed(cls.__mro__):
        if not is_foreign(base):
            own = {
                name: thing for name, thing in vars(base).items() if not name.startswith("_") or SPECIAL.fullmatch(name)
            }
            found |= {name: thing for name, thing in own.items() if not is_foreign(thing)}
    lines = [member(name, thing) for name, thing in found.items()]
    return sorted([*lines, *(f".{name}" for name in learned(cls) - found.keys())])


def is_foreign(thing):
    return (getattr(thing, "__module__", None) or "").startswith(OTHERS)


def lines_of(path, thing):
    if not callable(thing):
        return [path]
    if not inspect.isclass(thing):
        return [f"{path}{signature(thing)}"]
    if issubclass(thing, Exception):
        return [path, *(f"    a {base.__name__}" for base in thing.__bases__)]
    return [f"{path}{signature(thing)}", *(f"    {line}" for line in members(thing))]


def listing():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    lines = [f"the command {name}" for name in project["scripts"]]
    lines += [f"the extra fishervec[{name}]" for name in sorted(project["optional-dependencies"])]
    modules = [fishervec, *(_registry.public(name) for name in _registry.MODULES)]
    for module in modules:
        for name in sorted(module.__all__):
            lines += lines_of(f"{module.__name__}.{name}", getattr(module, name))
    return "\n".join(lines) + "\n"


def test_the_package_has_the_names_that_are_listed():
    now = listing()
    if os.environ.get("FISHERVEC_WRITE_FIXTURES"):
        LISTED.write_text(now, encoding="utf-8")
    changes = rust_api.changes(LISTED.read_text(encoding="utf-8"), now)
    accept = f'If this is meant (CONTRIBUTING.md, "What may change"): {ACCEPT}'
    assert not changes, "\n".join(["The package is not what python/api.txt lists:", *changes, accept])


BEFORE = """
class A:
    '''A class.

    Attributes
    ----------
    mean_ : float
        The mean.
    '''
    def __init__(self, k=1): pass
    def fit(self, X, y=None, *, weights=None): pass
    @property
    def shape(self): pass
    @classmethod
    def load(cls, path): pass
"""


FIT = ".fit(X, y=None, *, weights=None)"
LOAD = "@classmethod\n    def load"


@pytest.mark.parametrize(
    ("before", "after", "gone", "come"),
    [
        ("k=1", "k=2", ["A(k=1)"], ["A(k=2)"]),
        ("k=1", "k=1, j=2", ["A(k=1)"], ["A(k=1, j=2)"]),
        ("def fit", "def learn", [f"A: {FIT}"], ["A: .learn(X, y=None, *, weights=None)"]),
        ("*, weights", "weights", [f"A: {FIT}"], ["A: .fit(X, y=None, weights=None)"]),
        ("self, X", "self, sets", [f"A: {FIT}"], ["A: .fit(sets, y=None, *, weights=None)"]),
        ("def shape", "def _shape", ["A: .shape"], []),
        ("mean_", "means_", ["A: .mean_"], ["A: .means_"]),
        (LOAD, LOAD[12:], ["A: .load(path), of the class"], ["A: .load(path)"]),
        ("@property", "def __len__(self): pass\n    @property", [], ["A: .__len__()"]),
        ("A class", "Another class", [], []),
    ],
)
def test_each_change_of_a_class_is_shown(before, after, gone, come):
    def lines(code):
        names = {"__name__": "a"}
        exec(code, names)
        return "\n".join(lines_of("A", names["A"]))

    assert before in BEFORE
    found = rust_api.changes(lines(BEFORE), lines(BEFORE.replace(before, after)))
    assert sorted(found) == sorted([*(f"- {line}" for line in gone), *(f"+ {line}" for line in come)])


def page(declaration, *impls):
    return f'<pre class="rust item-decl"><code>{declaration}</code></pre>{"".join(impls)}'


def impl(heading, header, *inner, section="method"):
    blocks = "".join(f'<section class="{section}"><h4 class="code-header">{code}</h4></section>' for code in inner)
    top = f'<h2 id="{heading}" class="section-header">A title<a href="#x">§</a></h2><details><summary>'
    return f'{top}<section class="impl"><h3 class="code-header">{header}</h3></section></summary>{blocks}</details>'


PRIVATE = '<span class="comment">/* private fields */</span>'
FUNCTION = page("pub fn f(\n    a: <a href='x'>u8</a>,\n    b: &amp;str,\n) -&gt; Vec&lt;u8&gt;")
FIELDS = page(f"pub struct S {{\n    pub a: Map&lt;u8, u8&gt;,\n    pub b: fn(u8) -&gt; u8,\n    {PRIVATE}\n}}")
ENUM = page(
    '<div class="code-attribute">#[non_exhaustive]</div>pub enum E {\n<details><summary>Show 2 variants</summary>'
    "    A {\n        x: u8,\n    },\n    B,\n</details>}"
)
TRAIT = page(
    "pub trait T: U {\n    type X: V;\n\n    // Required method\n    fn b(&amp;self) -&gt; u8;\n\n"
    "    // Provided method\n    fn a(&amp;self) { ... }\n}",
    impl("foreign-impls", "impl T for u8", "type X = u8", section="associatedtype"),
    impl("implementors", "impl T for S"),
)
IMPLS = page(
    f"pub struct S({PRIVATE});",
    impl("implementations", "impl S", "pub fn b(self)", "pub const A: f64 = 1e-7"),
    impl("implementations", "impl S", "pub fn a(<br>self)"),
    impl("trait-implementations", "impl Clone for S", "fn clone(&self) -> S"),
    impl("trait-implementations", 'impl&lt;T&gt; From&lt;T&gt; for S<div class="where">where<br>    T: U,</div>'),
    impl("trait-implementations", "impl Iterator for S", "type Item = u8", section="associatedtype"),
    impl("trait-implementations", "impl StructuralPartialEq for S"),
    impl("synthetic-implementations", "impl !Sync for S"),
    impl("synthetic-implementations", "impl Unpin for S"),
    impl("blanket-implementations", "impl&lt;T&gt; Any for T"),
)


TRAIT_LINES = """
pub trait T: U
    fn a(&self) { ... }
    fn b(&self) -> u8
    type X: V
impl T for u8
    type X = u8
"""
IMPLS_LINES = """
pub struct S(..)
impl !Sync for S
impl Clone for S
impl Iterator for S
    type Item = u8
impl S
    pub const A: f64
    pub fn a(self)
    pub fn b(self)
impl<T> From<T> for S where T: U
"""


@pytest.mark.parametrize(
    ("kind", "text", "lines"),
    [
        ("fn", FUNCTION, "pub fn f(a: u8, b: &str) -> Vec<u8>"),
        ("struct", page(f"pub struct S {{ {PRIVATE} }}"), "pub struct S { .. }"),
        ("struct", FIELDS, "pub struct S\n    pub a: Map<u8, u8>\n    pub b: fn(u8) -> u8\n    .."),
        ("enum", ENUM, "#[non_exhaustive] pub enum E\n    A { x: u8 }\n    B"),
        ("trait", TRAIT, TRAIT_LINES),
        ("struct", IMPLS, IMPLS_LINES),
    ],
    ids=["function", "private", "fields", "enum", "trait", "impls"],
)
def test_the_pages_of_rustdoc_are_read(kind, text, lines):
    assert list(rust_api.item(rust_api.Page(text), kind)) == lines.strip().splitlines()


def test_a_page_that_cannot_be_read_is_an_error(tmp_path):
    with pytest.raises(SystemExit, match="has no declaration"):
        list(rust_api.item(rust_api.Page("<main>something else</main>"), "struct"))
    (tmp_path / "all.html").write_text("<a href='https://elsewhere'>something else</a>")
    with pytest.raises(SystemExit, match="names no item"):
        rust_api.listing(tmp_path)


def test_there_is_one_version():
    assert version.problems() == []
    assert fishervec.__version__ == version.current()


@pytest.fixture
def clone(tmp_path):
    """The files that say a version."""
    for name in {"Cargo.toml", "CHANGELOG.md", *(name for name, _, _ in version.COPIES), *version.takers()}:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(version.text(ROOT, name))
    return tmp_path


@pytest.mark.parametrize("copy", version.COPIES, ids=[f"{name} {what}" for name, _, what in version.COPIES])
def test_each_place_of_the_version_is_seen(clone, copy):
    name, pattern, what = copy
    changed = re.sub(pattern, r'\g<1>7.7.7"' if pattern.endswith('"') else r"\g<1>7.7.7", version.text(clone, name))
    (clone / name).write_text(changed)
    assert version.problems(clone) == [f"{name}, {what}: expected {version.current()}, got 7.7.7"]


@pytest.mark.parametrize("name", version.takers())
def test_no_other_file_has_a_version_of_its_own(clone, name):
    changed = re.sub(version.DYNAMIC, 'version = "7.7.7"', version.text(clone, name))
    (clone / name).write_text(changed)
    assert version.problems(clone) == [f"{name}: expected to take its version from the workspace"]


def test_a_new_version_is_written_everywhere(clone):
    version.write("1.20.3-rc.1", clone)
    assert version.current(clone) == "1.20.3-rc.1"
    assert version.problems(clone) == ["CHANGELOG.md: expected a section ## [1.20.3-rc.1]"]
    (clone / "CHANGELOG.md").write_text("## [1.20.3-rc.1] - 2027-01-01\n")
    assert version.problems(clone) == []
    # Nothing but the version has changed.
    version.write(version.current(ROOT), clone)
    assert all(
        version.text(clone, name) == version.text(ROOT, name) for name in ("Cargo.toml", "Cargo.lock", "CITATION.cff")
    )


def test_the_pages_about_releases_name_words_that_make_knows():
    words = set(re.findall(r"^([a-z0-9-]+):", (ROOT / "Makefile").read_text(), re.M))
    for page in ("docs/releasing.md", "docs/install.md", "CONTRIBUTING.md"):
        named = set(re.findall(r"(?:^ *|`)make ([a-z0-9-]+)", (ROOT / page).read_text(), re.M))
        assert named, page
        assert named <= words, page


def test_the_page_about_installing_shows_the_three_lines_and_all_extras():
    page = (ROOT / "docs/install.md").read_text()
    (code,) = re.findall(r"```python\n(.*?)```", page, re.S)
    assert (ROOT / "scripts/three_lines.py").read_text().endswith(code)
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    rows = dict(re.findall(r"^\| `(\w+)` \| ([^|]+) \|", page, re.M))
    installed = {name: re.sub(r"[\[>=][^,]*", "", ", ".join(needs)) for name, needs in extras.items()}
    assert rows == installed | {"dask": "dask, distributed"}

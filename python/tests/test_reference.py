"""The reference: every public name has a page, every page a place, and a notebook's "?" leads there."""

import re
import urllib.request
from importlib import metadata
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from sklearn.base import BaseEstimator
from sklearn.utils import estimator_html_repr

import fishervec
from fishervec import FisherVector, _doc_link, _registry

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
REFERENCE = (DOCS / "api/index.md").read_text()


def public():
    """Every public name: of the package, and of its public modules."""
    yield from (f"fishervec.{name}" for name in fishervec.__all__ if not name.startswith("__"))
    for module in _registry.MODULES:
        yield from (f"fishervec.{module}.{name}" for name in _registry.public(module).__all__)


def listed():
    """Every name in the tables of the reference."""
    module = None
    for line in REFERENCE.splitlines():
        if found := re.fullmatch(r"\.\. currentmodule:: (\S+)", line):
            module = found[1]
        elif found := re.fullmatch(r" {3}(\w+)", line):
            yield f"{module}.{found[1]}"


def test_the_reference_lists_every_public_name_once():
    assert sorted(listed()) == sorted(public())
    assert "`fishervec.__version__`" in REFERENCE


# ---- the tree of pages -----------------------------------------------------------------------------------


def toctree(path):
    """The pages below a page, as they are in the tree, and the links in its text."""
    text = path.read_text()
    entries = [
        re.sub(r".*<(.*)>", r"\1", line)
        for block in re.findall(r"```\{toctree\}\n(.*?)```", text, re.S)
        for line in block.splitlines()
        if line and not line.startswith(":")
    ]
    return [(path.parent / entry).resolve() for entry in entries], re.sub(r"```.*?```", "", text, flags=re.S)


SECTIONS = sorted(path for path in DOCS.glob("**/*.md") if "```{toctree}" in path.read_text())


@pytest.mark.parametrize("section", SECTIONS, ids=lambda path: str(path.relative_to(DOCS)))
def test_a_section_says_what_each_of_its_pages_is(section):
    pages, text = toctree(section)
    links = {(section.parent / target).resolve() for target in re.findall(r"\]\(([^)#:]+)", text)}
    if DOCS / "gallery/GALLERY_HEADER.rst" in links:
        links.add(DOCS / "examples/index.md")
    assert [page for page in pages if page.with_suffix(".md") not in links] == []


def test_every_page_has_a_place():
    pages = [page for section in SECTIONS for page in toctree(section)[0]]
    built = {path.with_suffix("") for path in DOCS.glob("**/*.md") if not path.is_relative_to(DOCS / "api/generated")}
    built = {path for path in built if not path.is_relative_to(DOCS / "examples")}
    assert len(pages) == len(set(pages))
    assert built - set(pages) == {DOCS / "index"}


# ---- the "?" of a notebook -------------------------------------------------------------------------------

PAGE = "api/generated/fishervec.FisherVector.html"


class Package:
    """The metadata of an installed package, as importlib has it."""

    def __init__(self, urls=(), direct_url=None):
        self.metadata, self.direct_url = self, direct_url
        self.get_all = {"Project-URL": list(urls)}.get

    def read_text(self, name):
        return {"direct_url.json": self.direct_url}[name]


@pytest.fixture
def installed(monkeypatch):
    """Installs the package as told, in a folder without pages."""

    def install(**given):
        monkeypatch.setattr(metadata, "distribution", lambda name: Package(**given))
        monkeypatch.setattr(_doc_link, "__file__", "/nowhere/python/py_src/fishervec/_doc_link.py")

    return install


def pages(folder):
    """A source tree in which the documentation was built."""
    built = folder / "target/docs"
    built.mkdir(parents=True)
    (built / "index.html").touch()
    return built


def direct_url(address):
    return f'{{"dir_info": {{}}, "url": "{address}"}}'


def shown(estimator):
    """The addresses that the picture of an estimator leads to, of its own documentation."""
    links = re.findall(r'class="sk-estimator-doc-link[^"]*"[^>]*?href="([^"]*)"', estimator_html_repr(estimator))
    return {urlsplit(link)._replace(fragment="").geturl() for link in links}


def test_without_documentation_there_is_no_link(installed):
    installed()
    assert FisherVector()._get_doc_link() == ""
    assert shown(FisherVector()) == set()
    # A wheel, and a tree in which nothing was built.
    for address in ("file:///nowhere/dist/fishervec.whl", "file:///nowhere", "https://localhost/x.whl"):
        installed(direct_url=direct_url(address))
        assert FisherVector()._get_doc_link() == ""


def test_a_package_that_was_installed_from_a_tree_leads_to_the_pages_there(installed, tmp_path):
    # A space, a percent sign and braces are letters of a path like any other.
    tree = tmp_path / "a b%20{c}"
    built = pages(tree)
    installed(direct_url=direct_url(tree.as_uri()))
    link = FisherVector()._get_doc_link()
    assert Path(urllib.request.url2pathname(urlsplit(link).path)) == built / PAGE
    assert shown(FisherVector()) == {link}


def test_a_package_that_is_used_where_its_source_is_leads_to_the_pages_there(installed, tmp_path, monkeypatch):
    installed()
    built = pages(tmp_path)
    monkeypatch.setattr(_doc_link, "__file__", str(tmp_path / "python/py_src/fishervec/_doc_link.py"))
    assert FisherVector()._get_doc_link() == (built / PAGE).as_uri()


def test_the_address_in_the_metadata_is_the_first_choice(installed, tmp_path):
    pages(tmp_path)
    installed(urls=["Source, https://localhost/source"], direct_url=direct_url(tmp_path.as_uri()))
    assert FisherVector()._get_doc_link().startswith("file://")
    for label in ("Documentation", "documentation"):
        installed(urls=[f"{label}, https://localhost/docs/"], direct_url=direct_url(tmp_path.as_uri()))
        assert FisherVector()._get_doc_link() == f"https://localhost/docs/{PAGE}"


def test_a_package_that_is_not_installed_has_no_link(installed, monkeypatch):
    installed()

    def missing(name):
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "distribution", missing)
    assert FisherVector()._get_doc_link() == ""


@pytest.mark.parametrize("name", [name for name in public() if "Exception" not in name])
def test_every_estimator_leads_to_its_own_page(installed, name):
    installed(urls=["Documentation, https://localhost"])
    *_, module, short = name.split(".")
    thing = getattr(fishervec if module == "fishervec" else _registry.public(module), short)
    if isinstance(thing, type) and issubclass(thing, BaseEstimator):
        assert thing()._get_doc_link() == f"https://localhost/api/generated/{name}.html"


def test_a_class_of_a_user_has_no_page_of_ours(installed):
    installed(urls=["Documentation, https://localhost"])

    class Mine(FisherVector):
        pass

    assert Mine()._get_doc_link() == ""


def test_the_folder_of_the_pages_is_that_of_the_makefile():
    assert f" docs {_doc_link.BUILT} " in (ROOT / "Makefile").read_text()
    # The pages of names are where the links lead.
    assert REFERENCE.count(":toctree: generated/") > 5

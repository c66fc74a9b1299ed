"""The reference: public names as links wherever they are written, and the help of the command."""

import inspect
import os
import re
import subprocess
import sys
from pathlib import Path

from docutils import nodes
from sphinx import addnodes
from sphinx.transforms import SphinxTransform
from sphinx.util.docutils import SphinxDirective

import fishervec
from fishervec import _registry


def names():
    """Every public name that has a page, as it is written in code, with the name of its page."""
    found = {name: f"fishervec.{name}" for name in fishervec.__all__ if not name.startswith("__")}
    for module in _registry.MODULES:
        found |= {f"{module}.{name}": f"fishervec.{module}.{name}" for name in _registry.public(module).__all__}
    return found | {page: page for page in found.values()}


NAMES = names()
ROOT = Path(__file__).resolve().parents[2]


def is_theirs(member):
    """Whether a member of a class is another project's: scikit-learn's base classes, Python's."""
    return not (getattr(member, "__module__", None) or "fishervec").startswith("fishervec")


def theirs():
    """The public methods of each class that come from scikit-learn, by the name of its page."""
    pages = sorted(set(NAMES.values()))
    classes = {page: thing for page in pages if isinstance(thing := thing_of(page), type)}
    return {
        page: [
            name
            for name, member in inspect.getmembers(cls, callable)
            if not name.startswith("_") and is_theirs(member) and member.__module__.startswith("sklearn")
        ]
        for page, cls in classes.items()
    }


def thing_of(page):
    """The object of a page."""
    *_, module, name = page.split(".")
    return getattr(fishervec if module == "fishervec" else _registry.public(module), name)


def skip(app, what, name, member, skipped, options):
    """Leave out what is not documented here: other projects' members of our classes."""
    return True if what == "class" and callable(member) and is_theirs(member) else None


def link(name, docname, node):
    """A reference to the page of a public name."""
    return addnodes.pending_xref(
        "", node, refdomain="py", reftype="obj", reftarget=NAMES[name], refdoc=docname, refexplicit=True, refwarn=True
    )


def public(role, rawtext, text, lineno, inliner, options=None, content=None):
    """The role of `word`: a link if it is a public name, code in any case."""
    node = nodes.literal(rawtext, text)
    return [link(text, inliner.document.settings.env.docname, node) if text in NAMES else node], []


class CodeLinks(SphinxTransform):
    """Makes links of public names that Markdown has as code."""

    default_priority = 110

    def apply(self):
        if self.env.docname.startswith("api/generated"):
            return
        for node in list(self.document.findall(nodes.literal)):
            name = node.astext().removesuffix("()")
            inside = node.parent
            while inside is not None and not isinstance(inside, nodes.reference | addnodes.pending_xref | nodes.title):
                inside = inside.parent
            if inside is None and name in NAMES:
                node.replace_self(link(name, self.env.docname, node.deepcopy()))


def pages_of_docstrings(app, what, name, obj, options, lines):
    """Links in place of the paths of pages in docstrings."""
    lines[:] = [re.sub(r"\bdocs/([a-z-]+)\.md\b", r":doc:`/\1`", line) for line in lines]


class CommandHelp(SphinxDirective):
    """A section per verb, with its help as the installed command prints it."""

    def run(self):
        verbs = re.search(r"^Commands:\n(.*?)\n\n", command("--help"), re.S | re.M)[1]
        sections = []
        for verb in re.findall(r"^  (\w+) ", verbs, re.M):
            if verb != "help":
                sections.append(self.section(verb))
        return sections

    def section(self, verb):
        section = nodes.section(ids=[verb], names=[verb])
        section += nodes.title("", "", nodes.literal("", f"fishervec {verb}"))
        text = command(verb, "--help")
        summary, _, rest = text.partition("\n\n")
        section += nodes.paragraph("", summary)
        section += nodes.literal_block(rest, rest, language="text")
        return section


class RustReference(SphinxDirective):
    """Where the reference of the Rust library is, if it was built."""

    def run(self):
        page = ROOT / "target/doc/fishervec/index.html"
        if not page.exists():
            return [nodes.paragraph("", "It was not there when these pages were built.")]
        # Beside these pages, which are in target/docs.
        here = Path(self.env.app.outdir, self.env.docname).parent
        reference = nodes.reference(
            "", "The reference of this version", refuri=os.path.relpath(page, here), internal=True
        )
        return [nodes.paragraph("", "", reference)]


def command(*arguments):
    """What the command prints."""
    line = [sys.executable, "-m", "fishervec._cli", *arguments]
    return subprocess.run(line, capture_output=True, text=True, check=True, timeout=60).stdout


def setup(app):
    """Register role, transform and directive."""
    app.add_role("public", public)
    app.add_transform(CodeLinks)
    app.add_directive("command-help", CommandHelp)
    app.add_directive("rust-reference", RustReference)
    app.connect("autodoc-skip-member", skip)
    app.connect("autodoc-process-docstring", pages_of_docstrings, priority=100)
    return {"parallel_read_safe": True, "parallel_write_safe": True}

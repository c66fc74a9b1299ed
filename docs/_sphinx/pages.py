"""Pages as a code host shows them: links between files, pictures in two themes, files outside of docs/.

* A page that is one `{include}` is the file that it includes: links in it are relative to that file.
* A link to a page leads to the page; one to another file of the repository to a copy of it.
* `<picture>` has a source for the dark theme or for narrow windows; the images here follow the switch of the page.
"""

import os
import re
import shutil
from html.parser import HTMLParser
from pathlib import Path, PurePosixPath

from docutils import nodes
from sphinx import addnodes
from sphinx.transforms import SphinxTransform
from sphinx.util import logging

ROOT = Path(__file__).resolve().parents[2]
PALETTE = ROOT / "crates/fishervec-cli/src/page/tokens.css"
LIVE_PAGE = ROOT / "crates/fishervec-cli/src/explore/page.html"
#: Pages of the built documentation that no source file stands for, with where they come from.
STATIC = {"explore.html": LIVE_PAGE}
INCLUDE = re.compile(r"\s*```\{include\} (\S+)\n```\s*")

logger = logging.getLogger(__name__)


def homes(env):
    """The pages that are files outside of docs/, by their names, with the paths of the files in the repository."""
    found = {}
    for docname in env.found_docs:
        path = Path(env.doc2path(docname))
        if path.suffix == ".md" and (only := INCLUDE.fullmatch(path.read_text(encoding="utf-8"))):
            found[docname] = (path.parent / only[1]).resolve().relative_to(ROOT)
    return found


def normal(path):
    """A path without `..` inside, as a file in the repository."""
    return PurePosixPath(os.path.normpath(path))


class Links(SphinxTransform):
    """Resolves links of Markdown by where their targets are in the repository."""

    default_priority = 100

    def apply(self):
        for node in list(self.document.findall(addnodes.pending_xref)):
            if node.get("reftype") == "myst":
                self.resolve(node)
        for node in list(self.document.findall(addnodes.download_reference)):
            # MyST takes a file of the same name beside the page for one that the included file means.
            if node.get("reftype") == "myst" and self.env.docname in self.env.fishervec_homes:
                node["reftarget"] = os.path.relpath(self.home / node["reftarget"], self.here)

    @property
    def here(self):
        """The folder of this page, in the repository."""
        return Path(self.env.doc2path(self.env.docname)).parent.relative_to(ROOT)

    @property
    def home(self):
        """The folder that links of this page are relative to, in the repository."""
        home = self.env.fishervec_homes.get(self.env.docname)
        return self.here if home is None else home.parent

    def resolve(self, node):
        if node.get("refdomain") == "doc":
            # Outside of docs/, the name of a document is its path.
            path = Path(self.env.srcdir, f"{node['reftarget']}.md")
            target, anchor = os.path.relpath(path, ROOT), node.get("reftargetid")
        else:
            path, _, anchor = node["reftarget"].partition("#")
            if not path:
                return
            target = self.home / path
        target = normal(target)
        pages = {str(path): name for name, path in self.env.fishervec_homes.items()}
        docname = pages.get(str(target)) or self.env.path2doc(ROOT / target)
        static = str(target).removeprefix("docs/")
        if target.is_relative_to("docs/gallery"):
            # What sphinx-gallery makes of a script, or of the header of all.
            docname = f"examples/{'index' if target.stem == 'GALLERY_HEADER' else target.stem}"
        if docname in self.env.found_docs:
            node.attributes |= {"refdomain": "doc", "reftarget": docname, "reftargetid": anchor or None}
            if re.fullmatch(r"[\w./-]+\.md", node.astext()):
                # A path says on a code host what is behind it; here the title of the page does.
                node["refexplicit"] = False
        elif static in STATIC and STATIC[static].exists():
            self.static(node, static, anchor)
        elif (ROOT / target).is_file():
            there = os.path.relpath(target, self.here)
            download = addnodes.download_reference("", "", *node.children, reftarget=there, refdoc=self.env.docname)
            node.replace_self(download)

    def static(self, node, name, anchor):
        """A link to a page that Sphinx does not build."""
        up = "../" * self.env.docname.count("/")
        address = f"{up}{name}{'#' * bool(anchor)}{anchor or ''}"
        node.replace_self(nodes.reference("", "", *node.children, refuri=address, internal=True))


class Picture(HTMLParser):
    """Reads a `<picture>`: which image is for which media."""

    def __init__(self, html):
        super().__init__()
        self.sources, self.image = {}, {}
        self.feed(html)

    def handle_starttag(self, tag, attributes):
        given = dict(attributes)
        if tag == "source":
            self.sources[given["media"]] = given["srcset"]
        elif tag == "img":
            self.image = given


#: The classes of the image of a source, and of the one that it stands for.
CLASSES = {
    "(prefers-color-scheme: dark)": ("only-dark", "only-light"),
    "(max-width: 767px)": ("only-narrow dark-light", "only-wide dark-light"),
}


class Pictures(Links):
    """Turns `<picture>` and `<img>` of Markdown into images, which Sphinx copies."""

    def apply(self):
        # Inside of a paragraph, the tags of a picture are nodes of their own, with nothing between them.
        for paragraph in list(self.document.findall(nodes.paragraph)):
            if all(isinstance(child, nodes.raw) for child in paragraph):
                self.replace(paragraph, "".join(child.astext() for child in paragraph))
        for raw in list(self.document.findall(nodes.raw)):
            if raw.get("format") == "html":
                self.replace(raw, raw.astext())

    def replace(self, node, html):
        if re.match(r"\s*<(picture|img)\b", html):
            found = re.findall(r"<picture>.*?</picture>|<img\b[^>]*>", html, re.S)
            node.replace_self([image for picture in found for image in self.images(Picture(picture))])

    def images(self, picture):
        (media, source), *more = picture.sources.items() or [(None, None)]
        if more or media not in (None, *CLASSES):
            logger.warning(
                "a picture must have one source, for dark themes or narrow windows", location=self.env.docname
            )
        if media is None:
            return [self.image(picture.image, picture.image["src"], "")]
        one, other = CLASSES[media]
        return [self.image(picture.image, source, one), self.image(picture.image, picture.image["src"], other)]

    def image(self, given, source, classes):
        uri = os.path.relpath(self.home / source, self.here)
        image = nodes.image("", uri=uri, alt=given.get("alt", ""), classes=classes.split())
        if "width" in given:
            image["width"] = f"{given['width']}px"
        return image


class Decisions(SphinxTransform):
    """Begins a paragraph with each field of a decision, which are lines of one paragraph in the source."""

    default_priority = 120
    FIELD = re.compile(r"(Question|Choice|Instead|Measured|Revisit):\s*")

    def apply(self):
        for paragraph in list(self.document.findall(nodes.paragraph)):
            if self.env.docname == "decisions" and self.FIELD.match(paragraph.astext()):
                paragraph.replace_self(self.fields(paragraph))

    def fields(self, paragraph):
        fields = []
        for child in paragraph.children:
            name = self.FIELD.match(child) if isinstance(child, nodes.Text) else None
            if name:
                rest = nodes.Text(f" {child[name.end() :]}")
                fields.append(nodes.paragraph("", "", nodes.strong("", f"{name[1]}:"), rest))
            else:
                fields[-1] += child
        return fields


def remember(app, env, docnames):
    """Note which pages are files outside of docs/."""
    env.fishervec_homes = homes(env)


def write_palette(app):
    """The project's palette, for the theme's switch: a rule for light, and one for dark."""
    css = PALETTE.read_text(encoding="utf-8")
    light, dark = (re.search(r":root \{(.*?)\n *\}", part, re.S)[1] for part in css.split("@media"))
    folder = Path(app.outdir, "_static")
    folder.mkdir(parents=True, exist_ok=True)
    # What the dark rule does not say is as in the light one.
    text = f'html[data-theme] {{{light}\n}}\nhtml[data-theme="dark"] {{{dark}\n}}\n'
    Path(folder, "tokens.css").write_text(re.sub(r" *color-scheme: light dark;\n", "", text), encoding="utf-8")


def copy_static(app, exception):
    """Put pages that Sphinx does not build beside those that it does."""
    if exception is None and app.builder.format == "html":
        for name, path in STATIC.items():
            if path.exists():
                shutil.copyfile(path, Path(app.outdir, name))


def setup(app):
    """Register the transforms and events."""
    app.add_transform(Links)
    app.add_transform(Pictures)
    app.add_transform(Decisions)
    app.connect("builder-inited", write_palette)
    app.connect("env-before-read-docs", remember)
    app.connect("build-finished", copy_static)
    return {"parallel_read_safe": True, "parallel_write_safe": True}

"""Sphinx's settings for the documentation, which `make docs` builds; what Sphinx lacks is in _sphinx/."""

import sys
from importlib import util
from pathlib import Path

from numpydoc import xref

import fishervec
from fishervec import _registry

# Sphinx-gallery takes off the path what an example puts there: what the gallery imports is there before.
ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT / folder) for folder in ("docs/_sphinx", "docs/gallery", "python/examples", "scripts")]

import api  # noqa: E402

project = "fishervec"
author = "the authors of fishervec"
copyright = author
version = release = fishervec.__version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.mathjax",
    "numpydoc",
    "myst_parser",
    "sphinx_copybutton",
    "sphinx_gallery.gen_gallery",
    "pages",
    "api",
]
root_doc = "index"
templates_path = ["_templates"]
# The gallery's scripts and header become pages in examples/.
exclude_patterns = ["_templates", "gallery"]
language = "en"
# It means the whole path: a space in the name of a folder above breaks nothing.
suppress_warnings = ["sphinx_gallery.space_in_filename"]
# A straight quote in a message is part of the message.
smartquotes = False

# ---- Markdown --------------------------------------------------------------------------------------------

myst_enable_extensions = ["dollarmath", "deflist"]
# Links such as guide.md#which-k lead to headings, by the names that code hosts give them.
myst_heading_anchors = 4
myst_dmath_double_inline = True
# A page is read on a code host, too: there a "$" between spaces is money, and so it is here.
myst_dmath_allow_space = False

# ---- formulas --------------------------------------------------------------------------------------------

# MathJax in one file, without fonts, from a wheel: the same formulas on every device, and nothing is fetched.
_MATHJAX = Path(util.find_spec("mathjax").origin).parent / "static/mathjax/es5/tex-svg.js"
mathjax_path = _MATHJAX.name
# Its menu would load parts that are not there.
mathjax3_config = {"options": {"enableMenu": False}}

# ---- Python ----------------------------------------------------------------------------------------------

autosummary_generate = True
autodoc_typehints = "none"
autodoc_member_order = "bysource"
toc_object_entries_show_parents = "hide"
numpydoc_show_class_members = False
numpydoc_xref_param_type = True
# Types that are our own classes are links; the addresses of Python's and NumPy's would have to be fetched.
xref.DEFAULT_LINKS.clear()
numpydoc_xref_ignore = "all"
numpydoc_xref_aliases = {name: f"fishervec.{name}" for name in _registry.ESTIMATORS}
autosummary_context = {"theirs": api.theirs()}
# `word` is a link if it is a public name, and code otherwise.
default_role = "public"
nitpicky = True
# Other projects' names: their addresses would have to be fetched.
nitpick_ignore_regex = [
    ("py:.*", r"(sklearn|numpy|pandas|polars|pyarrow|matplotlib|dask|distributed|skimage|h5py|zarr)\..*")
]

# ---- gallery ---------------------------------------------------------------------------------------------

sphinx_gallery_conf = {
    "examples_dirs": "gallery",
    "gallery_dirs": "examples",
    "ignore_pattern": r"^gallery_",
    "within_subsection_order": "FileNameSortKey",
    "reset_modules": ("gallery_style.apply",),
    "image_srcset": ["2x"],
    # What a cell prints is shown; what it returns would be an address.
    "capture_repr": (),
    # The examples that use a name are on the page of the name.
    "doc_module": ("fishervec",),
    "backreferences_dir": "api/generated/backreferences",
    "reference_url": {"fishervec": None},
    "download_all_examples": False,
    "show_signature": False,
    "write_computation_times": False,
    "remove_config_comments": True,
}

# ---- HTML ------------------------------------------------------------------------------------------------

html_theme = "pydata_sphinx_theme"
html_title = f"fishervec {release}"
html_static_path = ["_static", str(_MATHJAX)]
html_css_files = ["tokens.css", "fishervec.css"]
html_context = {"default_mode": "auto"}
html_copy_source = False
html_theme_options = {
    "logo": {"text": "fishervec"},
    "header_links_before_dropdown": 8,
    "show_toc_level": 2,
    "navigation_depth": 2,
    "secondary_sidebar_items": ["page-toc"],
    "navbar_end": ["theme-switcher"],
    "footer_start": ["copyright"],
    "footer_end": [],
    "primary_sidebar_end": [],
}
# Results of a search have no excerpts: a page that was opened as a file may not read others.
html_show_search_summary = False
copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True
copybutton_exclude = ".linenos, .gp, .go"

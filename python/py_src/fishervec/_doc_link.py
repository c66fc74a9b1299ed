"""Where the documentation is: the "?" that a notebook shows beside an estimator leads there."""

import json
from importlib import metadata
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

#: The page of a class below the documentation; scikit-learn fills it in.
PAGE = "api/generated/{estimator_module}.{estimator_name}.html"
#: Where `make docs` puts the pages, in the source tree.
BUILT = "target/docs"


class Linked:
    """The base of classes that have a page in the documentation."""

    #: scikit-learn gives subclasses of users, in other packages, no link.
    _doc_link_module = "fishervec"
    #: Where users find the class.
    _public_module = "fishervec"

    @property
    def _doc_link_template(self) -> str:
        """The address of a class's page, for scikit-learn to fill in; empty if there is no documentation."""
        address = _address()
        return f"{address.replace('{', '{{').replace('}', '}}')}/{PAGE}" if address else ""

    def _doc_link_url_param_generator(self) -> dict[str, str]:
        """What the template needs."""
        return {"estimator_module": self._public_module, "estimator_name": type(self).__name__}


def _address() -> str:
    """The address that the package's metadata gives, or the pages that were built in its source tree."""
    try:
        package = metadata.distribution("fishervec")
    except metadata.PackageNotFoundError:
        package = None
    if package is not None:
        for entry in package.metadata.get_all("Project-URL") or ():
            label, _, address = entry.partition(",")
            if label.strip().lower() == "documentation" and address.strip():
                return str(address.strip().rstrip("/"))
    trees = [Path(__file__).resolve().parents[3], *_installed_from(package)]
    built = (tree / BUILT for tree in trees)
    return next((pages.as_uri() for pages in built if (pages / "index.html").is_file()), "")


def _installed_from(package: metadata.Distribution | None) -> list[Path]:
    """The source tree that `pip install .` has installed the package from, if it was that."""
    noted = package.read_text("direct_url.json") if package is not None else None
    if noted is None:
        return []
    address = urlsplit(json.loads(noted).get("url", ""))
    return [Path(url2pathname(address.path))] if address.scheme == "file" else []

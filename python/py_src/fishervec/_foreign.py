"""Parameters that other libraries have: the error that names one of them says what to write here."""

import functools
import inspect
from collections.abc import Callable, Collection
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

_FUNCTION = "fishervec.fisher_vector has it"
_ENCODER = "it is the encoder's: ImageEncoder(FisherVector({name}=...))"
_GM_ARGS = 'write gm_args={"{name}": ...}'
_SKIMAGE = "from fishervec.skimage import fisher_vector"
#: How a mixture is given by its arrays.
ARRAYS = "types.SimpleNamespace(weights_=..., means_=..., covariances_=...), a component per row"

#: Names of other libraries, in small letters and without underscores, with their cures: the first one counts
#: whose key is a parameter of what was called. (Functions of a mixture have "gmm", all classes have "self".)
CURES: dict[str, dict[str, str]] = {
    "improved": {
        "convention": 'improved=True is power=0.5, norm="l2" (in scikit-image convention="scikit-image", in VLFeat '
        f'convention="vlfeat"); or {_SKIMAGE}',
        "power": 'improved=True is power=0.5, norm="l2"',
        "gmm": f"write {_SKIMAGE}",
    },
    "alpha": {
        "convention": f'alpha is power, with norm="l2" and convention="scikit-image"; or {_SKIMAGE}',
        "power": "write power",
        "gmm": f"write {_SKIMAGE}",
    },
    "sqrt squareroot signedsqrt ssr powernorm powernormalize powernormalization": {
        "power": "write power=0.5",
        "gmm": f"{_FUNCTION}: power=0.5",
    },
    "normalized normalize normalise normalised normalization l2 l2norm l2normalize": {
        "norm": 'write norm="l2"',
        "gmm": f'{_FUNCTION}: norm="l2"',
    },
    "unnormalized": {"norm": "write norm=None"},
    "normalizecomponents": {"norm": 'write norm="intra+l2"'},
    "normalizemass": {"mass": "write mass=True"},
    "power norm convention": {"gmm": _FUNCTION, "encoder": _ENCODER},
    "fast": {
        "threshold": "write threshold=1, by which a descriptor counts for its likeliest component alone",
        "gmm": "FisherVector(mixture=gmm, threshold=1) counts a descriptor for its likeliest component alone",
    },
    "include": {"gradients": 'write gradients, "w,m,v" or some of these', "gmm": "FisherVector has gradients"},
    "threshold gradients information pca": {"gmm": "FisherVector has it", "encoder": _ENCODER},
    "nmodes nwords nvisualwords nclusters ncentroids ncenters ncentres ngaussians ncomponents numcomponents "
    "numclusters numwords numgaussians k clusters clustercount vocabularysize codebooksize dictionarysize": {
        "n_components": "write n_components",
        "n_clusters": "write n_clusters",
        "n_modes": "write n_modes",
        "gmm": "it is the mixture's: GaussianMixture(n_components=...)",
        "encoder": _ENCODER.format(name="n_components"),
    },
    "gmm gmargs covariancetype covtype": {
        "mixture": "write mixture=GaussianMixture(...), fitted or not",
        "gmm": "it is the mixture's, where it must be 'diag': GaussianMixture(covariance_type=\"diag\")",
    },
    "mixture": {"gmm": "write gmm"},
    "vocabulary dictionary kmeans centers centres centroids means": {"codebook": "write codebook"},
    "means covariances priors mu sigma": {
        "mixture": f"write mixture, a fitted mixture, or {ARRAYS}",
        "gmm": f"write gmm, a fitted mixture, or {ARRAYS}",
    },
    "weights": {"gmm": "FisherVector(mixture=gmm).fit_transform([xx], weights=[...]) takes weights of descriptors"},
    "descriptors x v data sets": {
        "xx": "the first argument is xx, one set of descriptors",
        "descriptors": "the first argument is descriptors, one set",
        "self": "descriptors are an argument of fit and transform",
    },
    "seed randomseed randomstate": {
        "random_state": "write random_state",
        "gmm": "it is the mixture's: GaussianMixture(random_state=...)",
    },
    "randomstate seed maxiter tol ninit initparams regcovar covariancetype": {"gm_args": _GM_ARGS},
    "nthreads numthreads": {"n_jobs": "write n_jobs"},
}


def explained(function: Callable[P, T]) -> Callable[P, T]:
    """The same function, whose error for a parameter of another library says what to write."""
    known = inspect.signature(function).parameters

    @functools.wraps(function)
    def checked(*args: P.args, **kwargs: P.kwargs) -> T:
        cures = {name: cure for name in kwargs if name not in known and (cure := _cure(name, known.keys()))}
        if cures:
            called = function.__qualname__.removesuffix(".__init__")
            text = "; ".join(dict.fromkeys(cures.values()))
            raise TypeError(f"{called}() has no parameter {', '.join(cures)}: {text}")
        return function(*args, **kwargs)

    return checked


class Explained:
    """The base of classes whose constructors explain the parameters of other libraries."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "__init__" in vars(cls):
            cls.__init__ = explained(cls.__init__)  # type: ignore[method-assign]


def _cure(name: str, known: Collection[str]) -> str | None:
    """What to write for a name that is none of the known parameters."""
    plain = _plain(name)
    for parameter in known:
        if plain == _plain(parameter):
            return f"write {parameter}"
    cures = (item for names, of_names in CURES.items() if plain in names.split() for item in of_names.items())
    return next((cure.replace("{name}", name) for parameter, cure in cures if parameter in known), None)


def _plain(name: str) -> str:
    return name.lower().replace("_", "")

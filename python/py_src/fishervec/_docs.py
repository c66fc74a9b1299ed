"""Passages that several docstrings share, written once.

A docstring has a line `{name}` where a passage goes. `documented`, a decorator of classes, replaces such lines in the
docstrings of a class and of its own methods, so that `help` and Jupyter show whole texts.
"""

import inspect
import json
import re
from collections.abc import Callable
from typing import Any, TypeVar

Class = TypeVar("Class", bound=type[Any])

#: `<default>` is the default of that parameter in the class that is documented.
PASSAGES = {
    # ---- parameters of encoders --------------------------------------------------------------------------
    "pca": """
pca : int, DescriptorPCA or None, default=None
    Number of columns to project the descriptors to first, or a fitted projection.""",
    "rows": """
rows : {"l2", "rootsift"} or None, default=None
    Normalisation of each descriptor, before all else: ``x / |x|``, or ``sign(x) sqrt(|x| / sum |x|)``.""",
    "whiten": """
whiten : bool, default=False
    Whether to divide each projected column by its standard deviation.""",
    "position_columns": """
position_columns : int, default=0
    Number of trailing columns (for example x and y) that bypass `rows` and `pca` and follow their result. With
    `positions` in `fit` it is their number of columns, and may stay 0.""",
    "spatial": """
spatial : int, GaussianMixture, FrozenEstimator of one, or None, default=None
    Append a spatial Fisher vector: a model of that many Gaussians over the position columns, or a fitted one,
    whose gradients for each component are blocks of their own.""",
    "pyramid": """
pyramid : str or None, default=None
    Grids over the position columns: one vector per cell, each normalised by itself, one after the other.
    "1x1,2x2" is the whole and its quarters; "1,2,4" the whole, halves and quarters of a duration.""",
    "n_clusters": """
n_clusters : int, default=64
    Number K of centres of the codebook; not used if `codebook` is given.""",
    "codebook": """
codebook : array of shape (K, D), KMeans, GaussianMixture or None, default=None
    A given codebook, of descriptors after `rows` and `pca`: its centres, or a fitted k-means of scikit-learn;
    for a soft assignment a mixture, as in `FisherVector`. None means one to be fitted.""",
    "assignment": """
assignment : {"hard", "soft"}, default="hard"
    How a descriptor counts: 1 for the nearest centre of k-means, or its posteriors under a mixture.""",
    "power": """
power : float or None, default=<default>
    Exponent of the signed power of each entry; 1 or None changes nothing.""",
    "norm": """
norm : {"l2", "intra+l2"} or None, default=<default>
    The norm that the vector is divided by, after the power: of the whole, or of each component's entries and
    then of the whole; what is only rounding noise, or a component that no descriptor visits, stays zero. None
    means no norm.""",
    "soft_threshold": """
threshold : float or None, default=None
    For a soft assignment: posteriors below this fraction of their descriptor's largest are dropped.""",
    "max_iter": """
max_iter : int, default=100
    Maximum number of k-means iterations.""",
    "tol": """
tol : float, default=1e-4
    Stop when an iteration lowers the inertia by less than this fraction.""",
    "sample": """
sample : int or None, default=None
    Number of descriptors to fit to, drawn evenly from all; None means 1,000 per component.""",
    "polish": """
polish : int, default=0
    Number of passes over all descriptors after the fit to the sample, each an iteration of expectation maximization
    (of k-means for a hard assignment), until it has converged.""",
    "information_sets": """
information_sets : int, default=2000
    Number of sets that an empirical information is estimated from, drawn evenly from all.""",
    "random_state": """
random_state : int, RandomState instance, Generator or None, default=None
    Seed of the samples and of the initialisation; an integer is the seed itself.""",
    "missing": """
missing : {"error", "empty"}, default="error"
    What to do about None (or NaN, NA, null) in place of a set: raise an error, or take it for an empty set.""",
    "padding": """
padding : {"nan"} or None, default=None
    What rows of NaN at the end of a set are: "nan" says that they fill it up and do not count; None that they are
    errors, as all other NaN are.""",
    "n_jobs": """
n_jobs : int or None, default=None
    Number of threads, which never changes a result. None means all cores that the process may use (1 in a
    worker of joblib or dask), or the environment variable FISHERVEC_NUM_THREADS; -1 means all cores.""",
    "verbose": """
verbose : int, default=0
    Whether to print one line per iteration of a mixture's fit.""",
    "carry": """
carry : int, default="deprecated"
    The former name of `position_columns`.

    .. deprecated:: 0.1
       Write `position_columns` instead.""",
    # ---- attributes --------------------------------------------------------------------------------------
    "cluster_centers_": """
cluster_centers_ : ndarray of shape (K, D)
    The centres.""",
    "location_": """
location_ : GaussianMixture or None
    The model of the position columns, with `spatial`.""",
    "n_features_in_": """
n_features_in_ : int
    Number of columns of the descriptors in X.""",
    "feature_names_in_": """
feature_names_in_ : ndarray of shape (`n_features_in_`,)
    Their names, if all sets of the fit were frames with names. Sets with other names are an error.""",
    # ---- notes -------------------------------------------------------------------------------------------
    "sets": """
X is a list of arrays of shape (n_i, d), or one of the other forms on the page "Sets of descriptors"
(docs/sets.md): an array of shape (n_sets, n, d), the tuple (values, offsets), a column of sets, an iterator. The
vector of an empty set is zero. One set alone is ``[x]``.""",
    "encoder_statistics": """
`transform` also takes the list that `statistics` returned, in place of sets, and so does `fit` if all parts are
given fitted.""",
    "images": """
An image is a path (jpeg, png, webp, tiff; rotated as its file says), a PIL image, or an array of shape
(height, width) or (height, width, channels) with 1, 3 or 4 channels. Numbers are from 0 to 255 (uint8), from 0 to
65,535 (uint16, PIL's mode I, integers of more than 8 bits in a tiff), or from 0 to 1 (floats, bool); others are an
error. Transparency is composited onto white. A file must be whole and hold one image: not several pages, and not
an animation. One image alone is ``[image]``; an array of images has shape (n_images, height, width) or
(n_images, height, width, channels).""",
    # ---- parameters of methods ---------------------------------------------------------------------------
    "weights": """
weights : weights of the descriptors, default=None
    In the form of the sets: one array of shape (n_i,) per set, or one array for values with offsets. A weight
    of 0 leaves a descriptor out, whatever it holds, NaN too.""",
    "positions": """
positions : positions of the descriptors, default=None
    In a form of sets: one array of shape (n_i, L) per set. They become the last columns of the sets, in the float
    type of the descriptors, and are what `position_columns` are; given in `fit`, they must be given ever after.""",
    "groups": """
groups : array-like of shape (n_sets,), sparse or dense matrix of shape (n_groups, n_sets), or None, default=None
    Sets that are encoded as one: those of one label, or of one row of the matrix; see "Groups" in docs/sets.md. The
    result has one row per group, labels in the order of ``np.unique(groups)``.""",
    "groups_of_shares": """
groups : array-like of shape (n_sets,), sparse or dense matrix of shape (n_groups, n_sets), or None, default=None
    Sets that are encoded as one, as in `transform`: the shares are those in the score of the group's vector. A set is
    in one group at most. All sets are read twice, an iterator into memory.""",
    "y": """
y : None
    Ignored.""",
    "X": """
X : array-like of shape (n_samples, n_features)
    Descriptors.""",
    "images_parameter": """
X : iterable of images
    In one of the forms in the notes of the class.""",
    "path": """
path : path-like
    The file, usually named .safetensors; an existing file is replaced.""",
    # ---- errors and warnings -----------------------------------------------------------------------------
    "not_fitted": """
NotFittedError
    If the estimator is not fitted.""",
    "fit_errors": """
TypeError
    If `X` has none of the forms of sets, or a parameter has another type.
ValueError
    For numbers that are not finite, sets with different numbers or names of columns, too few descriptors, or a
    parameter out of range; an error in a set names the set and the row.""",
    "transform_errors": """
NotFittedError
    If the estimator is not fitted.
TypeError
    If `X` has none of the forms of sets.
ValueError
    For numbers that are not finite, or other columns than in `fit`; the error names set and row.""",
    "mixture_fit_errors": """
TypeError
    If a parameter has another type.
ValueError
    For numbers that are not finite, fewer than two rows per component, weights below 0, or a parameter out of
    range.""",
    "mixture_errors": """
NotFittedError
    If the mixture is not fitted.
ValueError
    For numbers that are not finite, or another number of columns than in `fit`.""",
    "image_errors": """
TypeError
    If something is not an image, or a parameter has another type.
ValueError
    For an image that is corrupt, not whole, not finite or out of its range, one image in place of a list, and a
    parameter out of range; the error names the image.
OSError
    If a file cannot be read, or PIL cannot decode an image of its own.""",
    "save_errors": """
NotFittedError
    If the estimator is not fitted.
OSError
    If the file cannot be written.
TypeError
    If the estimator, or one among its parameters, is of a class outside this package.""",
    "fit_warnings": """
ConvergenceWarning
    If a mixture did not converge within its `max_iter` iterations.
UserWarning
    For fewer than 50 descriptors per component, an empirical information from fewer than 100 sets, or position
    columns that are distributed like the others.""",
}


def documented(cls: Class) -> Class:
    """Fill the passages into the docstrings of a class and of its own methods."""
    defaults = {name: parameter.default for name, parameter in inspect.signature(cls).parameters.items()}
    for member in (cls, *filter(inspect.isfunction, vars(cls).values())):
        if member.__doc__:
            member.__doc__ = re.sub(
                r"^( *)\{(\w+)\}$", lambda line: _passage(line, defaults), member.__doc__, flags=re.M
            )
    return cls


def _passage(line: re.Match[str], defaults: dict[str, Any]) -> str:
    indent, name = line.groups()
    text = PASSAGES[name].removeprefix("\n")
    if "<default>" in text:
        default = defaults[name]
        text = text.replace("<default>", json.dumps(default) if isinstance(default, str) else str(default))
    return re.sub(r"^(?=.)", indent, text, flags=re.M)


def extended(base: type[Any]) -> Callable[[Class], Class]:
    """A decorator of classes with the parameters and the attributes of `base`: fills their sections in."""

    def extend(cls: Class) -> Class:
        theirs = re.search(r"\nParameters\n-+\n.*?(?=\nSee Also\n)", inspect.getdoc(base) or "", re.S)
        if cls.__doc__ and theirs:
            summary, _, rest = inspect.cleandoc(cls.__doc__).partition("\nSee Also\n")
            cls.__doc__ = f"{summary}{theirs[0]}\nSee Also\n{rest}\n"
        return cls

    return extend

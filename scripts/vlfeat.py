"""VLFeat through ctypes: the functions that the golden files and the benchmark call.

The library is Debian's (apt-get install libvlfeat-dev), or the one that the environment variable LIBVL names.
Arrays are float32 or float64, row-major; a mixture is (weights (K,), means (K, D), covariances (K, D)).
"""

import ctypes
import ctypes.util
import os
import sys

import numpy as np

PATH = os.environ.get("LIBVL") or ctypes.util.find_library("vl")
LIBRARY = ctypes.CDLL(PATH or sys.exit("VLFeat is missing: apt-get install libvlfeat-dev, or set LIBVL to its path"))
TYPES = {"float32": 1, "float64": 2}
IMPROVED, FAST = 3, 4
CUSTOM_START = 2
COMPONENTS, SQUARE_ROOT, UNNORMALIZED, MASS = 1, 2, 4, 8

_size, _pointer, _int, _double = ctypes.c_ulonglong, ctypes.c_void_p, ctypes.c_int, ctypes.c_double
for _name, _result, *_arguments in [
    ("vl_set_num_threads", None, _size),
    ("vl_get_max_threads", _size),
    ("vl_fisher_encode", _size, _pointer, _int, _pointer, _size, _size, _pointer, _pointer, _pointer, _size, _int),
    ("vl_vlad_encode", None, _pointer, _int, _pointer, _size, _size, _pointer, _size, _pointer, _int),
    ("vl_gmm_new", _pointer, _int, _size, _size),
    ("vl_gmm_delete", None, _pointer),
    ("vl_gmm_set_priors", None, _pointer, _pointer),
    ("vl_gmm_set_means", None, _pointer, _pointer),
    ("vl_gmm_set_covariances", None, _pointer, _pointer),
    ("vl_gmm_set_initialization", None, _pointer, _int),
    ("vl_gmm_set_max_num_iterations", None, _pointer, _size),
    ("vl_gmm_em", _double, _pointer, _pointer, _size),
    ("vl_gmm_get_priors", _pointer, _pointer),
    ("vl_gmm_get_means", _pointer, _pointer),
    ("vl_gmm_get_covariances", _pointer, _pointer),
    ("vl_dsift_new_basic", _pointer, _int, _int, _int, _int),
    ("vl_dsift_delete", None, _pointer),
    ("vl_dsift_process", None, _pointer, _pointer),
    ("_vl_dsift_update_buffers", None, _pointer),
]:
    getattr(LIBRARY, _name).restype, getattr(LIBRARY, _name).argtypes = _result, _arguments


def fisher_encode(x, weights, means, covariances, flags=0):
    """The encoding in the float type of x, shape (2 K D,): means, then variances."""
    k, d = means.shape
    out = np.zeros(2 * k * d, x.dtype)
    x, weights, means, covariances = (np.ascontiguousarray(a, x.dtype) for a in (x, weights, means, covariances))
    LIBRARY.vl_fisher_encode(
        out.ctypes.data,
        TYPES[x.dtype.name],
        means.ctypes.data,
        d,
        k,
        covariances.ctypes.data,
        weights.ctypes.data,
        x.ctypes.data,
        len(x),
        flags,
    )
    return out


def vlad_encode(x, centres, assignments, flags=0):
    """The encoding in the float type of x, shape (K D,); `assignments` of shape (n, K)."""
    out = np.zeros(centres.size, x.dtype)
    x, centres, assignments = (np.ascontiguousarray(a, x.dtype) for a in (x, centres, assignments))
    LIBRARY.vl_vlad_encode(
        out.ctypes.data,
        TYPES[x.dtype.name],
        centres.ctypes.data,
        x.shape[1],
        len(centres),
        x.ctypes.data,
        len(x),
        assignments.ctypes.data,
        flags,
    )
    return out


def em(x, weights, means, covariances, n_iter):
    """The mixture after `n_iter` M-steps from the given one. VLFeat ends with one more E-step."""
    k, d = means.shape
    x, *start = (np.ascontiguousarray(a, x.dtype) for a in (x, weights, means, covariances))
    gmm = LIBRARY.vl_gmm_new(TYPES[x.dtype.name], d, k)
    try:
        for name, array in zip(("priors", "means", "covariances"), start, strict=True):
            getattr(LIBRARY, f"vl_gmm_set_{name}")(gmm, array.ctypes.data)
        LIBRARY.vl_gmm_set_initialization(gmm, CUSTOM_START)
        LIBRARY.vl_gmm_set_max_num_iterations(gmm, n_iter)
        LIBRARY.vl_gmm_em(gmm, x.ctypes.data, len(x))
        fitted = []
        for name, like in zip(("priors", "means", "covariances"), start, strict=True):
            address = getattr(LIBRARY, f"vl_gmm_get_{name}")(gmm)
            fitted.append(np.frombuffer(ctypes.string_at(address, like.nbytes), x.dtype).reshape(like.shape))
        return tuple(fitted)
    finally:
        LIBRARY.vl_gmm_delete(gmm)


class _Keypoint(ctypes.Structure):
    _fields_ = [(name, _double) for name in ("x", "y", "s", "norm")]


class _Dsift(ctypes.Structure):
    """The first fields of VlDsiftFilter (vl/dsift.h), whose accessors are inline functions."""

    _fields_ = (
        [(name, _int) for name in ("width", "height", "step_x", "step_y", "left", "top", "right", "bottom")]
        + [(name, _int) for name in ("n_orientations", "n_x", "n_y", "bin_x", "bin_y", "flat")]
        + [("window_size", _double), ("n_frames", _int), ("size", _int)]
        + [("frames", ctypes.POINTER(_Keypoint)), ("descriptors", ctypes.POINTER(ctypes.c_float))]
    )


def dsift(image, step, bin_size, flat=True, window_size=2.0, bounds=None):
    """Descriptors (n, 128) and keypoints (n, 4: x, y, -, norm) of a float32 image of shape (height, width)."""
    image = np.ascontiguousarray(image, np.float32)
    height, width = image.shape
    address = LIBRARY.vl_dsift_new_basic(width, height, step, bin_size)
    try:
        filter_ = _Dsift.from_address(address)
        filter_.flat, filter_.window_size = int(flat), window_size
        if bounds is not None:
            filter_.left, filter_.top, filter_.right, filter_.bottom = bounds
        LIBRARY._vl_dsift_update_buffers(address)
        LIBRARY.vl_dsift_process(address, image.ctypes.data)
        n = filter_.n_frames
        descriptors = np.ctypeslib.as_array(filter_.descriptors, (n, 128)).copy()
        keypoints = np.array([[k.x, k.y, k.s, k.norm] for k in filter_.frames[:n]]).reshape(n, 4)
        return descriptors, keypoints
    finally:
        LIBRARY.vl_dsift_delete(address)

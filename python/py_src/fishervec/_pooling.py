"""Mean and standard deviation: the baseline."""

from . import _checks as check
from ._base import SetEncoder
from ._pca import DescriptorPCA, projection
from ._sets import Batch

#: Descriptors a projection is learned from: what the command line takes.
SAMPLE = 64_000


class Pooling(SetEncoder):
    """Encodes a set by the mean and the standard deviation of its descriptors: the baseline any encoder must beat.

    Parameters
    ----------
    pca : int, DescriptorPCA or None, default=None
        Project the descriptors to that many columns first, or by that fitted projection.
    rows : {"l2", "rootsift"} or None, default=None
        What is done to each descriptor before all else: x / |x|, or sign(x) sqrt(|x| / sum |x|).
    whiten : bool, default=False
        Whether to divide each projection by its standard deviation.
    carry : int, default=0
        How many of the last columns go round `rows` and `pca` and stand after them again: where a descriptor is, say.
    power : float, default=1.0
        Exponent of the signed power of each entry; 1 changes nothing.
    norm : {"l2", "intra+l2"} or None, default=None
        The norm to divide by, after the power.
    sample : int or None, default=None
        Descriptors a projection is learned from, drawn evenly from all; None is 64,000.
    random_state : int, RandomState instance, Generator or None, default=None
        The seed of the sample.
    n_jobs : int or None, default=None
        As in `FisherVector`.
    verbose : int, default=0
        Not used: there is nothing to tell.

    Attributes
    ----------
    n_features_in_ : int
        Columns of the descriptors.
    n_features_out_ : int
        P, the length of a vector: 2 D, with D the columns of the descriptors after `pca`.

    See Also
    --------
    FisherVector : The encoder to hold it against.

    Notes
    -----
    Sets are given as one of

    * a list, or any other iterable, of arrays of shape (n_i, d): anything that NumPy makes an array of, or that
      exports one by DLPack (torch, jax), and an object array of such;
    * an array of shape (n_sets, n, d), sets of one size;
    * the tuple (values, offsets): an array of shape (n, d) and the n_sets + 1 integers at which the sets begin and the
      last one ends, from 0 to n;
    * a column of lists of lists: an Arrow array, or a Series of pandas or polars.

    A set may be empty: its vector is zero. float32, float64, float16 and uint8 are computed with as they are, all else
    as float64; C order costs no copy. An array of shape (n, d) is an error: one set is ``[x]``.

    The standard deviation is the biased one. Cost O(n D); memory independent of n.

    Examples
    --------
    >>> from fishervec import Pooling
    >>> Pooling().fit_transform([[[1.0, 2.0], [3.0, 2.0]]]).tolist()
    [[2.0, 2.0, 1.0, 0.0]]
    """

    _kind = "pooling"

    def __init__(
        self,
        *,
        pca: int | DescriptorPCA | None = None,
        rows: str | None = None,
        whiten: bool = False,
        carry: int = 0,
        power: float = 1.0,
        norm: str | None = None,
        sample: int | None = None,
        random_state: check.RandomState = None,
        n_jobs: int | None = None,
        verbose: int = 0,
    ) -> None:
        self.pca = pca
        self.rows = rows
        self.whiten = whiten
        self.carry = carry
        self.power = power
        self.norm = norm
        self.sample = sample
        self.random_state = random_state
        self.n_jobs = n_jobs
        self.verbose = verbose

    def _fit(self, batch: Batch) -> None:
        plan = self._plan(SAMPLE, *projection(self.pca))
        plan["power"] = check.real("power", self.power)
        plan["norm"] = check.optional(check.text, "norm", self.norm) or "none"
        self._set_pipeline(self._fit_plan(batch, plan))

    def _default_sample(self) -> int:
        return SAMPLE

    def _names(self, columns: list[str]) -> list[str]:
        return [f"{what}_{column}" for what in ("mean", "std") for column in columns]

"""Mean and standard deviation: the baseline."""

from typing import ClassVar

from . import _settings
from ._deprecation import Deprecated
from ._docs import documented
from ._encoder import SetEncoder
from ._pca import DescriptorPCA, projection
from ._types import RandomState


@documented
class Pooling(SetEncoder):
    """Encodes a set by the mean and the standard deviation of its descriptors: the baseline any encoder must beat.

    Parameters
    ----------
    {pca}
    {rows}
    {whiten}
    {position_columns}
    {power}
    {norm}
    sample : int or None, default=None
        Number of descriptors that a projection is fitted to, drawn evenly from all; None means 64,000.
    {random_state}
    {missing}
    {padding}
    {n_jobs}
    verbose : int, default="deprecated"
        Has no effect.

        .. deprecated:: 0.1
           Leave it out.
    {carry}

    Attributes
    ----------
    {n_features_in_}
    {feature_names_in_}
    n_features_out_ : int
        P, the length of a vector: 2 D, with D the columns of the descriptors after `pca`.

    See Also
    --------
    FisherVector : The encoder to compare it with.

    Notes
    -----
    {sets}

    The standard deviation is the biased one. Cost O(n D); memory independent of n.

    Examples
    --------
    >>> from fishervec import Pooling
    >>> Pooling().fit_transform([[[1.0, 2.0], [3.0, 2.0]]]).tolist()
    [[2.0, 2.0, 1.0, 0.0]]
    """

    _kind = "pooling"
    _deprecated: ClassVar[dict[str, str | None]] = {**SetEncoder._deprecated, "verbose": None}

    def __init__(
        self,
        *,
        pca: int | DescriptorPCA | None = None,
        rows: str | None = None,
        whiten: bool = False,
        position_columns: int = 0,
        power: float | None = 1.0,
        norm: str | None = None,
        sample: int | None = None,
        random_state: RandomState = None,
        missing: str = "error",
        padding: str | None = None,
        n_jobs: int | None = None,
        verbose: int | Deprecated = "deprecated",
        carry: int | Deprecated = "deprecated",
    ) -> None:
        self.pca = pca
        self.rows = rows
        self.whiten = whiten
        self.position_columns = position_columns
        self.power = power
        self.norm = norm
        self.sample = sample
        self.random_state = random_state
        self.missing = missing
        self.padding = padding
        self.n_jobs = n_jobs
        self.verbose = verbose
        self.carry = carry

    def _plan(self) -> _settings.Plan:
        plan = _settings.preprocessing(self, projection(self.pca), _settings.SAMPLE)
        return plan.encode_by(**_settings.normalization(self.power, self.norm))

    def _names(self, columns: list[str]) -> list[str]:
        return [f"{what}_{column}" for what in ("mean", "std") for column in columns]

    def _check_statistics(self) -> None:
        raise TypeError("sets must be descriptors for Pooling: pooling has no statistics")

"""From sets to a score: the vectors of a setting, and a linear SVM whose C is chosen on the training data.

A codebook is learned from the descriptors of the training sets, without their labels. The Gram matrix of the vectors is
computed once; every fold and every C uses a part of it. With few training sets, a codebook knows each of them so well
that the held-out sets of a fold look unlike new ones: then each fold learns its own codebook.
"""

import time
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from data import Data
from features import Features, Sets
from sklearn.linear_model import SGDClassifier
from sklearn.model_selection import RepeatedStratifiedKFold
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from fishervec import BagOfWords, FisherVector, Pooling, Vlad

PENALTIES = (0.3, 3.0, 30.0)
#: Number of folds of a training part; with fewer sets than FEW, FOLDS_OF_FEW folds, REPEATS times over.
FOLDS, FEW, FOLDS_OF_FEW, REPEATS = 3, 1000, 5, 3
#: From MANY sets on there is no Gram matrix, but an SVM by EPOCHS passes of stochastic gradients; its C is
#: chosen by the scores on HELD training sets of machines trained on as many others.
MANY, HELD, EPOCHS = 20_000, 10_000, 10
#: Maximum number of descriptors that a codebook is learned from.
SAMPLE = 100_000
ENCODERS = {"fisher": FisherVector, "vlad": Vlad, "bow": BagOfWords, "pooling": Pooling}


class Setting(NamedTuple):
    """All choices of a pipeline except the C of the SVM."""

    features: Features
    encoder: str = "fisher"
    components: int = 32
    power: float = 0.5
    norm: str | None = "l2"
    #: How the position of a descriptor is used: not at all, appended to it, by a location model, or by grids.
    place: str = ""
    #: Whether each coordinate is scaled to mean 0 and variance 1 on the training sets.
    standard: bool = False


class Encoded(NamedTuple):
    vectors: np.ndarray
    fit_seconds: float
    encode_seconds: float


class Split:
    """The training and test part of a data set, with what has been computed on it."""

    def __init__(self, data: Data, train: np.ndarray, test: np.ndarray, seed: int) -> None:
        self.data, self.train, self.test, self.seed = data, train, test, seed
        self._sets: dict[Any, Sets] = {}
        self._fitted: dict[Any, Any] = {}

    def sets(self, features: Features, place: str) -> Sets:
        """The sets, without their position columns if `place` is empty. Those of one kind of features are kept."""
        if (features, "append") not in self._sets:
            self._sets = {(features, "append"): features.sets(self.data.inputs, self.train, self.seed)}
            self._fitted = {}
        located = self._sets[features, "append"]
        if place:
            return located
        if (features, "") not in self._sets:
            self._sets[features, ""] = [np.ascontiguousarray(x[:, : -features.position_columns]) for x in located]
        return self._sets[features, ""]

    def encode(self, setting: Setting) -> Encoded:
        sets = self.sets(setting.features, setting.place)
        if setting.encoder == "fisher" and not setting.place.startswith("pyramid") and len(sets) < MANY:
            return self._fisher(setting, sets)
        start = time.perf_counter()
        encoder = self.encoder(setting).fit([sets[i] for i in self.train])
        middle = time.perf_counter()
        vectors = encoder.transform(sets)
        return Encoded(vectors, middle - start, time.perf_counter() - middle)

    def _fisher(self, setting: Setting, sets: Sets) -> Encoded:
        """The vectors of a Fisher vector, by a mixture and statistics that all normalisations share."""
        key = (setting.features, setting.components, setting.place)
        if key not in self._fitted:
            start = time.perf_counter()
            encoder = self.encoder(setting).fit([sets[i] for i in self.train])
            middle = time.perf_counter()
            self._fitted = {key: (encoder, encoder.statistics(sets), middle - start, time.perf_counter() - middle)}
        encoder, statistics, fit_seconds, pass_seconds = self._fitted[key]
        start = time.perf_counter()
        normalised = self.encoder(setting).set_params(mixture=encoder.mixture_, spatial=encoder.location_)
        vectors = np.float32(normalised.fit(statistics).transform(statistics))
        return Encoded(vectors, fit_seconds, pass_seconds + time.perf_counter() - start)

    def encoder(self, setting: Setting) -> Any:
        params: dict[str, Any] = {"random_state": self.seed}
        if setting.encoder == "pooling":
            return Pooling(**params)
        params |= {"power": setting.power, "norm": setting.norm, "sample": min(1000 * setting.components, SAMPLE)}
        kind, _, value = setting.place.partition(" ")
        if kind in ("spatial", "pyramid"):
            params["position_columns"] = setting.features.position_columns
            params[kind] = int(value) if kind == "spatial" else value
        return ENCODERS[setting.encoder](setting.components, **params)

    @cached_property
    def folds(self) -> list["Split"]:
        """Folds of the training part alone, for choices; several times over if it is small."""
        labels = self.data.labels[self.train]
        number, repeats = (FOLDS_OF_FEW, REPEATS) if self.few else (FOLDS, 1)
        folds = RepeatedStratifiedKFold(n_splits=number, n_repeats=repeats, random_state=self.seed)
        parts = [(self.train[fit], self.train[held]) for fit, held in folds.split(labels, labels)]
        return [Split(self.data, fit, held, i) for i, (fit, held) in enumerate(parts)]

    @property
    def few(self) -> bool:
        return len(self.train) < FEW


class Score(NamedTuple):
    """The score of a setting on a split."""

    #: The mean over the folds of the training part, at the best C.
    validation: float
    test: float
    #: C of the SVM, or the number of dimensions of a whitened vector.
    parameter: float
    columns: int
    fit_seconds: float
    encode_seconds: float
    svm_seconds: float
    #: mAP of a retrieval.
    precision: float | None = None


def score(split: Split, setting: Setting) -> Score:
    encoded = split.encode(setting)
    if len(split.train) >= MANY:
        return _score_of_many(split, setting, encoded)
    start = time.perf_counter()
    gram = gram_matrix(encoded.vectors, split.train, setting.standard)
    means = np.mean([_fold_scores(fold, setting, None if split.few else gram) for fold in split.folds], axis=0)
    best = int(np.argmax(means))
    middle = time.perf_counter()
    test = accuracy(gram, split, PENALTIES[best])
    seconds = time.perf_counter() - (start if not split.few else middle)
    width = encoded.vectors.shape[1]
    return Score(float(means[best]), test, PENALTIES[best], width, encoded.fit_seconds, encoded.encode_seconds, seconds)


def _score_of_many(split: Split, setting: Setting, encoded: Encoded) -> Score:
    start = time.perf_counter()
    vectors, labels = encoded.vectors, split.data.labels
    if setting.standard:
        vectors = StandardScaler().fit(vectors[split.train]).transform(vectors)
    vectors /= np.sqrt(np.mean(np.square(vectors[split.train[:HELD]]).sum(axis=1)))
    few, held = np.split(np.random.default_rng(0).permutation(split.train)[: 2 * HELD], 2)
    taught = [_descended(penalty, HELD).fit(vectors[few], labels[few]) for penalty in PENALTIES]
    means = [machine.score(vectors[held], labels[held]) for machine in taught]
    best = int(np.argmax(means))
    machine = _descended(PENALTIES[best], len(split.train)).fit(vectors[split.train], labels[split.train])
    test = float(machine.score(vectors[split.test], labels[split.test]))
    seconds = time.perf_counter() - start
    width = vectors.shape[1]
    return Score(means[best], test, PENALTIES[best], width, encoded.fit_seconds, encoded.encode_seconds, seconds)


def _descended(penalty: float, n: int) -> SGDClassifier:
    """A linear SVM, each class against all others, by averaged stochastic gradients: its time is linear in n."""
    return SGDClassifier(alpha=1 / (penalty * n), average=True, max_iter=EPOCHS, tol=None, n_jobs=2, random_state=0)


def _fold_scores(fold: Split, setting: Setting, gram: np.ndarray | None) -> list[float]:
    if gram is None:
        gram = gram_matrix(fold.encode(setting).vectors, fold.train, setting.standard)
    return [accuracy(gram, fold, penalty) for penalty in PENALTIES]


def gram_matrix(vectors: np.ndarray, train: np.ndarray, standard: bool) -> np.ndarray:
    """Inner products, divided by the mean squared norm of the training vectors, so that C has one meaning."""
    if standard:
        vectors = StandardScaler().fit(vectors[train]).transform(vectors)
    gram = vectors @ vectors.T
    return np.float64(gram / np.mean(np.diag(gram)[train]))


def accuracy(gram: np.ndarray, split: Split, penalty: float) -> float:
    """The accuracy of a linear SVM, one class against one, on the test part."""
    labels, train, test = split.data.labels, split.train, split.test
    machine = SVC(C=penalty, kernel="precomputed").fit(gram[np.ix_(train, train)], labels[train])
    return float(machine.score(gram[np.ix_(test, train)], labels[test]))

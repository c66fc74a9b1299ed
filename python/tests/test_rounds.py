"""Passes in parts: any parts that cover all rows give the bits of one pass, and so of a fit in memory."""

import pickle
import sys
from functools import partial

import numpy as np
import pytest

from fishervec import DescriptorPCA, FisherVector, GaussianMixture, Statistics, Vlad, _settings
from fishervec._batch import Batch
from fishervec._fishervec import Cuts, Moments, Partial, Pipeline, Rounds, Scatter
from fishervec._fishervec import GaussianMixture as Compiled

ROWS = np.random.default_rng(3).normal(size=(9_000, 4)).astype(np.float32)


def parts(cuts, work, n_shards, seed):
    """Shards in a random order, one of them twice, each with the rows that it needs and a few more."""
    order = np.random.default_rng(seed).permutation(n_shards).tolist()
    for shard in [*order, order[0]]:
        chunks = cuts.shard(shard, n_shards)
        start, stop = cuts.items(chunks)
        first = max(0, start - 7)
        middle = (start + stop) // 2
        yield work(Batch([ROWS[first:middle], ROWS[middle : stop + 3]], None, None), first, len(ROWS), chunks, 1)


def settings_of(estimator):
    return _settings.as_json(_settings.mixture(estimator, 0))


@pytest.mark.parametrize("n_shards", [1, 3, 8])
def test_a_fit_in_parts_has_the_bits_of_a_fit_in_memory(n_shards):
    gmm = GaussianMixture(3, max_iter=5, tol=1e-12, random_state=0)
    settings = settings_of(gmm)
    scale = Partial.merged(list(parts(Cuts.moments(len(ROWS)), Moments.part, n_shards, 1))).finish().positive_variance
    chosen = ROWS[Compiled.start_rows(settings, len(ROWS))]
    start = Compiled.start(Batch(chosen, None, None), settings, None, 1, scale)
    rounds = Rounds(_settings.assemble(_settings.plain_fisher(start)), settings, scale)
    while not rounds.is_done:
        all_parts = list(parts(rounds.plan(len(ROWS)), rounds.accumulate, n_shards, rounds.n_iter))
        rounds.step(Partial.merged(pickle.loads(pickle.dumps(all_parts))).finish())
        if not rounds.is_done:
            rounds = Rounds.from_bytes(rounds.to_bytes(), settings)
    with pytest.warns(match="did not converge"):
        gmm.fit(ROWS)
    for name in ("weights", "means", "covariances"):
        np.testing.assert_array_equal(getattr(rounds.mixture, name), getattr(gmm, name + "_"))
    assert rounds.report == gmm._report


def test_scatter_in_parts_is_the_projection_of_all_rows():
    whole = DescriptorPCA(2, rows="l2").fit([ROWS])
    plan = _settings.preprocessing(DescriptorPCA(None, rows="l2"), _settings.Projection(None, None), 1)
    bare = Pipeline.assemble(_settings.as_json(plan.settings), plan.given, 4)
    work = partial(Scatter.part, bare)
    scatter = Partial.merged(list(parts(Cuts.moments(len(ROWS)), work, 5, 2))).finish()
    assert bare.with_projection(scatter, 2, False).id == whole._pipeline.id


def test_parts_say_what_is_missing_and_refuse_others():
    encoder = FisherVector(2, random_state=0).fit([ROWS])
    rounds = Rounds(encoder._pipeline, settings_of(GaussianMixture(2)))
    cuts = rounds.plan(len(ROWS))
    part = rounds.accumulate(Batch([ROWS], None, None), 0, len(ROWS), (1, 3), 1)
    assert part.missing == [(0, 1), (3, len(cuts))] and 0 < part.progress < 1
    with pytest.raises(ValueError, match=r"items 0 to \d+, \d+ to 9000 missing"):
        part.finish()
    moments = Moments.part(Batch([ROWS], None, None), 0, len(ROWS), (0, 1), 1)
    with pytest.raises(ValueError, match="another kind: expected mixture, got moments"):
        Partial.merged([part, moments])
    with pytest.raises(ValueError, match="another list"):
        Partial.merged([part, part.of_list("00000000000000ff")])
    with pytest.raises(ValueError, match="expected at most 9000 rows, got 9000 rows from row 1 on"):
        rounds.accumulate(Batch([ROWS], None, None), 1, len(ROWS), (1, 3), 1)
    with pytest.raises(ValueError, match="rows 0 to"):
        rounds.accumulate(Batch([ROWS[5000:]], None, None), 5000, len(ROWS), (0, 1), 1)
    with pytest.raises(ValueError, match="chunks: expected a range within"):
        rounds.accumulate(Batch([ROWS], None, None), 0, len(ROWS), (0, len(cuts) + 1), 1)
    with pytest.raises(ValueError):
        Partial.from_bytes(part.to_bytes(), "moments")
    with pytest.raises(ValueError):
        Partial.from_bytes(part.to_bytes()[:-1])
    with pytest.raises(ValueError, match="expected at least one part"):
        Partial.merged([])
    with pytest.raises(ValueError, match="mixture"):
        rounds.step(GaussianMixture(2, random_state=1, tol=0.1).fit(ROWS).statistics([ROWS])[0])


def test_sizes_are_those_of_the_bytes():
    encoder = FisherVector(16, random_state=0).fit([ROWS])
    statistics = encoder.statistics([ROWS])[0]
    rounds = Rounds(encoder._pipeline, settings_of(GaussianMixture(16)))
    part = rounds.accumulate(Batch([ROWS], None, None), 0, len(ROWS), (0, 4), 1)
    for one in (statistics, rounds, part, encoder._pipeline):
        size = len(one.to_bytes())
        assert abs(sys.getsizeof(one) - size) <= 0.1 * size, type(one)
    mixture = pickle.loads(pickle.dumps(rounds.mixture))
    np.testing.assert_array_equal(mixture.means, rounds.mixture.means)
    assert sys.getsizeof(mixture) > mixture.means.nbytes


def test_rounds_of_a_hard_codebook_are_those_of_k_means():
    vlad = Vlad(3, random_state=0).fit([ROWS])
    rounds = Rounds(vlad._pipeline, settings_of(GaussianMixture(3, max_iter=2)))
    before = rounds.pipeline.centres
    while not rounds.is_done:
        part = rounds.accumulate(Batch([ROWS], None, None), 0, len(ROWS), (0, len(rounds.plan(len(ROWS)))), 1)
        rounds.step(part.finish())
    assert rounds.n_iter <= 2 and rounds.report is None
    assert rounds.pipeline.centres.shape == before.shape


def test_information_in_parts_is_that_of_all_sets():
    sets = np.array_split(ROWS, 100)
    encoder = FisherVector(2, information="empirical", information_sets=100, random_state=0).fit(sets)
    cuts = Cuts.information(len(sets))
    some = []
    for chunks in [(2, 7), (0, 1), (1, 2)]:
        start, stop = cuts.items(chunks)
        batch = Batch(list(sets[start:stop]), None, None)
        some.append(encoder._pipeline.information_part(batch, start, len(sets), chunks, 1))
    moments = Partial.merged(some).finish()
    assert moments.n == 100
    assert encoder._pipeline.with_gradients(moments).id == encoder._pipeline.id
    with pytest.raises(ValueError, match="expected sets 0 to 16, got 16 to 100"):
        encoder._pipeline.information_part(Batch(list(sets[16:]), None, None), 16, 100, (0, 1), 1)


def test_statistics_of_nothing_are_none():
    rounds = Rounds(FisherVector(2, random_state=0).fit([ROWS])._pipeline, settings_of(GaussianMixture(2)))
    assert rounds.accumulate(Batch([ROWS[:0]], None, None), 0, 0, (0, 0), 1).finish() is None
    assert isinstance(rounds.accumulate(Batch([ROWS], None, None), 0, 9000, (0, 4), 1), Partial)
    assert isinstance(Statistics, type)

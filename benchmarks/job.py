"""What a job of the benchmark is, how its peers are called, and how their answers are judged."""

from collections.abc import Callable
from typing import NamedTuple

import oracle
import peers

OURS = "fishervec"
#: Largest relative error of an answer that is still timed: above the float32 rounding of any peer, below the
#: difference to another formula.
ENCODING, PARAMETERS, ENERGY = 1e-3, 1e-2, 1e-5


class Job(NamedTuple):
    """What is measured, and how an answer is judged."""

    title: str
    rounds: int
    #: Floating-point operations that the share of the peak is computed from; 0 shows none.
    flops: float
    tolerance: float
    #: For each peer a function that sets it up and returns one without arguments, for seconds and answer.
    peers: dict[str, Callable]
    #: A function that returns another one: the relative error of a peer's answer, of its name and the answer.
    judge: Callable
    float_type: str = "float32"
    #: Whether the first call, in which the answer is checked, warms up and is not timed; long calls need none.
    warm_up: bool = True


def repeated(function, *arguments, times=1):
    """A peer that is called `times` times in a row; it returns the seconds of one call."""

    def run():
        def calls():
            for _ in range(times):
                answer = function(*arguments)
            return answer

        seconds, answer = peers.timed(calls)
        return seconds / times, answer

    return run


def one_by_one(encode, sets, normalise=None):
    """A peer that gets one set per call; it returns the seconds of one set."""

    def run():
        seconds, answers = peers.timed(lambda: [encode(one) for one in sets])
        return seconds / len(sets), answers if normalise is None else [normalise(one) for one in answers]

    return run


def all_at_once(transform, sets, few=100):
    """A peer that gets all sets in one call; it returns the seconds of one set, and the first answers."""

    def run():
        seconds, answers = peers.timed(transform, sets)
        return seconds / len(sets), answers[:few]

    return run


def vector_error(right, k):
    """The error function of vectors; VLFeat's have no block for the weights."""

    def error(peer, answer):
        got = peers.sanchez(answer, peer, k)
        return oracle.relative(got, right[len(right) - len(got) :])

    return error


def sets_error(right, k):
    """The same for one vector per set; a peer may have encoded the first sets only."""

    def error(peer, answers):
        return max(vector_error(one, k)(peer, answer) for one, answer in zip(right, answers, strict=False))

    return error

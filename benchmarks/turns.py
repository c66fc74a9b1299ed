"""Peers in processes of their own, which take turns: a process is stopped while another one is measured.

Threads of BLAS and OpenMP wait busily for a while after a call. In one process, or in processes that run on, they take
the cores from whoever is measured next.

    python benchmarks/turns.py JOB PEER MODULE     the process of a peer, which answers requests on its standard input
"""

import importlib
import os
import pickle
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

HERE = Path(__file__).resolve().parent
#: Seconds of pause before each call, in which the machine settles.
REST = 0.02


class Peer:
    """The process of a peer of a job; `package` is a folder that holds another fishervec/ to import."""

    def __init__(self, job, peer, package=None, jobs="jobs"):
        environment = dict(os.environ)
        if package:
            environment["PYTHONPATH"] = os.pathsep.join(filter(None, (str(package), os.environ.get("PYTHONPATH"))))
        self.name = f"{peer} in {job}"
        self.process = subprocess.Popen(
            [sys.executable, HERE / "turns.py", job, peer, jobs],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment,
        )

    def wait(self):
        """Wait until it is set up, and stop it."""
        self._receive()
        self._stop()

    def __call__(self, n_threads, with_answer=False):
        """The seconds of one call on so many threads, and its answer if it is asked for."""
        time.sleep(REST)
        self.process.send_signal(signal.SIGCONT)
        pickle.dump((n_threads, with_answer), self.process.stdin)
        self.process.stdin.flush()
        seconds, answer = self._receive()
        self._stop()
        return seconds, answer

    def _stop(self):
        """Stop it, and wait until all its threads stand still."""
        self.process.send_signal(signal.SIGSTOP)
        os.waitpid(self.process.pid, os.WUNTRACED)

    def _receive(self):
        try:
            return pickle.load(self.process.stdout)
        except EOFError:
            sys.exit(f"{self.name} failed: its message is above")

    def end(self):
        self.process.kill()
        self.process.communicate()


@contextmanager
def of(job, peers, packages=None, jobs="jobs"):
    """The processes of a job's peers, by name; `packages` are folders of some of them, `jobs` is a module."""
    started = {}
    try:
        for peer in peers:
            package = (packages or {}).get(peer)
            # A peer with a folder of its own does what the peer of the same name does without it.
            started[peer] = Peer(job, peer.replace(BEFORE, "fishervec"), package, jobs)
        for peer in started.values():
            peer.wait()
        yield started
    finally:
        for peer in started.values():
            peer.end()


#: The name of our own package from another folder.
BEFORE = "before"


def serve(job, peer, module):
    """Answer requests for ever."""
    replies = os.fdopen(os.dup(1), "wb")
    # What a library prints does not get between the replies.
    os.dup2(2, 1)
    import peers

    run = importlib.import_module(module).JOBS[job]().peers[peer]()

    def reply(message):
        pickle.dump(message, replies)
        replies.flush()

    reply("ready")
    while True:
        try:
            n_threads, with_answer = pickle.load(sys.stdin.buffer)
        except EOFError:
            return
        with peers.threads(n_threads):
            seconds, answer = run()
        reply((seconds, answer if with_answer else None))


if __name__ == "__main__":
    serve(*sys.argv[1:])

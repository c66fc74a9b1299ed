"""The command `fishervec`."""

import signal
import sys

from ._fishervec import run


def main() -> int:
    """Run the command with the arguments of the process, and return its exit code."""
    # The interpreter sees no signal until the command is done, so signals must end the process by themselves.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    if hasattr(signal, "SIGPIPE"):
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    return run(["fishervec", *sys.argv[1:]])


if __name__ == "__main__":
    sys.exit(main())

"""
Fit in Python, serve from Rust
==============================

A model that was fitted in Python, loaded by a small program in Rust that answers
requests for vectors, with the same bits.

The model file has everything that an encoding needs: projection, mixture, conventions
and normalisation. A service needs no Python, and no second implementation of anything.
"""

# %%
# A model
# -------
# The sets are recordings of spoken digits. Half of them are for the fit; the others
# will be requests.

import numpy as np
from gallery_data import ROOT, new_folder, spoken_digits

from fishervec import FisherVector

sets, digits = spoken_digits()
sets = [x.astype(np.float32) for x in sets]
encoder = FisherVector(32, random_state=0).fit(sets[::2])
requests = sets[1::2]
model = new_folder("rust") / "digits.safetensors"
encoder.save(model)
print(f"{model.name}: {model.stat().st_size / 1000:.0f} kB")

# %%
# The program
# -----------
# An example of the library's crate, with nothing but the standard library beside it: it
# listens on an address, gives each connection a thread, and reads sets and writes
# vectors as plain little-endian numbers. This is how it answers:

source = (ROOT / "crates/fishervec/examples/serve.rs").read_text()
start = source.index("fn answer")
print(source[start : source.index("\n}\n", start) + 2])

# %%
# Start it
# --------
# ``cargo build`` takes some minutes the first time. Where cargo is missing, nothing
# below is run, and this page says so instead of showing numbers of another machine.

import atexit
import shutil
import subprocess

cargo = shutil.which("cargo")
if cargo is None:
    print("cargo was not found: the program was not run, and no answers follow.")
else:
    options = ["--release", "--quiet", "--package", "fishervec", "--example", "serve"]
    subprocess.run([cargo, "build", *options], cwd=ROOT, check=True)
    serve = [cargo, "run", *options, "--", model, "127.0.0.1:0"]
    server = subprocess.Popen(serve, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    atexit.register(server.terminate)
    host, _, port = server.stdout.readline().strip().rpartition(":")
    print(f"Serving on {host}, with a port that was free")

# %%
# Ask it
# ------
# A client in any language sends the number of descriptors, then the numbers, and reads
# the length of the vector, then its numbers. The vectors are compared with those of
# Python, bit for bit.

import socket
import time


def ask(connection, x):
    """The vector of one set, from the server."""
    connection.sendall(np.uint32(len(x)).tobytes() + x.tobytes())
    length = int.from_bytes(connection.recv(4, socket.MSG_WAITALL), "little")
    return np.frombuffer(connection.recv(4 * length, socket.MSG_WAITALL), np.float32)


if cargo is not None:
    microseconds, vectors = [], []
    with socket.create_connection((host, int(port))) as connection:
        for x in requests:
            started = time.perf_counter()
            vectors.append(ask(connection, x))
            microseconds.append(1e6 * (time.perf_counter() - started))
    same = np.array_equal(vectors, encoder.transform(requests))
    print(f"The slowest answer took {max(microseconds) / 1000:.1f} ms")
    print(
        f"{len(vectors):,} vectors of {len(vectors[0])} numbers; "
        f"the same bits as in Python: {same}"
    )

# %%
# How long an answer takes, with the way there and back on this machine, by the number
# of frames of a request. The slowest hundredth may be above the picture.

import matplotlib.pyplot as plt

figure, ax = plt.subplots(layout="constrained")
if cargo is None:
    ax.text(
        0.5, 0.5, "not run: cargo was not found", ha="center", transform=ax.transAxes
    )
    ax.set_axis_off()
else:
    ax.scatter([len(x) for x in requests], microseconds, s=10, alpha=0.4, linewidths=0)
    median = np.median(microseconds)
    ax.set(xlabel="frames in a recording", ylabel="microseconds")
    ax.set_ylim(0, 2 * np.percentile(microseconds, 99))
    ax.set_title(
        f"{len(requests):,} requests on one connection, half within {median:.0f} µs"
    )
    ax.grid(axis="y")
plt.show()

# %%
# The server ends when it is told to; else it would go on answering.

if cargo is not None:
    server.terminate()
    server.wait()
    server.stdout.close()

# %%
# What to try next
# ----------------
# * Several connections: each has a thread and a ``Workspace`` of its own; the loaded
#   ``Pipeline`` is shared.
# * Your own program: ``cargo add --git <address of the repository> fishervec``; the
#   reference of the crate begins with a pipeline that is loaded and shared by threads.
# * Images: with the feature ``image`` the same file of an ``ImageEncoder`` encodes
#   photographs.
# * Without a program of your own: ``fishervec encode new/ -m model.safetensors -o
#   vectors.npy``, the command as cargo installs it, needs no Python either.

# The words people and CI use. `make demo` and `make test` are all a newcomer needs.

.PHONY: demo explorer test test-rust test-python test-anndata test-dask fuzz check-pages lint api package docs rustdoc wheel try-wheel release-check rehearse-release examples goldens vlfeat bench bench-kernel bench-formats bench-dask bench-test large report-cost kills-encode kills-fit sampling stepwise stopping costs contributions errors test-engines sweep charts pictures accuracy accuracy-quick rerank test-arm

# nextest where it is installed, cargo's own runner where it is not.
RUN_TESTS = $(if $(shell cargo nextest --version 2>/dev/null),cargo nextest run,cargo test --lib --bins --tests --examples)
PYTHON = .venv/bin/python
PIP = $(PYTHON) -m pip --disable-pip-version-check

# The main job, end to end, on real data (downloaded once, into data/).
demo:
	python3 scripts/demo.py

test: test-rust test-python

# Library and binary, the examples in the docs, the library without threads (no rayon).
test-rust:
	$(RUN_TESTS) --workspace
	RUSTDOCFLAGS="--cfg in_repository" cargo test --workspace --doc
	cargo test --package fishervec --no-default-features --lib --test determinism --test edges

# The Python package as a user installs it, and its tests.
test-python: .venv/ready
	$(PIP) install --quiet --no-deps --force-reinstall .
	$(PYTHON) -m pytest -n 2 --dist loadfile

# The readers of AnnData on anndata's own files and objects: it needs a pandas below 3, so it has a .venv of
# its own.
test-anndata:
	test -x .venv-anndata/bin/python || python3 -m venv .venv-anndata
	.venv-anndata/bin/python -m pip install --disable-pip-version-check --quiet --requirement python/requirements-anndata.txt
	.venv-anndata/bin/python -m pip install --disable-pip-version-check --quiet --no-deps --force-reinstall .
	.venv-anndata/bin/python -m pytest python/tests/test_anndata.py

# The recipes of docs/scaling.md in Spark (which needs Java), Ray and Snakemake themselves, in a .venv of
# their own.
ENGINES = .venv-engines/bin/python
test-engines:
	command -v java >/dev/null || (apt-get update -qq && apt-get install -y -qq default-jre-headless)
	test -x $(ENGINES) || python3 -m venv .venv-engines
	$(ENGINES) -m pip install --disable-pip-version-check --quiet --requirement python/requirements-engines.txt
	$(ENGINES) -m pip install --disable-pip-version-check --quiet --no-deps --force-reinstall .
	FISHERVEC_ENGINES=all $(ENGINES) -m pytest -rs python/tests/test_engines.py $(ARGS)

# Fits over a cluster whose workers are killed while they work, again and again (docs/scaling.md); ARGS=50 for
# 50 kills each.
test-dask: .venv/ready
	$(PIP) install --quiet --no-deps --force-reinstall .
	FISHERVEC_KILLS=$(or $(ARGS),20) $(PYTHON) -m pytest -rA python/tests/test_dask_kills.py

.venv/ready: python/requirements-dev.txt
	test -x $(PYTHON) || python3 -m venv .venv
	$(PIP) install --quiet --requirement python/requirements-dev.txt
	touch $@

# Every reader of files on inputs that a fuzzer makes of good ones, 60 s each; ARGS=900 for 15 minutes each,
# ARGS="60 --targets pt".
fuzz:
	python3 fuzz/run.py $(ARGS)

# The live page, of the parts in explorer/ and of the library as WebAssembly: what `fishervec explore` serves.
explorer:
	python3 scripts/wasm.py
	python3 scripts/explorer.py

# What is wrong with the pages ARGS, read in Chromium: scripts/page_checks.py.
check-pages: .venv/ready
	$(PYTHON) scripts/page_checks.py $(ARGS)

lint: .venv/ready
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings
	cargo clippy --package fishervec --no-default-features --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps
	python3 scripts/rust_api.py
	python3 scripts/msrv.py
	$(PYTHON) -m ruff check python benchmarks scripts fuzz docs
	$(PYTHON) -m ruff format --check python benchmarks scripts fuzz docs
	$(PYTHON) -m mypy

# What crates.io would get: both crates, the command compiled against the packaged library. In a new folder
# each time, since cargo keeps what it once unpacked of a registry at the same place, though the library has
# changed. ARGS=--no-verify compiles nothing.
package:
	folder=$$(mktemp -d); CARGO_PROFILE_DEV_DEBUG=none cargo package --package fishervec --package fishervec-cli --locked \
		--target-dir $$folder $(ARGS); status=$$?; rm -rf $$folder; exit $$status

# The library for 64-bit ARM: compiled, and in emulation its tests and those of its bits.
test-arm:
	scripts/test_arm.sh

# The documentation as pages, in target/docs: links and blocks of code are tested first, the pages afterwards.
# It makes a .venv of its own. ARGS="-D plot_gallery=0" does not run the examples of the gallery, which take
# most of the time.
DOCS = .venv-docs/bin/python
docs: .venv-docs/ready
	$(DOCS) -m pip install --disable-pip-version-check --quiet --no-deps --force-reinstall .
	$(DOCS) -m pytest -q python/tests/test_links.py python/tests/test_code_blocks.py python/tests/test_reference.py
	rm -rf target/docs
	started=$$(date +%s); $(DOCS) -m sphinx -W --keep-going -q -b html -d target/doctrees $(ARGS) docs target/docs \
		&& echo "$$PWD/target/docs/index.html: $$(du -sh target/docs | cut -f1), $$(($$(date +%s) - started)) s"
	$(DOCS) scripts/docs_checks.py target/docs

.venv-docs/ready: docs/requirements.txt docs/gallery/requirements.txt python/requirements-dev.txt
	test -x $(DOCS) || python3 -m venv .venv-docs
	$(DOCS) -m pip install --disable-pip-version-check --quiet --requirement docs/requirements.txt
	touch $@

# The reference of the Rust library, in target/doc, which the pages of make docs lead to.
rustdoc:
	cargo doc --workspace --no-deps

# Whether the public interface of the crates is what their api.txt list; FISHERVEC_WRITE_FIXTURES=1 make api
# lists it anew.
api:
	cargo doc --workspace --no-deps
	python3 scripts/rust_api.py

# The sdist and the wheels of a release, in dist/: CPython 3.11 and later, x86-64 and 64-bit ARM, each linked
# against glibc 2.17 and checked. ARGS="--machine x86_64" for one, ARGS="--free-threaded PYTHON" for one more.
RELEASE = .venv-release/bin/python
wheel: .venv-release/ready
	$(RELEASE) scripts/wheels.py $(ARGS)

# The wheels in dist/ as a stranger has them: installed in a bare environment in at most 20 s, run,
# uninstalled; the one for ARM is run in emulation. ARGS="--python PYTHON" for another interpreter.
try-wheel: .venv-release/ready
	$(RELEASE) scripts/try_wheel.py $(ARGS)

# One version everywhere, the citation, the descriptions, the sdist built without the repository, the command
# and the library from a clone. After `make wheel`.
release-check: .venv-release/ready
	$(RELEASE) scripts/release_check.py $(ARGS)

# The release itself, on an index of this machine, and `cargo publish` up to the upload: docs/releasing.md.
# After `make wheel`.
rehearse-release: .venv-release/ready
	$(RELEASE) scripts/rehearse.py $(ARGS)

.venv-release/ready: python/requirements-release.txt
	test -x $(RELEASE) || python3 -m venv .venv-release
	$(RELEASE) -m pip install --disable-pip-version-check --quiet --requirement python/requirements-release.txt
	touch $@

# The Python examples and their numbers, which the README quotes.
examples: .venv/ready
	$(PIP) install --quiet --no-deps --force-reinstall .
	for name in digits gist japanese_vowels spoken_digits sweep; do \
		echo "== python/examples/$$name.py"; $(PYTHON) python/examples/$$name.py || exit 1; done

# What scikit-learn, scikit-image and VLFeat (Debian's libvlfeat-dev) return, for the tests to be held against
# (see scripts/goldens.py).
goldens: vlfeat
	test -x .venv/bin/python || python3 -m venv .venv
	.venv/bin/python -m pip install --quiet --requirement scripts/goldens-requirements.txt
	.venv/bin/python scripts/goldens.py

# VLFeat: the library LIBVL names, or the distribution's.
vlfeat:
	test -n "$(LIBVL)" || ldconfig -p | grep -q libvl.so || apt-get install -y -qq libvlfeat-dev

# Ours against the peers, every answer checked (see benchmarks/README.md); ARGS=--full for a million rows,
# ARGS="--only W1,W3", ARGS="--against FOLDER" for another fishervec as the peer.
BENCH = .venv-bench/bin/python
bench: .venv-bench/ready
	$(BENCH) benchmarks/bench.py $(ARGS)

# The kernel's parts, and the libraries of matrix products on its shapes (criterion).
bench-kernel:
	cargo bench --manifest-path benchmarks/kernel/Cargo.toml

# Reading HDF5 files, against h5py and .npy.
bench-formats: .venv-bench/ready
	$(BENCH) benchmarks/formats.py $(ARGS)

# What dask adds to a pass: CPU time of scheduler, workers and client per task.
bench-dask: .venv/ready
	$(PIP) install --quiet --no-deps --force-reinstall .
	$(PYTHON) benchmarks/dask_cost.py $(ARGS)

# One encoding over N, K and D.
sweep: .venv-bench/ready
	$(BENCH) benchmarks/sweep.py

# The charts of docs/, drawn from the records without measuring: what bench, sweep and accuracy draw, too.
charts:
	python3 benchmarks/chart.py $(ARGS)

# The picture at the top of the README and the plots of the guide, computed by the library, and the
# screenshots: of pages, docs/pictures.md, by Chromium; the contact sheet is of make demo.
pictures: .venv/ready
	$(PIP) install --quiet --no-deps --force-reinstall .
	$(PYTHON) scripts/hero.py
	$(PYTHON) scripts/plots.py
	$(PYTHON) scripts/screenshots.py

# The peak memory of a fit and an encoding of 10 GB in files, which are made and deleted; ARGS="--gigabytes 1"
# for less.
large: .venv/ready
	$(PIP) install --quiet --no-deps --force-reinstall .
	$(PYTHON) benchmarks/large.py $(ARGS)

# The size, seconds and peak memory of `fishervec report` at 10^2, 10^4 and 10^6 sets.
report-cost: .venv/ready
	$(PIP) install --quiet --no-deps --force-reinstall .
	$(PYTHON) benchmarks/report_cost.py $(ARGS)

# Encodings and tasks of a round that are killed at random moments, and whose parts are damaged: the record is
# in docs/scaling.md.
kills-encode:
	FISHERVEC_KILLS=50 cargo test --package fishervec-cli --test encode_kills -- --nocapture --test-threads 1

# What a fit to a sample loses, and what passes over all descriptors give back: writes docs/sampling.md.
sampling: .venv/ready
	$(PIP) install --quiet --no-deps --force-reinstall .
	$(PYTHON) benchmarks/sampling.py $(ARGS)

# The part of it about passes in steps.
stepwise: .venv/ready
	$(PIP) install --quiet --no-deps --force-reinstall .
	$(PYTHON) benchmarks/sampling.py --only-stepwise $(ARGS)

# When a fit may stop, and which posteriors its passes may drop: writes docs/stopping.md.
stopping: .venv/ready
	$(PIP) install --quiet --no-deps --force-reinstall .
	$(PYTHON) benchmarks/stopping.py $(ARGS)

# Fits to all descriptors that are killed 50 times each, with damaged states in between: see docs/scaling.md.
kills-fit:
	FISHERVEC_KILLS=$(or $(KILLS),50) cargo test --release --package fishervec-cli --test fit_kills -- --nocapture --test-threads=1

# What a pass costs on one core, and what that makes of 10^9 and 10^12 rows: the tables of docs/scaling.md.
costs: .venv/ready
	$(PIP) install --quiet --no-deps --force-reinstall .
	$(PYTHON) benchmarks/costs.py $(ARGS)

# How far off floating point is, here and elsewhere: the last part of docs/numerics.md.
errors: .venv/ready
	$(PIP) install --quiet --no-deps --force-reinstall .
	$(PYTHON) benchmarks/errors.py

# What the shares of descriptors in scores cost, in encodings.
contributions: .venv/ready
	$(PIP) install --quiet --no-deps --force-reinstall .
	$(PYTHON) benchmarks/contributions.py

# How well the encoders do on real data (downloaded once, into data/): writes docs/accuracy.md.
accuracy: .venv/ready
	$(PIP) install --quiet --no-deps --force-reinstall .
	$(PYTHON) benchmarks/accuracy/accuracy.py $(ARGS)

# The same on small data: fails where less is reached than is right.
accuracy-quick: .venv/ready
	$(PIP) install --quiet --no-deps --force-reinstall .
	$(PYTHON) benchmarks/accuracy/accuracy.py --quick

# Whether a search gets better if each match must come from one place: writes docs/reranking.md. After `make
# demo`.
rerank: .venv/ready
	$(PIP) install --quiet --no-deps --force-reinstall .
	$(PYTHON) benchmarks/rerank.py

# The benchmark's oracle and peers on a small job.
bench-test: .venv-bench/ready
	$(BENCH) -m pytest benchmarks

# The package is built anew each time: what is measured is this working tree.
.PHONY: .venv-bench/ready
.venv-bench/ready: vlfeat
	test -x $(BENCH) || python3 -m venv .venv-bench
	$(BENCH) -m pip install --disable-pip-version-check --quiet --requirement benchmarks/requirements.txt
	$(BENCH) -m pip install --disable-pip-version-check --quiet --no-deps --force-reinstall .

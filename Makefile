# The words people and CI use. `make demo` and `make test` are all a newcomer needs.

.PHONY: demo test lint docs goldens

# nextest where it is installed, cargo's own runner where it is not.
RUN_TESTS = $(if $(shell cargo nextest --version 2>/dev/null),cargo nextest run,cargo test --lib --bins --tests --examples)

# The main job, end to end, on real data (downloaded once, into data/).
demo:
	python3 scripts/demo.py

# All tests: library and binary, the examples in the docs, the library without threads (no rayon).
test:
	$(RUN_TESTS) --workspace
	cargo test --workspace --doc
	cargo test --package fishervec --no-default-features --lib --test determinism --test edges

lint:
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings
	cargo clippy --package fishervec --no-default-features --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps

docs:
	cargo doc --workspace --no-deps

# What scikit-learn, scikit-image and VLFeat (Debian's libvlfeat-dev) return, for the tests to be held against (see scripts/goldens.py).
goldens:
	ldconfig -p | grep -q libvl.so || apt-get install -y -qq libvlfeat-dev
	test -x .venv/bin/python || python3 -m venv .venv
	.venv/bin/python -m pip install --quiet --requirement scripts/goldens-requirements.txt
	.venv/bin/python scripts/goldens.py

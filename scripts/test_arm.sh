#!/usr/bin/env bash
# Compiles the library for 64-bit ARM with warnings as errors, and runs in QEMU's user-mode emulation its unit and
# property tests, and the tests of the bits: of each model file, and of any number of threads. Missing parts are
# installed through rustup and apt. If one is not available, the script says what was not checked and succeeds; a
# failed build or test fails it. scripts/arm_loops.py counts the instructions of the hot loops.
set -euo pipefail
cd "$(dirname "$0")/.."

target=aarch64-unknown-linux-musl
# musl and rust-lld come with Rust, so no C cross-compiler is needed.
export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_MUSL_LINKER=rust-lld

skip() {
  echo "test-arm: NOT $1: $2"
  exit 0
}

# The emulator's name differs between versions of Debian.
emulator() {
  command -v qemu-aarch64-static || command -v qemu-aarch64
}

started=$SECONDS
command -v rustup >/dev/null || skip CHECKED "there is no rustup to install the standard library of $target"
if ! rustup target list --installed | grep -qx "$target"; then
  rustup target add "$target" || skip CHECKED "rustup has no standard library of $target"
fi
cargo rustc --package fishervec --lib --target "$target" -- -D warnings
echo "test-arm: the library compiles ($((SECONDS - started)) s)"

started=$SECONDS
if ! emulator >/dev/null; then
  export DEBIAN_FRONTEND=noninteractive
  { apt-get update -qq && apt-get install -qq -y qemu-user-static >/dev/null; } ||
    skip TESTED "apt has no qemu-user-static"
fi
CARGO_TARGET_AARCH64_UNKNOWN_LINUX_MUSL_RUNNER=$(emulator)
export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_MUSL_RUNNER
cargo test --package fishervec --lib --test determinism --target "$target"
# The digests of NEON alone: a test cannot start itself again here, and with the portable level a projection
# depends on the machine (Isa::from_environment).
cargo test --package fishervec --test fixtures --target "$target" models_keep_their_bits
echo "test-arm: the library's tests pass in emulation ($((SECONDS - started)) s)"

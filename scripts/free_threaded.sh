#!/usr/bin/env bash
# Builds a CPython without the global lock from Debian's source package, in target/free-threaded, for the free-threaded
# wheel to be built for and tried with: Debian has no such package. About 5 minutes on an idle machine of two cores.
set -euo pipefail
cd "$(dirname "$0")/.."

# The first release of Debian whose Python has such a build, and that Python.
suite=trixie
source=python3.13

folder=$PWD/${1:-target/free-threaded}
python=$folder/bin/${source}t
if [ -x "$python" ]; then echo "$python"; exit 0; fi

for package in libffi-dev libssl-dev zlib1g-dev; do
  dpkg -s "$package" >/dev/null 2>&1 || DEBIAN_FRONTEND=noninteractive apt-get install -qq -y "$package" >/dev/null
done

# apt with folders of its own, and with the address of the mirror that the machine uses.
mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Origin: Debian' | head -n 1)
mkdir -p "$folder"/apt/{lists/partial,cache/archives/partial,parts} "$folder/source"
touch "$folder/apt/status"
keyring=/usr/share/keyrings/debian-archive-keyring.gpg
echo "deb-src [signed-by=$keyring] $mirror $suite main" >"$folder/apt/sources.list"
apt() {
  apt-get -qq -o Dir::State="$folder/apt" -o Dir::State::status="$folder/apt/status" -o Dir::Cache="$folder/apt/cache" \
    -o Dir::Etc::sourcelist="$folder/apt/sources.list" -o Dir::Etc::sourceparts="$folder/apt/parts" \
    -o APT::Sandbox::User=root "$@"
}
apt update
(cd "$folder/source" && apt source --download-only "$source" && tar xf "$source"_*.orig.tar.xz --strip-components 1)

cd "$folder/source"
./configure --quiet --disable-gil --disable-test-modules --prefix="$folder"
make -s -j "$(nproc)"
make -s install
cd "$folder" && rm -rf source apt
echo "$python"

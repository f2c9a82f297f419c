#!/bin/sh
# Resolves what pyproject.toml asks for into tools/lock/, with hashes, for every Python and platform it allows.
#
# build.txt  what builds pymilter (a source distribution) and the editable install; venv.sh installs it first
# venv.txt   everything else that .venv holds: the program's dependencies, its extras and the dev group
# run.txt    the program's dependencies and extras alone, at the same versions: what the Debian package holds
# fuzz.txt   what `make fuzz` needs besides
# soak.txt   what `make soak` needs besides
#
# Only this step uses uv. Installing uses pip, because pip alone follows the pip.conf and the PIP_* variables
# with which a site names its own index or certificate.
set -eu
cd "$(dirname "$0")/.."

uv_version=0.13.8
uv=.cache/uv/bin/uv
if ! "$uv" --version 2>/dev/null | grep -q "^uv $uv_version "; then
    "${PYTHON:-python3}" -m venv .cache/uv
    .cache/uv/bin/python -m pip install --quiet --disable-pip-version-check "uv==$uv_version"
fi

compile() {
    "$uv" pip compile --quiet --universal --python-version 3.11 --generate-hashes --upgrade \
        --custom-compile-command "make lock" "$@"
}
compile --group build --output-file tools/lock/build.txt
compile pyproject.toml --all-extras --group dev --constraints tools/lock/build.txt --output-file tools/lock/venv.txt
compile pyproject.toml --all-extras --constraints tools/lock/venv.txt --output-file tools/lock/run.txt
compile --group fuzz --constraints tools/lock/venv.txt --output-file tools/lock/fuzz.txt
compile --group soak --constraints tools/lock/venv.txt --output-file tools/lock/soak.txt

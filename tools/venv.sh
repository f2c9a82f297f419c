#!/bin/sh
# Brings .venv to what tools/lock/ says, and the program into it, editable. May run again at any time.
#
# Use: [PYTHON=python3.12] tools/venv.sh
#
# Everything comes by pip with hashes: a site's own index and certificate (pip.conf, PIP_*) are followed, and a
# file that is not the one that was locked is refused. pymilter is compiled here, by the locked setuptools.
set -eu
cd "$(dirname "$0")/.."
python=${PYTHON:-python3}
# Twice quiet: errors only. A site's pip.conf may name several indexes, and pip warns of each that lacks a package.
pip=".venv/bin/python -m pip --disable-pip-version-check --quiet --quiet"

"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || {
    echo "Estafeta needs Python 3.11 or newer, and $python is not. Name another: make PYTHON=python3.12" >&2
    exit 2
}
# An interpreter that was upgraded away leaves a .venv that answers nothing: that one is made anew.
$pip --version >/dev/null 2>&1 || {
    echo "Making .venv with $("$python" --version)"
    "$python" -m venv --clear .venv
}
echo "Installing the locked packages into .venv"
$pip install --require-hashes --requirement tools/lock/build.txt
$pip install --require-hashes --no-build-isolation --use-pep517 --requirement tools/lock/venv.txt
$pip install --no-deps --no-build-isolation --editable .

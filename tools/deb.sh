#!/bin/sh
# Builds the Debian package into dist/: a Python environment of its own in /opt/estafeta, units, manual pages,
# completion, and the configuration under /etc/estafeta.
#
# Use: tools/deb.sh [VERSION]      (else the version of pyproject.toml and the number of commits)
#
# The environment is Debian's own Python with exactly the locked packages. pymilter is compiled here, so the package
# is for this architecture and this Debian. Nothing of this machine's but the commands below is used or changed.
set -eu
cd "$(dirname "$0")/.."
interpreter=/usr/bin/python3
pip="$PWD/.venv/bin/python -m pip --disable-pip-version-check --quiet --quiet"
release=$(sed -n 's/^version = "\(.*\)"/\1/p' pyproject.toml)
version=${1:-$release+$(git rev-list --count HEAD 2>/dev/null || echo 0)}
architecture=$(dpkg --print-architecture)
package=dist/estafeta_${version}_$architecture.deb

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
root=$work/root
opt=$root/opt/estafeta
umask 022
mkdir -p "$root/DEBIAN" "$root/usr/bin" dist

environment() {
    "$interpreter" -m venv --without-pip "$opt"
    # Compiled with the headers of Debian's Python where they are here; 3.11 is 3.11 to an extension otherwise.
    $pip --python "$opt/bin/python" install --require-hashes --no-build-isolation --use-pep517 --no-compile \
        --requirement tools/lock/run.txt
    $pip wheel --no-deps --no-build-isolation --wheel-dir "$work" .
    $pip --python "$opt/bin/python" install --no-deps --no-compile "$work"/estafeta-*.whl
    # What pip writes there names this folder; the one command has its own way in.
    find "$opt/bin" -type f ! -name 'python*' -delete
    rm -rf "$opt/include" "$opt/lib64" "$opt/pyvenv.cfg"
    printf 'home = /usr/bin\ninclude-system-site-packages = false\n' > "$opt/pyvenv.cfg"
    find "$opt" -name direct_url.json -delete
    "$interpreter" -m compileall -q -s "$root" -p / "$opt/lib"
    printf '#!/bin/sh\nexec /opt/estafeta/bin/python -I -m estafeta_postfix "$@"\n' > "$root/usr/bin/estafeta"
    chmod 755 "$root/usr/bin/estafeta"
}

documents() {
    man=$root/usr/share/man
    .venv/bin/python tools/man.py "$man"
    gzip -9n "$man"/*/*
    doc=$root/usr/share/doc/estafeta
    mkdir -p "$doc/examples"
    cp README.md "$doc"
    cp -r docs "$doc"
    cp postfix/estafeta_postfix/samples/*.yaml "$doc/examples"
    gzip -9nc CHANGELOG.md > "$doc/changelog.gz"
    cp packaging/debian/copyright "$doc"
}

completion() {
    for shell in bash:bash-completion/completions/estafeta zsh:zsh/vendor-completions/_estafeta \
        fish:fish/vendor_completions.d/estafeta.fish; do
        file=$root/usr/share/${shell#*:}
        mkdir -p "$(dirname "$file")"
        _ESTAFETA_COMPLETE=${shell%%:*}_source .venv/bin/estafeta > "$file"
    done
}

units() {
    mkdir -p "$root/lib/systemd/system" "$root/usr/lib/sysusers.d" "$root/usr/lib/tmpfiles.d"
    cp -r packaging/systemd/. "$root/lib/systemd/system"
    cp packaging/estafeta.sysusers "$root/usr/lib/sysusers.d/estafeta.conf"
    cp packaging/estafeta.tmpfiles "$root/usr/lib/tmpfiles.d/estafeta.conf"
}

configuration() {
    mkdir -p "$root/etc/estafeta/accounts.d" "$root/etc/estafeta/keys"
    cp postfix/estafeta_postfix/samples/estafeta.yaml "$root/etc/estafeta/estafeta.yaml"
    echo /etc/estafeta/estafeta.yaml > "$root/DEBIAN/conffiles"
}

control() {
    for script in postinst prerm postrm; do
        install -m 755 "packaging/debian/$script" "$root/DEBIAN/$script"
    done
    sed -e "s/@VERSION@/$version/" -e "s/@ARCHITECTURE@/$architecture/" \
        -e "s/@PYTHON@/$("$interpreter" -c 'import sys; print("%d.%d" % sys.version_info[:2])')/" \
        -e "s/@NEXT@/$("$interpreter" -c 'import sys; print("%d.%d" % (sys.version_info[0], sys.version_info[1] + 1))')/" \
        -e "s/@SIZE@/$(du -sk --exclude=DEBIAN "$root" | cut -f1)/" packaging/debian/control > "$root/DEBIAN/control"
    (cd "$root" && find . -type f ! -path './DEBIAN/*' -printf '%P\0' | LC_ALL=C sort -z | xargs -0 md5sum) > "$work/md5sums"
    mv "$work/md5sums" "$root/DEBIAN/md5sums"
}

environment
documents
completion
units
configuration
control
dpkg-deb --root-owner-group -Zzstd --build "$root" "$package" > /dev/null
echo "$package"

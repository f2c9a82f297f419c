#!/bin/sh
# Runs make targets on a new Debian 12 in a folder, with git, make and python3 on it and nothing else.
#
# Use, as root, with debootstrap installed:
#     tools/fresh_machine.sh DIR [TARGET...]           (target `test` unless told otherwise)
#     MIRROR=http://deb.debian.org/debian              where Debian comes from
#
# DIR is the new machine: made when it does not exist, used again when it does, so that a second run shows what
# a second run costs. DIR/srv/estafeta is a clone of what is committed here, brought up to date each time.
# Changes that are not committed are not in it.
#
# What is mounted into DIR and what is started there live in namespaces of their own, and the kernel ends both with
# the run, however it ends. So DIR is only a folder afterwards: remove it with `rm -rf --one-file-system DIR`.
set -eu

if [ $# -eq 0 ]; then
    sed -n '2,14s/^# \{0,1\}//p' "$0" >&2
    exit 2
fi
[ "$(id -u)" -eq 0 ] || { echo "fresh_machine.sh makes namespaces and devices: run it as root." >&2; exit 2; }

repository=$(cd "$(dirname "$0")/.." && pwd)
mkdir -p "$1"
dir=$(cd "$1" && pwd)
shift
[ $# -gt 0 ] || set -- test
mirror=${MIRROR:-http://deb.debian.org/debian}

make_machine() {
    # Written last: a debootstrap that was interrupted is begun again.
    [ ! -e "$dir/etc/fresh_machine" ] || return 0
    debootstrap --variant=minbase --include=git,make,python3 bookworm "$dir" "$mirror"
    cat > "$dir/etc/apt/sources.list" <<END
deb $mirror bookworm main
deb $mirror bookworm-updates main
deb ${mirror%/debian}/debian-security bookworm-security main
END
    # Debian's installer writes these names; debootstrap alone does not.
    printf '127.0.0.1 localhost\n127.0.1.1 %s\n::1 localhost\n' "$(hostname)" > "$dir/etc/hosts"
    : > "$dir/etc/fresh_machine"
}

# This machine's way to the network: whatever name servers, proxy and certificates it needs, the new one needs too.
copy_network() {
    cp -L /etc/resolv.conf "$dir/etc/resolv.conf"
    for file in /etc/pip.conf /etc/apt/apt.conf /etc/apt/apt.conf.d/*proxy*; do
        [ ! -e "$file" ] || cp "$file" "$dir$file"
    done
    mkdir -p "$dir/usr/local/share/ca-certificates"
    cp -r /usr/local/share/ca-certificates/. "$dir/usr/local/share/ca-certificates/"
}

copy_tree() {
    clone=$dir/srv/estafeta
    [ -e "$clone" ] || git clone --quiet "$repository" "$clone"
    git -C "$clone" fetch --quiet "$repository" HEAD
    git -C "$clone" checkout --quiet --force --detach FETCH_HEAD
}

make_machine
copy_network
copy_tree
exec unshare --mount --pid --fork --kill-child --propagation private sh -euc '
    dir=$1
    shift
    mount --bind "$dir" "$dir"      # a root that is a mount point, as on a machine: unshare and pivot_root ask for it
    mount -t proc proc "$dir/proc"
    mount -t devpts -o newinstance,ptmxmode=0666 devpts "$dir/dev/pts"
    mount -t tmpfs -o mode=1777 tmpfs "$dir/dev/shm"
    exec chroot "$dir" env -i HOME=/root USER=root LANG=C.UTF-8 PATH=/usr/sbin:/usr/bin:/sbin:/bin \
        http_proxy="${http_proxy:-}" https_proxy="${https_proxy:-}" no_proxy="${no_proxy:-}" \
        make --no-print-directory -C /srv/estafeta "$@"
' sh "$dir" "$@"

#!/bin/sh
# Installs the Debian packages of tools/debian-packages.txt that this machine lacks, and nothing else.
#
# Use: [PYTHON=python3.12] tools/packages.sh GROUP...      (groups: run, test, bench)
#
# Nothing missing: no output, nothing touched, no network.
# Missing, and root: they are installed. No daemon is started, no installed package is removed, a Postfix that is
# here already is neither upgraded nor configured, and one that is new gets no configuration of its own.
# Missing, and not root: prints the exact command to run, status 2.
set -eu
cd "$(dirname "$0")/.."
PYTHON=${PYTHON:-python3}
PATH=$PATH:/usr/sbin:/sbin      # an ordinary user's path lacks the folder of postfix
log=.cache/packages.log
guard=/usr/sbin/policy-rc.d     # asked by maintainer scripts before they start a service (101: do not)

is_installed() {
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

# The name as apt-get should hear it. Postfix's tables come in packages of exactly its own version, and a
# newer one would upgrade, and so restart, the mail server that is running here.
spec() {
    case $1 in
        postfix-*) is_installed postfix && echo "$1=$(dpkg-query -W -f '${Version}' postfix)" && return ;;
    esac
    echo "$1"
}

missing_packages() {
    while IFS='|' read -r group package _reason unless; do
        group=${group%% *}
        package=${package# } package=${package%% *}
        case $group in '' | \#*) continue ;; esac
        case " $groups " in *" $group "*) ;; *) continue ;; esac
        is_installed "$package" && continue
        [ -n "$unless" ] && (eval "$unless") >/dev/null 2>&1 && continue
        spec "$package"
    done < tools/debian-packages.txt
}

# Installing a package starts its daemon unless policy-rc.d says no. One that says so already is left alone; another
# is put aside until the end, also when an earlier run was killed before it could put it back.
forbid_daemons() {
    if [ -x $guard ]; then
        status=0
        $guard postfix start >/dev/null 2>&1 </dev/null || status=$?
        [ $status -eq 101 ] && [ ! -e $guard.before-estafeta ] && return
    fi
    trap allow_daemons EXIT
    trap 'exit 1' HUP INT TERM
    [ ! -e $guard ] || [ -e $guard.before-estafeta ] || mv $guard $guard.before-estafeta
    printf '#!/bin/sh\nexit 101\n' > $guard
    chmod 755 $guard
}

allow_daemons() {
    rm -f $guard
    [ ! -e $guard.before-estafeta ] || mv $guard.before-estafeta $guard
}

install_packages() {
    if ! is_installed postfix; then
        echo 'postfix postfix/main_mailer_type select No configuration' | debconf-set-selections || return 1
    fi
    apt-get -q update || echo "The package lists could not be renewed; trying with the ones that are here."
    # shellcheck disable=SC2086  # $missing is a list of words
    apt-get -q --yes --no-install-recommends --no-remove -o DPkg::Lock::Timeout=300 install $missing </dev/null
}

groups=$*
missing=$(missing_packages | tr '\n' ' ')
missing=${missing% }
[ -n "$missing" ] || exit 0

command="apt-get install --no-install-recommends $missing"
if ! command -v apt-get >/dev/null || [ "$(id -u)" -ne 0 ]; then
    echo "Debian packages are missing. As root:" >&2
    echo "    $command" >&2
    echo "(Where there is no Postfix yet, choose \"No configuration\" when it asks.)" >&2
    exit 2
fi

echo "Installing Debian packages: $missing"
mkdir -p .cache
forbid_daemons
export DEBIAN_FRONTEND=noninteractive
install_packages > $log 2>&1 || {
    tail -n 20 $log >&2
    echo "apt-get could not install them; its whole output is in $log. The command was: $command" >&2
    exit 1
}

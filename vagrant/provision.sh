#!/bin/sh
# Makes a new Debian 12 a box for trying Estafeta: Postfix, the package, demo accounts, and all mail caught.
#
# Use, as root: vagrant/provision.sh REPOSITORY [PACKAGE.deb]
#
# Without PACKAGE it is built in the box (make deb). `vagrant up` runs this; it needs no Vagrant, only a Debian 12 that
# has booted, a container of systemd-nspawn for one. It may run again.
set -eu

repository=$1
package=${2:-}
box=/etc/estafeta/box
outbox=/var/lib/outbox
export DEBIAN_FRONTEND=noninteractive
apt="apt-get -q -y -o Dpkg::Options::=--force-confold"

say() {
    echo "box: $*"
}

postfix_as_on_a_server() {
    say "installing Postfix"
    echo 'postfix postfix/main_mailer_type select Internet Site' | debconf-set-selections
    echo 'postfix postfix/mailname string mx.estafeta.example' | debconf-set-selections
    apt-get -q update || say "the package lists could not be renewed; trying with the ones that are here"
    $apt install --no-install-recommends postfix rsyslog swaks libnet-ssleay-perl
    # All mail that is not for this host goes to the outbox. The two lines for bounces are those that
    # `estafeta postfix install` asks for.
    postconf -e 'myhostname = mx.estafeta.example' 'relayhost = [127.0.0.1]:10025' \
        'relay_domains = bounce.estafeta.example' \
        'transport_maps = inline:{{ bounce.estafeta.example = estafeta-lmtp:unix:/run/estafeta/intake.sock }}' \
        "smtpd_tls_chain_files = $box/tls.pem"
}

build_package() {
    say "building the package"
    $apt install --no-install-recommends make
    rm -rf /var/tmp/estafeta
    mkdir /var/tmp/estafeta
    tar -C "$repository" --exclude=./.venv --exclude=./.cache --exclude=./dist -cf - . | tar -C /var/tmp/estafeta -xf -
    make --no-print-directory -C /var/tmp/estafeta deb
    package=$(ls /var/tmp/estafeta/dist/estafeta_*.deb)
}

install_estafeta() {
    say "installing $package"
    $apt install --reinstall "$(realpath "$package")"
    install -m 640 -o root -g estafeta "$repository/vagrant/estafeta.yaml" /etc/estafeta/estafeta.yaml
    /opt/estafeta/bin/python -I -m estafeta_postfix.box /etc/estafeta/estafeta.yaml $box $outbox
    chown -R root:estafeta /etc/estafeta/accounts.d $box/dkim
    chmod -R u=rwX,g=rX,o= /etc/estafeta/accounts.d $box/dkim
    chown estafeta:estafeta /var/lib/estafeta/estafeta.db*
}

catch_all_mail() {
    getent passwd outbox > /dev/null || adduser --quiet --system --group --home $outbox --no-create-home outbox
    install -d -o outbox -g outbox $outbox
    install -m 644 "$repository/vagrant/outbox.service" "$repository/vagrant/outbox-page.service" /etc/systemd/system
    install -D -m 644 "$repository/vagrant/postfix-stays-in.conf" \
        /etc/systemd/system/postfix@.service.d/stays-in.conf
}

start() {
    say "starting everything"
    systemctl daemon-reload
    systemctl enable --quiet outbox.service outbox-page.service estafeta.target
    systemctl restart outbox.service outbox-page.service estafeta.target postfix
}

postfix_as_on_a_server
[ -n "$package" ] || build_package
install_estafeta
catch_all_mail
start
say "adding Estafeta's services to Postfix"
estafeta postfix install
say "ready: statistics http://localhost:8025/, the mail that was caught http://localhost:8026/ (docs/box.md)"

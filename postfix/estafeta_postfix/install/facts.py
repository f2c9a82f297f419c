"""What is there: the operator's own part of an instance, as Postfix itself reads it.

The operator's lines are given to postconf(1) in a folder of their own, without ours: so what is asked here
does not depend on whether we are installed. Values are as they are written (`$` not expanded) unless said
otherwise.
"""

import re
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from estafeta_postfix.install.server import postconf
from estafeta_postfix.render.service import Service

# What others here want to know of main.cf, whether it is set there or not. To ask for all takes two seconds.
ASKED = (
    *("mail_version", "mail_owner", "queue_directory", "maillog_file", "inet_protocols"),
    *("relayhost", "transport_maps", "qmgr_message_recipient_limit"),
    *("mydomain", "myorigin", "mydestination"),
    *("relay_domains", "virtual_alias_domains", "virtual_mailbox_domains"),
    *("smtpd_tls_chain_files", "smtpd_tls_cert_file", "smtpd_tls_eccert_file"),
    *("milter_default_action", "smtpd_forbid_bare_newline", "mynetworks"),
)


@dataclass(frozen=True, slots=True)
class Facts:
    """The operator's part of one instance."""

    config_directory: Path
    version: tuple[int, ...]
    own: Mapping[str, str]  # what main.cf sets
    values: Mapping[str, str]  # those ASKED for, `$` expanded
    services: tuple[Service, ...]

    def service(self, name: str, kind: str = "unix") -> Service | None:
        """Return the service of master.cf with that name and kind."""
        return next((each for each in self.services if (each.name, each.kind) == (name, kind)), None)


def read(config_directory: Path, main_cf: str, master_cf: str) -> Facts:
    """Return what two texts say, the operator's part of main.cf and of master.cf."""
    with tempfile.TemporaryDirectory(prefix="estafeta-facts-") as name:
        folder = Path(name)
        (folder / "main.cf").write_text(main_cf, encoding="utf-8", errors="surrogateescape")
        (folder / "master.cf").write_text(master_cf, encoding="utf-8", errors="surrogateescape")

        def ask(*options: str) -> list[str]:
            said = postconf(folder, *options)
            return [line.replace(name, str(config_directory)) for line in said.splitlines()]

        values = dict(map(_setting, ask("-x", *ASKED)))
        return Facts(
            config_directory,
            version(values["mail_version"]),
            dict(map(_setting, ask("-n"))),
            values,
            tuple(_services(ask("-M"), ask("-P"))),
        )


def version(text: str) -> tuple[int, ...]:
    """Return a version such as `3.7.11` or `3.9-20230901` as numbers."""
    return tuple(int(number) for number in re.findall(r"\d+", text.partition("-")[0]))


def _setting(line: str) -> tuple[str, str]:
    name, _, value = line.partition("=")
    return name.strip(), value.strip()


def _services(entries: list[str], overrides: list[str]) -> Iterator[Service]:
    options: dict[str, dict[str, str]] = {}
    for line in overrides:
        place, value = _setting(line)
        service, name = place.rsplit("/", 1)
        options.setdefault(service, {})[name] = value
    for entry in entries:
        name, kind, private, unprivileged, chroot, wakeup, limit, command, *_ = entry.split()
        yield Service(
            name=name,
            command=command,
            kind=kind,
            private=private,
            unprivileged=unprivileged,
            chroot=chroot,
            wakeup=wakeup,
            process_limit=limit,
            options=options.get(f"{name}/{kind}", {}),
        )

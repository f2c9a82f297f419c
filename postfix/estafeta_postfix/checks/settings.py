"""Whether Postfix is told what it has to be told: every option of our services, and what main.cf adds.

What has to be said is what `render` says, and what stands in the way is what `install.conflicts` finds;
here is only why it matters. docs/checks.md goes through every known trap.
"""

from collections.abc import Iterator, Mapping
from itertools import groupby
from types import MappingProxyType

from estafeta_postfix.checks.finding import Finding, Severity
from estafeta_postfix.checks.served import Served
from estafeta_postfix.checks.setup import Setup
from estafeta_postfix.install.conflicts import Conflict
from estafeta_postfix.install.wanted import PARAMETERS
from estafeta_postfix.render.service import Service

_LOGIN = "nobody can log in, or by other ways than the listener's"
_CLEAR = "keys and passwords cross the network otherwise than the listener says"
_MILTER = "the milter is not asked, or not told what it decides by"
_LIMIT = "clients are told another limit than the listener's"
_WHO = "others than those who have logged in may be let in, or limits are not counted"

# Why an option matters; of one that is not here it is enough that the configuration says otherwise.
WHY: Mapping[str, str] = MappingProxyType(
    {
        "milter_default_action": "mail leaves untouched or half edited when the milter fails",
        "smtpd_forbid_bare_newline": "a client can hide a second message inside the first (CVE-2023-51764)",
        "smtpd_forbid_bare_newline_exclusions": "clients of these networks can hide a second message in one",
        "smtpd_forbid_unauth_pipelining": "a client may send commands before it is answered",
        "smtpd_discard_ehlo_keywords": "BDAT would be another way for a message to end",
        "disable_vrfy_command": "strangers can ask which addresses there are",
        "smtpd_end_of_data_restrictions": "a refusal there leaves the transaction open for DATA without MAIL",
        "smtpd_recipient_restrictions": _WHO,
        "smtpd_relay_restrictions": _WHO,
        "smtpd_client_restrictions": _WHO,
        "mynetworks": _WHO,
        "smtpd_sasl_auth_enable": _LOGIN,
        "smtpd_sasl_type": _LOGIN,
        "smtpd_sasl_path": _LOGIN,
        "smtpd_sasl_service": _LOGIN,
        "smtpd_sasl_mechanism_filter": _LOGIN,
        "smtpd_tls_security_level": _CLEAR,
        "smtpd_tls_auth_only": _CLEAR,
        "smtpd_tls_wrappermode": _CLEAR,
        "smtpd_milters": _MILTER,
        "milter_macro_daemon_name": _MILTER,
        "milter_connect_timeout": "clients give up before a daemon that hangs is given up",
        "milter_command_timeout": "clients give up before a daemon that hangs is given up",
        "milter_content_timeout": "clients give up before a daemon that hangs is given up",
        "message_size_limit": _LIMIT,
        "smtpd_recipient_limit": _LIMIT,
        "smtpd_proxy_filter": "receipts are not given, or messages go by a proxy that is not ours",
        "cleanup_service_name": "copies that differ are not split, and long control headers are cut",
        "header_size_limit": "control headers are cut, and with them lists of recipients",
        "milter_header_checks": "copies that differ are not split, and pools are not found",
        "message_drop_headers": "a Bcc of ours is taken off again",
        "always_add_missing_headers": "mail leaves without Date, From or Message-ID",
        "chroot": "the daemons' sockets cannot be reached from Postfix's chroot",
    }
)

UNSET = "not set"
HARMLESS = ("pools-past-transport-maps",)  # to be known, and often meant so


def look(setup: Setup) -> Iterator[Finding]:
    """Yield what is not as it has to be. Raises setup.UNSERVED."""
    there = setup.served
    if not there.ours:
        yield Finding(
            "error",
            "not-installed",
            str(there.directory),
            "Postfix has no service of ours",
            "estafeta postfix install (--config-directory, where it is another instance)",
        )
        return
    if there.interrupted:
        yield Finding(
            "error",
            "install-interrupted",
            str(there.directory),
            "a change of its files was interrupted",
            "estafeta postfix install, which completes it, or uninstall",
        )
    yield from map(_of_conflict, there.conflicts)
    for text in there.unreached:
        reason, _, remedy = text.rpartition("; ")
        yield Finding("warning", "intake-unreached", "main.cf", reason, remedy)
    found = [*_parameters(there), *_services(there)]
    yield from found
    if there.differs and not found:
        yield Finding(
            "error",
            "install-differs",
            str(there.directory),
            "our lines and tables there are not what the configuration says",
            _remedy(there),
        )


def _of_conflict(each: Conflict) -> Finding:
    severity: Severity = "error" if each.stops else "note" if each.code in HARMLESS else "warning"
    return Finding(severity, each.code, "Postfix", each.text, each.remedy)


def _parameters(there: Served) -> Iterator[Finding]:
    """Yield what main.cf has to set and does not; what it sets otherwise is a conflict."""
    for each in PARAMETERS if not there.private else ():
        if each.name not in there.there.own:
            yield Finding(
                "error",
                "queue-manager",
                "main.cf",
                f"{each.name} = {each.value} is missing ({each.reason})",
                _remedy(there),
            )


def _services(there: Served) -> Iterator[Finding]:
    """Yield each option that is not what it has to be, once, with all services that have it so."""
    found: list[tuple[str, str, str, str]] = []
    for wanted in there.wanted:
        service = there.there.service(wanted.name, wanted.kind)
        if service is None:
            yield Finding(
                "error",
                "service-missing",
                "master.cf",
                f"it has no service {wanted.name} ({_spoken_name(wanted)})",
                _remedy(there),
            )
        else:
            found += [(*difference, _spoken_name(wanted)) for difference in _differences(wanted, service)]
    for (option, value, right), same in groupby(sorted(found), lambda row: row[:3]):
        names = ", ".join(name for *_, name in same)
        why = WHY.get(option, "it is not as the configuration says")
        yield Finding(
            "error",
            f"setting-{option.replace('_', '-')}",
            f"master.cf: {names}",
            f"{option} is {value or 'empty'} and not {right or 'empty'}: {why}",
            _remedy(there),
        )


def _differences(wanted: Service, service: Service) -> Iterator[tuple[str, str, str]]:
    """Yield option, value there and value wanted, white space apart."""
    if service.chroot != wanted.chroot:
        yield "chroot", service.chroot, wanted.chroot
    for option in sorted({*wanted.options, *service.options}):
        value, right = (" ".join(each.options.get(option, UNSET).split()) for each in (service, wanted))
        if value != right:
            yield option, value, right


def _spoken_name(service: Service) -> str:
    return service.options.get("syslog_name", service.name).removeprefix("postfix/")


def _remedy(there: Served) -> str:
    if there.private:
        return "start the sandbox anew: it writes the files of its Postfix at each start"
    return "estafeta postfix install puts it right (estafeta postfix diff shows it first)"

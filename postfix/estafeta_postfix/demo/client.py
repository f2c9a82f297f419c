"""An ordinary SMTP client: TLS where the provider has it, login, one message."""

import re
import smtplib
import ssl
from collections.abc import Mapping
from typing import Any

from estafeta_postfix.demo.report import PATIENCE, Report
from estafeta_postfix.demo.scenario import Scenario


def send(sandbox: Mapping[str, Any], scenario: Scenario, report: Report) -> str:
    """Send the scenario's message; return its queue id, or "" when it was not taken."""
    listener = _listener(sandbox, scenario)
    credential = next(each for each in sandbox["credentials"] if each["id"] == scenario.credential)
    try:
        with _connected(listener, sandbox["ca_file"]) as client:
            report.check(True, f"{listener['name']}: {_tls(listener['tls'])}")
            client.user, client.password = credential["username"], credential["password"]
            response = client.auth_login if scenario.mechanism == "LOGIN" else client.auth_plain
            code, reply = client.auth(scenario.mechanism, response)
            report.check(code == 235, f"AUTH {scenario.mechanism} as {credential['username']}: 235", reply)
            client.mail(scenario.sender)
            for recipient in scenario.recipients:
                client.rcpt(recipient)
            code, reply = client.data(scenario.message().as_bytes())
    except (smtplib.SMTPException, OSError) as error:
        report.check(False, "the message is accepted", error)
        return ""
    answer = reply.decode("utf-8", "replace")
    queued = re.search(r"queued as (\S+)", answer)
    report.check(code == 250 and queued is not None, f"the message is accepted: {code} {answer}", answer)
    return queued[1] if queued else ""


def _connected(listener: Mapping[str, Any], ca_file: str) -> smtplib.SMTP:
    """Return a connection that has said EHLO, under TLS if the listener has it."""
    place = listener["host"], listener["port"]
    context = ssl.create_default_context(cafile=ca_file)
    client: smtplib.SMTP
    if listener["tls"] == "implicit":
        client = smtplib.SMTP_SSL(*place, timeout=PATIENCE, context=context)
    else:
        client = smtplib.SMTP(*place, timeout=PATIENCE)
    if listener["tls"] in ("starttls", "required"):
        client.starttls(context=context)
    client.ehlo()
    return client


def _tls(kind: str) -> str:
    words = {"none": "no TLS, as the provider has none", "implicit": "TLS from the first byte"}
    return words.get(kind, "STARTTLS, and the certificate is the one to trust")


def _listener(sandbox: Mapping[str, Any], scenario: Scenario) -> dict[str, Any]:
    found: list[dict[str, Any]] = sandbox["listeners"]
    return next(
        each
        for each in found
        if scenario.dialect in each["dialects"] and each["documented_port"] == scenario.port
    )

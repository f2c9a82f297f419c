"""The package upgraded while clients send: what was accepted arrives once, no listener is away for long."""

import json
import subprocess
import sys
import warnings

import pytest

from estafeta_testing import fresh_root, packages
from estafeta_testing.server import operated, waited, with_estafeta

pytestmark = [*fresh_root.NEEDS_ROOT, pytest.mark.release]

CLIENTS = 3
AWAY = 15.0  # seconds without a login, at the longest; a restart takes two or three on an idle machine
# Sends until /srv/stop is there, and tries again what was put off, as clients do; prints what was accepted,
# and how long it was at the longest from one login to the next.
FLOW = """
import json, pathlib, smtplib, ssl, sys, time
CONTENT = '''From: {sender}
To: reader@example.net
Subject: an upgrade
MIME-Version: 1.0
Content-Type: multipart/alternative; boundary=x

--x

{word}
--x
Content-Type: text/html

<body>{word} <a href="https://example.com/">x</a></body>
--x--
'''
port, user, password, sender, client = sys.argv[1:]
context = ssl.create_default_context()
context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
accepted, put_off, last, longest, number, word = [], [], time.monotonic(), 0.0, 0, ""
while not pathlib.Path("/srv/stop").exists() or word:
    word = f"word-{client}-{number}."
    try:
        with smtplib.SMTP("127.0.0.1", int(port), "elsewhere.example", timeout=30) as smtp:
            smtp.starttls(context=context)
            smtp.login(user, password)
            now = time.monotonic()
            longest, last = max(longest, now - last), now
            smtp.sendmail(sender, ["reader@example.net"],
                CONTENT.format(sender=sender, word=word))
        accepted.append(word)
        number, word = number + 1, ""
        pathlib.Path(f"/srv/accepted-{client}").write_text(str(number))
        time.sleep(0.1)
    except (OSError, smtplib.SMTPException) as error:
        code = getattr(error, "smtp_code", 0)
        refused = getattr(error, "recipients", {})
        code = next(iter(refused.values()))[0] if refused else code
        if code >= 500:
            raise
        put_off.append(repr(error))
        time.sleep(0.2)
print(json.dumps({"accepted": accepted, "put_off": put_off, "longest": longest}))
"""


def test_no_message_is_lost_or_doubled_by_an_upgrade() -> None:
    newer = packages.built("0.0.1")
    older = packages.previous("0.0.0")
    if older is None:
        warnings.warn(
            "no git history: the upgrade is from this very tree under an older number", stacklevel=1
        )
        older = packages.renumbered(newer, "0.0.0")
    with fresh_root.booted() as machine:
        operated(machine)
        server = with_estafeta(machine, older)
        machine.run("estafeta postfix install")
        machine.put(newer, "/srv/newer.deb")
        (machine.root / "srv" / "flow.py").write_text(FLOW)

        logins = [(587, "SMTP_Injection", server.key, "news@acme.example")] * CLIENTS
        logins += [(58700, "ana.plan", "correct-horse", "news@plan.example")] * CLIENTS
        flows = [
            subprocess.Popen(
                machine.command("python3", "/srv/flow.py", *map(str, login), str(number)),
                stdout=subprocess.PIPE,
                text=True,
            )
            for number, login in enumerate(logins)
        ]

        def sent() -> int:
            counts = [machine.root / f"srv/accepted-{number}" for number in range(len(logins))]
            return min(int(each.read_text() or 0) if each.exists() else 0 for each in counts)

        waited(lambda: sent() >= 3, "three messages of each client before the upgrade")
        machine.run("dpkg -i --force-confdef --force-confold /srv/newer.deb")
        upgraded = sent()
        waited(lambda: sent() >= upgraded + 3, "three messages of each client after the upgrade")
        (machine.root / "srv" / "stop").touch()
        told = [json.loads(flow.communicate(timeout=60)[0]) for flow in flows]

        assert machine.run("systemctl --failed --no-legend --plain") == ""
        assert "0.0.1" in machine.run("dpkg-query -W estafeta")
        accepted = sorted(word for each in told for word in each["accepted"])

        def delivered() -> list[str]:
            texts = [path.read_text(errors="replace") for path in (machine.root / "srv/outbox").iterdir()]
            return sorted(word for text in texts for word in accepted if word in text)

        waited(lambda: set(delivered()) == set(accepted), "every accepted message at the relayhost")
        waited(lambda: "is empty" in machine.run("postqueue -p"), "an empty queue")
        assert delivered() == accepted

    longest = max(each["longest"] for each in told)
    put_off = sum(len(each["put_off"]) for each in told)
    sys.stdout.write(
        f"{len(accepted)} accepted, {put_off} tries put off, {longest:.1f} s at the longest without a login\n"
    )
    assert longest < AWAY, [each["put_off"] for each in told]

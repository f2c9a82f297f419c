"""Decisions a second of the policy daemon: without limits, with limits here, and with limits on a Redis.

Each contender is a policy daemon with its own configuration; sessions speak Postfix's delegation protocol and
ask as soon as they are answered. Rounds are interleaved, and a ratio is taken within its round.
"""

import contextlib
import sys
from collections.abc import Iterator
from functools import partial

from bench import folders
from bench.asking import RATE, Question, ask
from bench.measure import Service
from bench.processes import started
from bench.rounds import Case, Report, Settings, interleave
from estafeta_core import secrets

TITLE = "Limits of the policy daemon, beside none and on Redis"
CONTENDERS = ("no limits", "limits in memory", "limits on Redis")
CONFIG = """\
hostname: mx.example.com
base_url: https://click.example.com
bounce_domain: bounce.example.com
signing_keys: [link.key]
run_dir: run
state_dir: .
store: sqlite:///{folder}/estafeta.db
listeners: {{submission: {{dialects: [sparkpost], port: 587}}}}
limits: {limits}
"""
ACCOUNT = """\
account: acme
dialect: sparkpost
domains: {{acme.example: {{verified: true}}}}
limits: {limits}
credentials: {{main: {{key: "{key}", limits: {limits}}}}}
"""
QUESTION = Question(
    b"request=smtpd_access_policy\nprotocol_state=RCPT\nclient_address=127.0.0.1\nclient_port=4321\n"
    b"sender=news@acme.example\nrecipient=r@example.net\nsasl_username=acme/main\ninstance=%d.0\n"
    b"policy_context=submission\n\n",
    expected=b"action=DUNNO",
    end=b"\n\n",
)


def run(settings: Settings) -> Report:
    """Ask all three, over one connection and over many."""
    with contextlib.ExitStack() as stack:
        services = [stack.enter_context(_daemon(name)) for name in CONTENDERS]
        cases = [
            Case(f"connections: {number}", each.name, partial(_ask, each, number, settings))
            for number in (1, settings.sessions)
            for each in services
        ]
        results = interleave(cases, settings.rounds)
    for row in results.rows:
        results.ratio(row.load, row.contender, "limits in memory", RATE, called="ratio to memory")
    return Report(results.rows)


def _ask(service: Service, connections: int, settings: Settings, share: float) -> dict[str, float]:
    return ask(service, QUESTION, connections=connections, seconds=settings.seconds * share)


@contextlib.contextmanager
def _daemon(name: str) -> Iterator[Service]:
    """Run the policy daemon of one contender, with a Redis of its own where that is wanted."""
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(folders.fresh())
        limits = "{}"
        if name == "limits on Redis":
            redis = folder / "redis.sock"
            command = ("redis-server", "--port", "0", "--save", "", "--unixsocket", str(redis))
            stack.enter_context(started(*command, answers=f"unix:{redis}"))
            limits = f"{{store: 'unix://{redis}', hosts: 2, timeout: 4}}"
        for part in ("accounts.d", "run"):
            (folder / part).mkdir()
        (folder / "link.key").write_bytes(b"k" * 64)
        config = folder / "estafeta.yaml"
        config.write_text(CONFIG.format(folder=folder, limits=limits))
        most = "{}" if name == "no limits" else "{per_minute: 1000000000, per_day: 1000000000}"
        key = secrets.hash_key(secrets.generate_key())
        (folder / "accounts.d" / "acme.yaml").write_text(ACCOUNT.format(key=key, limits=most))
        address = f"unix:{folder}/run/policy.sock"
        python = (sys.executable, "-m", "estafeta_postfix", "--config", str(config), "serve", "policy")
        pid = stack.enter_context(started(*python, answers=address))
        yield Service(name, address, (pid,))

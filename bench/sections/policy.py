"""The policy daemon beside others: asked alone, and by Postfix.

Every contender counts each recipient against two limits or more that are never reached; Estafeta's has four,
and asks all its rules. By Postfix, all of them and the listener without a policy server log in alike.
"""

import contextlib
from collections.abc import Iterator
from functools import partial

from bench import folders, messages, reference
from bench.asking import CPU as CPU_US
from bench.asking import RATE as ASKED
from bench.asking import Question, ask
from bench.contenders import estafeta, policyd_rate_limit, postfwd
from bench.mail import CPU, RATE, case
from bench.measure import Service
from bench.rounds import Case, Report, Settings, Target, interleave

TITLE = "Policy daemon"
ALONE, THROUGH = "alone, {} connections", "4 KB through Postfix"
NONE = "no policy server"
TIMES_POSTFWD3 = 6.0
REQUEST = b"""\
request=smtpd_access_policy
protocol_state=RCPT
protocol_name=ESMTP
client_address=127.0.0.1
client_name=localhost
client_port=4321
reverse_client_name=localhost
helo_name=bench.example
queue_id=
instance=1234.%d.0
sender=bench@acme.example
recipient=r1@dest.example
recipient_count=0
sasl_method=PLAIN
sasl_username=acme/main
sasl_sender=
size=0
encryption_protocol=
policy_context=sparkpost

"""


def run(settings: Settings) -> Report:
    """Ask each alone, then have Postfix ask them."""
    with contextlib.ExitStack() as stack:
        ours = stack.enter_context(estafeta.running())
        services = [
            ours.service("policy"),
            *(
                stack.enter_context(each.running(stack.enter_context(folders.fresh())))
                for each in (postfwd, policyd_rate_limit)
            ),
        ]
        alone = ALONE.format(settings.sessions)
        cases = [*_alone(alone, services, settings), *_through(stack, ours, services, settings)]
        results = interleave(cases, settings.rounds)
    for each in services:
        results.ratio(alone, each.name, postfwd.NAME, CPU_US, called="ratio of CPU", inverse=True)
        times = results.ratio(alone, each.name, postfwd.NAME, ASKED, called="ratio to postfwd2")
        through = results.ratio(THROUGH, each.name, NONE, RATE, called="ratio to none")
        results.ratio(THROUGH, each.name, NONE, CPU, called="ratio of CPU", inverse=True)
        if each is services[0]:
            bound = TIMES_POSTFWD3 * postfwd.AS_FAST_IS_POSTFWD3
            targets = [
                Target("policy alone: answers a second to postfwd2's", times, bound),
                Target("policy through Postfix: rate to that without", through, 0.90),
            ]
    return Report(results.rows, targets)


def _alone(load: str, services: list[Service], settings: Settings) -> Iterator[Case]:
    # Names of actions are Postfix's, in either case (access(5)); every answer but this one is a refusal.
    for service in services:
        good = b"action=dunno" if service.name == policyd_rate_limit.NAME else b"action=DUNNO"
        question = Question(REQUEST, good, b"\n\n")
        yield Case(load, service.name, partial(_ask, service, question, settings))


def _ask(service: Service, question: Question, settings: Settings, share: float) -> dict[str, float]:
    return ask(service, question, connections=settings.sessions, seconds=settings.seconds * share)


def _through(
    stack: contextlib.ExitStack, ours: estafeta.Estafeta, services: list[Service], settings: Settings
) -> Iterator[Case]:
    login = {
        "smtpd_sasl_auth_enable": "yes",
        "smtpd_sasl_type": "dovecot",
        "smtpd_sasl_path": ours.service("sasl").address,
        "smtpd_sasl_service": "sparkpost",
    }
    listeners = {NONE: login}
    for each in services:
        asked = f"check_policy_service {{ {each.address}, policy_context=sparkpost }}"
        listeners[each.name] = login | {"smtpd_recipient_restrictions": asked}
    other = stack.enter_context(reference.running(listeners))
    roots = {each.name: each.roots for each in services}
    server = ours.server("acme")
    text = partial(messages.plain, 4096)
    for name in listeners:
        contender = other.contender(name, roots=roots.get(name, ()), login=(server.username, server.password))
        yield case(THROUGH, contender, text, settings)

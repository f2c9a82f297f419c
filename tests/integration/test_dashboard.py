"""The dashboard and the alert rules name metrics that a running system has, in expressions that are whole."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from estafeta_testing.relay import SENDER, Relay, wait

GRAFANA = Path(__file__).parents[2] / "docs" / "grafana"
FUNCTIONS = frozenset({"sum", "max", "by", "rate", "increase", "changes", "histogram_quantile", "le", "up"})
PAIRS = {")": "(", "]": "[", "}": "{"}
_METRIC = re.compile(r"estafeta_[a-z_]+")
_SELECTOR = re.compile(r'\{((?:\w+(?:=~|!=|!~|=)"[^"]*"(?:,(?=\w))?)*)\}')
_LABEL = re.compile(r"(\w+)(?:=~|!=|!~|=)\"([^\"]*)\"")


def expressions() -> Iterator[tuple[str, str]]:
    """Yield title and expression of every panel and every alert."""
    for panel in json.loads((GRAFANA / "estafeta.json").read_text())["panels"]:
        for target in panel["targets"]:
            yield panel["title"], target["expr"]
    for group in yaml.safe_load((GRAFANA / "alerts.yaml").read_text())["groups"]:
        for rule in group["rules"]:
            yield rule["alert"], rule["expr"]


EXPRESSIONS = list(expressions())


def message() -> bytes:
    html = '<a href="https://example.com/">x</a>'
    head = f"From: {SENDER}\r\nContent-Type: text/html\r\n"
    return f'{head}X-MSYS-API: {{"options": {{"click_tracking": true}}}}\r\n\r\n{html}\r\n'.encode()


@pytest.fixture(scope="module")
def scrape(relay: Relay) -> str:
    """What /metrics says after a message to two recipients was delivered, and a link of another clicked."""
    relay.send(message(), "one@example.net", "two@example.net")
    text = relay.copy(relay.send(message(), "three@example.net")).parsed().get_content()
    link = re.search(rf'{re.escape(relay.web)}/c/[^"]*', text)
    assert link is not None
    relay.http("GET", link[0])

    def delivered() -> bool:
        return value(metrics(relay), 'estafeta_log_events_total{type="delivery"}') >= 3

    wait(delivered, wanted=True, what="deliveries in the metrics")
    return metrics(relay)


def metrics(relay: Relay) -> str:
    return relay.http("GET", f"{relay.web}/metrics").body.decode()


def value(text: str, sample: str) -> float:
    found = re.search(rf"^{re.escape(sample)} (\S+)$", text, re.MULTILINE)
    return float(found[1]) if found else -1.0


def test_every_daemon_counts_and_everything_is_in_one_scrape(scrape: str) -> None:
    assert value(scrape, 'estafeta_milter_messages_total{dialect="sparkpost",outcome="accepted"}') >= 1
    assert value(scrape, 'estafeta_copies_total{outcome="made"}') >= 2
    assert value(scrape, 'estafeta_auth_attempts_total{outcome="accepted"}') >= 1
    assert value(scrape, "estafeta_auth_seconds_count") >= 1
    assert value(scrape, 'estafeta_policy_questions_total{outcome="passed"}') >= 2
    assert value(scrape, 'estafeta_store_commits_total{role="milter"}') >= 1
    assert value(scrape, 'estafeta_store_commits_total{role="worker"}') >= 1
    assert value(scrape, 'estafeta_store_waiting{role="milter"}') == 0
    for role in ("sasl", "policy", "milter", "copies", "web", "worker"):
        assert value(scrape, f'estafeta_processes{{role="{role}"}}') >= 1, role
    assert value(scrape, "estafeta_metrics_files_left_out") == 0


@pytest.mark.parametrize(
    ("outcome", "recipient", "sender"),
    [
        ("accepted", "a@example.net", SENDER),
        ("discarded", "suppressed@example.net", SENDER),
        ("refused", "a@example.net", "news@new.example"),
    ],
)
def test_messages_are_counted_by_their_answer(
    relay: Relay, outcome: str, recipient: str, sender: str
) -> None:
    sample = f'estafeta_milter_messages_total{{dialect="sparkpost",outcome="{outcome}"}}'
    names = ("estafeta_milter_message_seconds_count", "estafeta_milter_body_bytes_total", sample)
    before = [value(metrics(relay), name) for name in names]
    with relay.session() as session:
        session.message(SENDER, (recipient,), f"From: {sender}\r\n\r\nHello.\r\n".encode())
    after = [value(metrics(relay), name) for name in names]
    assert [after[place] - before[place] for place in range(3)] == [1, 8, 1]


@pytest.mark.parametrize(("title", "expression"), EXPRESSIONS, ids=[title for title, _ in EXPRESSIONS])
def test_an_expression_is_whole_and_its_metrics_exist(title: str, expression: str, scrape: str) -> None:
    assert balanced(expression)
    assert "{}" not in expression
    names = set(_METRIC.findall(expression))
    assert names or title == "EstafetaAway"
    for name in names:
        assert f"# TYPE {family(name, scrape)} " in scrape, name
    words = set(re.findall(r"\b[a-z_]+\b", re.sub(r'"[^"]*"|\[[^\]]*\]', "", expression)))
    labels = {label for selector in _SELECTOR.findall(expression) for label, _ in _LABEL.findall(selector)}
    grouped = set(re.findall(r"by \((\w+)\)", expression))
    assert words <= FUNCTIONS | names | labels | grouped
    for label in grouped - {"le"}:
        assert any(f"{name}{{" in scrape and f'{label}="' in scrape for name in names)


def family(name: str, scrape: str) -> str:
    """Return the name that the type of a metric is told under."""
    bare = re.sub(r"_(bucket|count|sum)$", "", name)
    return bare if f"# TYPE {bare} " in scrape else name


def balanced(expression: str) -> bool:
    open_: list[str] = []
    for sign in re.sub(r'"[^"]*"', "", expression):
        if sign in PAIRS.values():
            open_.append(sign)
        elif sign in PAIRS and (not open_ or open_.pop() != PAIRS[sign]):
            return False
    return not open_

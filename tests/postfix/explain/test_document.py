import base64
import json
from collections.abc import Callable

from estafeta_postfix.explain.document import document
from estafeta_postfix.explain.explanation import Explanation
from estafeta_testing.office import MANDRILL

Explained = Callable[..., Explanation]

HEAD = b"From: news@acme.example\r\n"
LISTS = (
    b'X-MSYS-API: {"cc": ["c@example.net"], "metadata": {"a": [1]}, "options": {"click_tracking": true}}\r\n'
)
HTML = b'Content-Type: text/html\r\n\r\n<a href="https://shop.example/">x</a>\r\n'

KEYS = {
    *("credential", "listener", "client_address", "tls", "mail_from", "rcpt_to", "size", "outcome"),
    *("fault", "replies", "store", "decision", "copies"),
}


def test_the_keys_are_the_same_whatever_becomes_of_a_message(explained: Explained) -> None:
    taken, refused = document(explained(HEAD + HTML)), document(explained(HEAD + HTML, "alice"))
    assert taken.keys() == refused.keys() == KEYS
    assert (taken["outcome"], refused["outcome"]) == ("accepted", "permanent")
    assert (refused["decision"], refused["copies"], refused["size"]) == (None, [], None)
    assert refused["replies"][2] == {
        "command": "RCPT TO:<alice>",
        "reply": "553 5.1.3 Bad recipient address syntax",
        "code": 553,
        "refused": True,
        "temporary": False,
    }


def test_every_copy_is_there_in_full(explained: Explained) -> None:
    said = json.loads(json.dumps(document(explained(HEAD + LISTS + HTML))))
    assert [(copy["rcpt_to"], copy["rcpt_type"]) for copy in said["copies"]] == [
        ("alice@example.net", "to"),
        ("c@example.net", "cc"),
    ]
    first = said["copies"][0]
    changes = {field["name"]: (field["change"], field["by"]) for field in first["headers"]}
    assert changes["From"] == ("kept", None)
    assert changes["X-MSYS-API"] == ("removed", "estafeta")
    assert changes["Date"] == ("added", "postfix")
    (link,) = first["links"]
    assert (link["kind"], link["target"]) == ("click", "https://shop.example/")
    assert link["url"] in first["body"]
    assert first["envelope_sender"].endswith("@bounce.example.com")
    decided = said["decision"]
    assert (decided["copies_differ"], decided["queue_files"]) == (True, 1)
    assert decided["metadata"] == {"a": [1]}


def test_what_a_message_chooses_by_plain_headers_is_there(explained: Explained) -> None:
    raw = b"From: yo@part.tienda.example\r\nX-MC-Subaccount: part\r\n" + HTML
    said = {"credential": MANDRILL.identity, "listener": MANDRILL.listener, "sender": MANDRILL.sender}
    found = document(explained(raw, **said))["decision"]
    assert (found["click_tracking_in"], found["subaccount"], found["test"]) == ("html", "part", False)


def test_values_are_told_to_the_byte(explained: Explained) -> None:
    raw = HEAD + b"Subject: a\r\n\tb\r\nX-Raw: \xe9\r\n\r\n\xff\r\n"
    (copy,) = document(explained(raw))["copies"]
    fields = {field["name"]: field for field in copy["headers"]}
    assert fields["Subject"]["value"] == "a\n\tb"
    assert base64.b64decode(fields["X-Raw"]["value_base64"]) == b"\xe9"
    assert base64.b64decode(copy["body_base64"]) == b"\xff\r\n"


def test_who_is_not_sent_to_is_told(explained: Explained, suppressed: str) -> None:
    said = document(explained(HEAD + HTML, suppressed))
    assert said["store"]
    assert said["copies"] == []
    assert said["decision"]["queue_files"] == 0
    assert said["decision"]["not_sent_to"] == [
        {"rcpt_to": suppressed, "rcpt_type": "to", "reason": "suppressed for non-transactional mail of acme"}
    ]

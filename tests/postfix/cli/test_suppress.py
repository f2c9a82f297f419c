import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from estafeta_core import secrets
from estafeta_core.store import open_store
from estafeta_core.store.rows import Suppression
from estafeta_core.store.suppressions import Entries
from estafeta_postfix.cli import estafeta, suppress

Run = Callable[..., Result]
ACME = ("--account", "acme")


@pytest.fixture
def listed(filled: Path) -> Path:
    """The same with the account of its transmissions, which has a subaccount."""
    key = secrets.hash_key(secrets.generate_key())
    (filled.parent / "accounts.d" / "acme.yaml").write_text(
        f'account: acme\ndialect: sparkpost\nsubaccounts: {{"123": {{}}}}\n'
        f'credentials: {{main: {{key: "{key}"}}}}\n'
    )
    return filled


def entries(config: Path) -> list[str]:
    store = open_store(f"sqlite:///{config.parent}/estafeta.db")
    found = store.suppressions(Entries("acme"), limit=1_000_000)
    store.close()
    return [f"{each.subaccount or '-'} {each.recipient} {each.type}" for each in found]


def test_an_address_is_added_listed_and_removed(run: Run, listed: Path) -> None:
    done = run("suppress", "add", "Alice@X.example", *ACME, "--description", "She asked")
    assert (done.exit_code, done.output) == (0, "")
    shown = run("suppress", "list", *ACME).output.splitlines()
    assert shown[0].split() == ["UPDATED", "RECIPIENT", "TYPE", "LIST", "SOURCE", "DESCRIPTION"]
    assert [line.split()[2:] for line in shown[1:]] == [
        ["alice@x.example", "non_transactional", "-", "Manually", "Added", "She", "asked"],
        ["alice@x.example", "transactional", "-", "Manually", "Added", "She", "asked"],
    ]
    assert run("suppress", "remove", "ALICE@x.example", *ACME, "--type", "transactional").exit_code == 0
    assert entries(listed) == ["- alice@x.example non_transactional"]
    assert run("suppress", "remove", "alice@x.example", *ACME).exit_code == 0
    assert entries(listed) == []


def test_removing_what_is_not_there_is_told_and_the_rest_removed(run: Run, listed: Path) -> None:
    run("suppress", "add", "a@x.example", "b@x.example", *ACME)
    done = CliRunner().invoke(
        estafeta, ["--config", str(listed), "suppress", "remove", "a@x.example", "nobody@x.example", *ACME]
    )
    assert "not in the list: nobody@x.example" in str(done.exception)
    assert {line.split()[1] for line in entries(listed)} == {"b@x.example"}


def test_a_list_is_that_of_the_subaccount_that_is_named(run: Run, listed: Path) -> None:
    run("suppress", "add", "a@x.example", *ACME, "--subaccount", "123", "--type", "open_tracking")
    assert entries(listed) == ["123 a@x.example open_tracking"]
    [line] = run("suppress", "list", *ACME, "--json").output.splitlines()
    shown = json.loads(line)
    assert (shown["subaccount_id"], shown["source"]) == ("123", "Tracking Consent Revoked")
    assert run("suppress", "list", *ACME, "--recipient", "A@x.example", "--json").output.splitlines() == [
        line
    ]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("add", "a@x.example", "--account", "nobody"), "there is no account nobody"),
        (("add", "a@x.example", *ACME, "--subaccount", "9"), "account acme has no subaccount 9"),
        (("add", "a@x.example", "alice", *ACME), "'alice' is no email address; nothing was written"),
        (("list", "--account", "nobody"), "there is no account nobody"),
        (("export", "--account", "nobody"), "there is no account nobody"),
    ],
)
def test_what_cannot_be_done_is_told_and_nothing_written(
    run: Run, listed: Path, arguments: tuple[str, ...], expected: str
) -> None:
    assert expected in str(run("suppress", *arguments).exception)
    assert entries(listed) == []


def imported(run: Run, folder: Path, content: bytes, *options: str) -> Result:
    (folder / "list.csv").write_bytes(content)
    return run("suppress", "import", str(folder / "list.csv"), *ACME, *options)


@pytest.mark.parametrize(
    "content",
    [
        b"recipient,type,description\na@x.example,transactional,Why\n",
        b"\xef\xbb\xbfrecipient,type,description\r\na@x.example,transactional,Why\r\n",
        b'\xef\xbb\xbf"a@x.example","transactional","Why"',
        b"a@x.example,transactional,Why\r",
    ],
)
def test_a_file_is_imported_whoever_wrote_it(run: Run, listed: Path, content: bytes) -> None:
    done = imported(run, listed.parent, content)
    assert (done.exit_code, done.output) == (0, "1 entries written\n")
    assert entries(listed) == ["- a@x.example transactional"]


def test_lines_without_a_type_have_the_one_that_is_given_or_both(run: Run, listed: Path) -> None:
    imported(run, listed.parent, b"a@x.example\n")
    imported(run, listed.parent, b"b@x.example\nc@x.example,transactional\n", "--type", "open_tracking")
    assert sorted(entries(listed)) == [
        "- a@x.example non_transactional",
        "- a@x.example transactional",
        "- b@x.example open_tracking",
        "- c@x.example transactional",
    ]


def test_faulty_lines_are_named_and_the_others_kept(run: Run, listed: Path) -> None:
    content = (
        b'recipient,type\na@x.example,\n\nnobody,\nb@x.example,all\nc@x.example,\n"x"y\n\xff\xfe@x.example\n'
    )
    done = imported(run, listed.parent, content, "--type", "transactional")
    named = [line for line in done.output.splitlines() if line.startswith("line ")]
    assert [line.partition(":")[0] for line in named] == ["line 4", "line 5", "line 7", "line 8"]
    assert "4 faulty lines left out" in str(done.exception)
    assert getattr(done.exception, "status", None) == 1
    assert entries(listed) == ["- a@x.example transactional", "- c@x.example transactional"]


def test_of_many_faulty_lines_some_are_named(run: Run, listed: Path) -> None:
    done = imported(run, listed.parent, b"nobody\n" * 30)
    assert done.output.count("is no email address") == suppress.NAMED
    assert "30 faulty lines left out, 10 of them not named here" in str(done.exception)


def test_what_is_exported_is_imported_again_unchanged(run: Run, listed: Path) -> None:
    store = open_store(f"sqlite:///{listed.parent}/estafeta.db")
    rows = [
        Suppression("acme", None, "=a@x.example", "transactional", "Bounce Rule", "=1+1", 1),
        Suppression(
            "acme", None, "b@x.example", "open_tracking", "Tracking Consent Revoked", 'No, "never"', 2
        ),
        Suppression("acme", "123", "c@x.example", "transactional", "Bounce Rule", "", 3),
    ]
    store.record(rows)
    store.close()
    out = run("suppress", "export", *ACME).output
    assert out.splitlines()[0] == "recipient,type,description,source"
    assert "\n'=a@x.example,transactional,'=1+1,Bounce Rule\n" in out
    assert "c@x.example" not in out
    run("suppress", "remove", "=a@x.example", *ACME)
    run("suppress", "remove", "b@x.example", *ACME, "--type", "open_tracking")
    imported(run, listed.parent, out.encode())
    assert run("suppress", "export", *ACME).output == out


def test_an_export_into_a_file_is_there_whole(
    run: Run, listed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(suppress, "PAGE", 2)
    monkeypatch.setattr(suppress, "BATCH", 3)
    content = "".join(f"{number}@x.example,transactional\n" for number in range(10))
    imported(run, listed.parent, content.encode())
    path = listed.parent / "out.csv"
    assert run("suppress", "export", str(path), *ACME).exit_code == 0
    assert len(path.read_text().splitlines()) == 11

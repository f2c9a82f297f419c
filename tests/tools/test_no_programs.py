import re

from estafeta_testing.documents import ROOT

# Where daemons are; the command, the sandbox and the installer are beside them.
DAEMONS = [
    *("core", "policy", "milter", "web"),
    *(f"postfix/estafeta_postfix/{room}" for room in ("log_follower", "mail_intake", "receipt", "webhooks")),
]
STARTS = re.compile(
    r"\b(subprocess|create_subprocess_\w+|os\.(system|popen|exec\w+|spawn\w+|posix_spawn\w*))\b"
)


def test_l5_no_daemon_starts_a_program() -> None:
    sources = [path for folder in DAEMONS for path in (ROOT / folder).rglob("*.py")]
    assert len(sources) > 200
    assert [str(path) for path in sources if STARTS.search(path.read_text())] == []

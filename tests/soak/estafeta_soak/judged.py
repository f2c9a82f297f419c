"""What a chaos run found, as promises of a row."""

from collections import Counter
from typing import get_args

from estafeta_chaos import report
from estafeta_chaos.judge import What
from estafeta_chaos.run import Result
from estafeta_soak.step import Row

MEANING = {
    "lost": "accepted, and a recipient has no copy",
    "doubled": "copies that came twice, and no kill explains it",
    "transformed": "copies not transformed as asked, or that show what is ours",
    "stray": "copies that nobody sent, or for somebody else",
    "refused": "replies that refuse for good",
    "half": "attempts delivered to some of their recipients",
    "unasked": "refused, and delivered",
    "store": "what the store has too much or too little",
    "stuck": "mail that does not go again",
}


def judged(row: Row, result: Result, prefix: str = "") -> None:
    """Note what was found."""
    found = Counter(violation.what for violation in result.verdict.violations)
    for what in get_args(What):
        texts = [violation.text for violation in result.verdict.violations if violation.what == what]
        said = f"{found[what]}: {texts[0]}" if texts else "0"
        row.hold(f"{prefix}{MEANING[what]}", "0", said, not texts)
    figures = report.summary(result)
    for name in ("attempts", "fanned_out", "recipients", "copies", "kills", "doubled", "replies", "seconds"):
        row.figures[f"{prefix}{name.replace('_', ' ')}"] = (
            dict(figures[name]) if isinstance(figures[name], dict) else figures[name]
        )
    if found:
        row.figures[f"{prefix}violations"] = report.as_text(result).splitlines()[-200:]

"""Manual pages of every command, from the words of `--help`.

Use: `python tools/man.py DIR`. Writes estafeta.1 and a page for each subcommand (estafeta-key-create.1).
What is said of a command stands in its module and nowhere else.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

import click

from estafeta_postfix.cli import estafeta

SECTION = "1"
FILES = {
    "/etc/estafeta/estafeta.yaml": "the configuration",
    "/etc/estafeta/accounts.d/": "a file for each account",
    "/usr/share/doc/estafeta/": "the documents, and samples of both with every option",
}


def pages(command: click.Command, context: click.Context) -> Iterator[tuple[str, str]]:
    """Yield name and text of the page of `command` and of everything below it."""
    name = context.command_path.replace(" ", "-")
    subcommands = _subcommands(command, context)
    yield f"{name}.{SECTION}", _page(command, context, name, subcommands)
    for inner, subcommand in subcommands.items():
        yield from pages(subcommand, click.Context(subcommand, info_name=inner, parent=context))


def _subcommands(command: click.Command, context: click.Context) -> dict[str, click.Command]:
    if not isinstance(command, click.Group):
        return {}
    found = {name: command.get_command(context, name) for name in command.list_commands(context)}
    return {name: inner for name, inner in found.items() if inner is not None and not inner.hidden}


def _page(
    command: click.Command, context: click.Context, name: str, subcommands: dict[str, click.Command]
) -> str:
    usage = " ".join(command.collect_usage_pieces(context))
    lines = [
        f'.TH "{name.upper()}" "{SECTION}" "" "Estafeta"',
        ".SH NAME",
        f"{_plain(name)} \\- {_plain(command.get_short_help_str(200))}",
        ".SH SYNOPSIS",
        f"\\fB{_plain(context.command_path)}\\fR {_plain(usage)}",
        ".SH DESCRIPTION",
        *_paragraphs(command.help or ""),
    ]
    records = (each.get_help_record(context) for each in command.get_params(context))
    lines += _list("OPTIONS", {option: text for option, text in filter(None, records) if text})
    summaries = {inner: each.get_short_help_str(200) for inner, each in subcommands.items()}
    lines += _list("COMMANDS", summaries)
    if context.parent is None:
        lines += _list("FILES", FILES)
    lines += [".SH EXIT STATUS", *_paragraphs("0: done. 1: the answer is no. 2: it could not be done.")]
    related = [f"{name}-{inner}" for inner in subcommands] or [_above(context)]
    lines += [".SH SEE ALSO", ", ".join(f"\\fB{_plain(each)}\\fR({SECTION})" for each in related)]
    return "\n".join(lines) + "\n"


def _above(context: click.Context) -> str:
    return context.parent.command_path.replace(" ", "-") if context.parent else "postfix"


def _paragraphs(text: str) -> list[str]:
    written = (" ".join(part.split()) for part in text.replace("\b", "").split("\n\n"))
    return [line for part in written if part for line in (".PP", _plain(part))]


def _list(title: str, entries: dict[str, str]) -> list[str]:
    if not entries:
        return []
    lines = [f".SH {title}"]
    for name, text in entries.items():
        lines += [".TP", f"\\fB{_plain(name)}\\fR", _plain(" ".join(text.split()))]
    return lines


def _plain(text: str) -> str:
    """Return `text` so that man(7) shows it as it stands."""
    safe = text.replace("\\", "\\e").replace("-", "\\-")
    return f"\\&{safe}" if safe.startswith((".", "'")) else safe


def main(folder: Path) -> None:
    """Write every page into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in pages(estafeta, click.Context(estafeta, info_name="estafeta")):
        (folder / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))

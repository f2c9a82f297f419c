"""Manual pages of every command, from the words of `--help`, and of the configuration, from its schema.

Use: `python tools/man.py DIR`. Writes man1/estafeta.1, man1/estafeta-key-create.1 and so on for each
subcommand, and man5/estafeta.yaml.5. What is said of a command stands in its module, of a key in the schema,
and nowhere else.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

import click

import reference
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


def _configuration() -> str:
    """Return the page estafeta.yaml(5)."""
    lines = [
        '.TH "ESTAFETA.YAML" "5" "" "Estafeta"',
        ".SH NAME",
        "estafeta.yaml, accounts.d \\- the configuration of Estafeta",
        ".SH DESCRIPTION",
        *_paragraphs("YAML files. Unknown keys are errors. A change takes effect within a second."),
    ]
    for title, _, module, struct in reference.TOPS:
        lines.append(f".SH {title.upper()}")
        for section in reference.sections(module, struct):
            lines += [f".SS {_plain(section.path)}"] if section.path else []
            lines += _paragraphs(section.about)
            for key in section.keys:
                note = "required" if key.default is None else f"default {key.default}" if key.default else ""
                kind = "; ".join(filter(None, (key.kind, note)))
                lines += [".TP", f"\\fB{_plain(key.name)}\\fR ({_plain(kind)})", _plain(key.meaning)]
    lines += [".SH SEE ALSO", f"\\fBestafeta\\fR({SECTION})"]
    return "\n".join(lines).replace("`", "") + "\n"


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
    written = dict(pages(estafeta, click.Context(estafeta, info_name="estafeta")))
    for name, text in {**written, "estafeta.yaml.5": _configuration()}.items():
        page = folder / f"man{name[-1]}" / name
        page.parent.mkdir(parents=True, exist_ok=True)
        page.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))

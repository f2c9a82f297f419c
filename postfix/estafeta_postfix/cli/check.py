"""`estafeta check`: whether the configuration can be used, and what in it may not be meant so.

What cannot be used ends the look at its file, so mend and check again. Nothing is written, nobody is asked:
the daemons that run are not concerned.
"""

import sys
from dataclasses import dataclass
from pathlib import Path

import click

from estafeta_core.config.advice import Advice, of_config
from estafeta_core.config.document import ConfigError, Document
from estafeta_core.config.load import load_config, warnings
from estafeta_core.config.schema import Config
from estafeta_postfix.cli import key_files
from estafeta_postfix.cli.text import json_text
from estafeta_postfix.render.listener import listener_service
from estafeta_postfix.render.values import RenderError


@dataclass(frozen=True, slots=True)
class _Found:
    errors: list[str]
    warnings: list[Advice]

    def as_json(self) -> str:
        shown = [
            {"file": str(each.path), "line": each.line, "key": each.key, "text": each.text}
            for each in self.warnings
        ]
        return json_text({"errors": self.errors, "warnings": shown})


@click.command("check")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def command(path: Path, as_json: bool) -> None:
    """Read the configuration and every account file; say what cannot be used and what should be known.

    Exit status 1 if something cannot be used; warnings alone leave it at 0.
    """
    found = _check(path)
    if as_json:
        click.echo(found.as_json())
    else:
        for error in found.errors:
            click.echo(f"error: {error}")
        for warning in found.warnings:
            click.echo(f"warning: {warning}")
        if not found.errors and not found.warnings:
            click.echo(f"{path}: nothing to mend")
    sys.exit(1 if found.errors else 0)


def _check(path: Path) -> _Found:
    try:
        config = load_config(path)
        advice = of_config(Document(path), config)
    except ConfigError as error:  # without it nobody knows where the accounts are
        return _Found([str(error)], [])
    errors = _unsayable(config)
    try:
        advice = warnings(path)
        faults, told = key_files.looked_at(config)
        errors += faults
        advice += told
    except ConfigError as error:
        errors.append(str(error))
    return _Found(errors, advice)


def _unsayable(config: Config) -> list[str]:
    """Return what cannot be said to Postfix, a text for each listener."""
    errors: list[str] = []
    for name in config.listeners:
        try:
            listener_service(config, name)
        except RenderError as error:
            errors.append(str(error))
    return errors

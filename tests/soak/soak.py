"""The release tier of the reliability bar, row by row, with a report.

    .venv/bin/python tests/soak/soak.py                              every row, on SQLite: some hours
    .venv/bin/python tests/soak/soak.py --only R1,R5 --store postgresql
    .venv/bin/python tests/soak/soak.py --only R5 --minutes 10       shorter than a release asks for
    .venv/bin/python tests/soak/soak.py --share 0.01                 a hundredth of every count: does it run?

The report is written to .cache/soak, as Markdown and as JSON, after each row. What breaks a promise stands
there with its seed, to be made a test.

Exit status 0: every promise holds; 1: one does not; 2: it could not run.
"""

import random
import sys
import time
import traceback
from pathlib import Path

import click

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / name) for name in ("support", "chaos", "fuzz")]

from estafeta_postfix.sandbox.child import StartError  # noqa: E402 - the path above leads to what these import
from estafeta_soak import report  # noqa: E402
from estafeta_soak.step import Plan, Row  # noqa: E402
from estafeta_soak.table import STEPS  # noqa: E402
from estafeta_testing.sandbox import STORES  # noqa: E402

FOLDER = HERE.parents[1] / ".cache" / "soak"
SEEDS = 1_000_000


def _names(_: object, __: object, text: str) -> list[str]:
    chosen = [name.strip().upper() for name in text.split(",") if name.strip()]
    if unknown := [name for name in chosen if name not in STEPS]:
        raise click.BadParameter(f"there is no row {', '.join(unknown)}; there are {', '.join(STEPS)}")
    return chosen or list(STEPS)


@click.command()
@click.option("--only", "names", default="", callback=_names, help="Rows, by comma. [default: all]")
@click.option("--store", type=click.Choice(STORES), default=STORES[0], show_default=True)
@click.option("--minutes", type=float, help="How long rows last that last. [default: as a release asks]")
@click.option("--share", default=1.0, show_default=True, help="Of the counts that a release asks for.")
@click.option("--seed", type=int, help="What chance is made from. [default: another each time, and printed]")
def main(names: list[str], store: str, minutes: float | None, share: float, seed: int | None) -> None:
    """Run the rows of the release tier and tell which promises hold."""
    began = time.monotonic()

    def say(text: str) -> None:
        click.echo(f"{time.strftime('%H:%M:%S')} {time.monotonic() - began:6.0f} s  {text}", err=True)

    plan = Plan(random.randrange(SEEDS) if seed is None else seed, store, minutes, share, say)
    FOLDER.mkdir(parents=True, exist_ok=True)
    stem = FOLDER / f"{time.strftime('%Y%m%d-%H%M%S')}-{store}-{'-'.join(names) if len(names) < 5 else 'all'}"
    rows: list[Row] = []
    for name in names:
        say(f"{name}: {STEPS[name].title}; {store}, seed {plan.seed}")
        rows.append(_ran(plan, name))
        say(report.as_lines(rows[-1:]))
        stem.with_suffix(".json").write_text(report.as_json(rows) + "\n")
        stem.with_suffix(".md").write_text(
            report.as_markdown(rows, f"make soak SOAK='{' '.join(sys.argv[1:])}'")
        )
    click.echo(report.as_lines(rows))
    click.echo(f"{stem}.md")
    sys.exit(1 if any(row.verdict == "broken" for row in rows) else 0)


def _ran(plan: Plan, name: str) -> Row:
    row, began = Row(name, STEPS[name].title, plan.store, plan.seed), time.monotonic()
    try:
        STEPS[name].run(plan, row)
    except StartError as error:
        row.left_out = str(error)
    except Exception as error:  # noqa: BLE001 - the rows behind it are run all the same
        plan.say(traceback.format_exc())
        row.hold("the row runs to its end", "yes", repr(error), holds=False)
    row.seconds = time.monotonic() - began
    return row


if __name__ == "__main__":
    main()

"""`estafeta demo`: one real message for each dialect through a sandbox, each step checked and shown."""

import click

from estafeta_postfix.cli.failure import Failure
from estafeta_postfix.demo import afterwards, run
from estafeta_postfix.sandbox.child import StartError, started


@click.command("demo")
def command() -> None:
    """Send one real message for each dialect through a sandbox; show what is delivered and recorded.

    Then what happens after: mail that bounces or is called spam, told by command, API, webhook and page.

    Exit status 0 only if everything was as it should be. Needs root, because Postfix does.
    """
    click.echo("Starting Postfix, the daemons and a server that plays the recipients' hosts ...")
    try:
        with started() as sandbox:
            failures = run.run(sandbox, click.echo) + afterwards.run(sandbox, click.echo)
    except StartError as error:
        raise Failure(f"the sandbox did not start:\n{error}") from None
    if failures:
        raise Failure(f"the demonstration failed: {failures} expectations were not met", 1)
    click.echo("Everything was as it should be. `estafeta sandbox` keeps it running for you to try.")

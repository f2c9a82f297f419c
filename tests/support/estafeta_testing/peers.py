"""Accounts of the providers that a sandbox has no demo account of, added to one that runs.

Each has the name of its dialect, the verified domain NAME.example, a domain for bounces, a subaccount `part`
with a domain of its own, and one credential, `main`, with the right to skip suppression. The listener `peers`
takes them all.
"""

import time

from estafeta_core import secrets
from estafeta_core.dialects import DIALECTS
from estafeta_postfix import demo_accounts
from estafeta_testing import sandbox as testing
from estafeta_testing.tenants import NOTICED

USERNAMES = {demo.dialect: demo.logins[0].username for demo in demo_accounts.OTHERS}  # "": the key


def add(sandbox: testing.Sandbox) -> None:
    """Write the account files, and have the sandbox know the credentials."""
    for dialect, username in USERNAMES.items():
        key = DIALECTS[dialect].make_key(dialect)
        sandbox.credentials.append(
            testing.Credential(
                id=f"{dialect}/main",
                account=dialect,
                dialect=dialect,
                username=username or key,
                password=key,
                senders=(f"news@{dialect}.example",),
                domains=(f"{dialect}.example",),
                note="",
            )
        )
        (sandbox.accounts_dir / f"{dialect}.yaml").write_text(_account(dialect, username, key))
    time.sleep(NOTICED)


def _account(dialect: str, username: str, key: str) -> str:
    found_by = f"username: {username}, " if DIALECTS[dialect].found_by == "username" else ""
    return (
        f"account: {dialect}\ndialect: {dialect}\n"
        f"domains:\n  {dialect}.example: {{verified: true}}\n"
        f"  bounce.{dialect}.example: {{verified: true, bounce: true}}\n"
        f"subaccounts: {{part: {{domains: [part.{dialect}.example]}}}}\n"
        f'credentials:\n  main: {{{found_by}key: "{secrets.hash_key(key)}",'
        " permissions: [send, skip_suppression]}\n"
    )

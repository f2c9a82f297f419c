"""An account for the trial, besides the demo accounts: one whose limit is reached."""

from estafeta_postfix.demo_accounts import SPARKPOST_USER, Demo, Login

PER_HOUR = 60  # of the credential `limited/main`

LIMITED = Demo(
    account="limited",
    dialect="sparkpost",
    senders=("news@limited.example",),
    domains=("limited.example",),
    logins=(Login("main", SPARKPOST_USER, f"may send {PER_HOUR} messages an hour"),),
    text=(
        "account: limited\ndialect: sparkpost\ndomains: {{limited.example: {{verified: true}}}}\n"
        "credentials:\n"
        f'  main: {{{{key: "{{main}}", permissions: [send], limits: {{{{per_hour: {PER_HOUR}}}}}}}}}\n'
    ),
)

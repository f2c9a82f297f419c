"""The accounts a sandbox begins with: what each dialect can do, and what is refused.

API keys and passwords are made for each run. Their hashes go into the account files; they themselves are
only in what the sandbox prints. DKIM keys are made once for a folder: what was signed with them before still
verifies.

`OTHERS` are accounts of the dialects that a sandbox has no listener for; a box has them too.
"""

import json
import secrets as random
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from estafeta_core import secrets
from estafeta_core.dialects import DIALECTS
from estafeta_core.store.rows import Suppression
from estafeta_core.suppression import BY_HAND
from estafeta_postfix import dkim_keys
from estafeta_postfix.files import write_bytes, write_text

SPARKPOST_USER = "SMTP_Injection"
POOL = "my_ip_pool"  # of estafeta.yaml; acme may use it
PASSWORD_BYTES = 12  # 96 bits: these are not guessed, and a person can still type one

LOOPBACK_NETWORKS = ("127.0.0.0/8", "::1")

_NOTE = """\
# Written anew each time the demo accounts are made. Changes made meanwhile take effect at once.
"""


@dataclass(frozen=True, slots=True)
class DemoCredential:
    """What a person needs to log in; the names are those of the sandbox's JSON."""

    id: str
    account: str
    dialect: str
    username: str
    password: str
    senders: tuple[str, ...]
    domains: tuple[str, ...]
    note: str


@dataclass(frozen=True, slots=True)
class Login:
    """A credential of a demo account; `chosen`: its secret is a password and not a key."""

    name: str
    username: str  # "": the key stands there too
    note: str
    chosen: bool = False


@dataclass(frozen=True, slots=True)
class Demo:
    """A demo account; `text` is its file, with the name of each credential where its hash goes.

    The file of a DKIM key goes where `dkim_` and its name stand, the networks of those who try it at `here`.
    """

    account: str
    dialect: str
    senders: tuple[str, ...]  # addresses to send from
    domains: tuple[str, ...]
    logins: tuple[Login, ...]
    text: str
    dkim: Mapping[str, dkim_keys.Kind] = field(default_factory=dict)  # what keys it has, by their names


_ACME = Demo(
    account="acme",
    dialect="sparkpost",
    senders=("anything@acme.example",),
    domains=("acme.example", "new.example"),
    logins=(
        Login(
            "main",
            SPARKPOST_USER,
            "may send, read events, skip suppression and change suppression lists and webhooks;"
            " acme.example is verified, new.example is not;"
            f" subaccount 123 ({SPARKPOST_USER}:X-MSYS-SUBACCOUNT=123) owns sub.acme.example;"
            " dkim_key: default, marketing, ed25519 (pending is not verified);"
            f" ip_pool: {POOL}",
        ),
        Login("readonly", SPARKPOST_USER, "may read events, not send"),
        Login("sendonly", SPARKPOST_USER, "may send, not skip suppression"),
    ),
    text="""\
account: acme
dialect: sparkpost
domains:
  acme.example:
    verified: true
    dkim:
      default: default
      keys:
        default: {dkim_default}
        marketing: {dkim_marketing}
        ed25519: {dkim_ed25519}
        pending: {{file: {dkim_pending}, verified: false}}  # as if its record were not in DNS yet
  new.example: {{verified: false}}
ip_pools: [my_ip_pool]
subaccounts:
  "123": {{domains: [sub.acme.example]}}
credentials:
  main: {{key: "{main}", permissions: [send, events, skip_suppression, manage]}}
  readonly: {{key: "{readonly}", permissions: [events]}}
  sendonly: {{key: "{sendonly}", permissions: [send]}}
""",
    dkim={"default": "rsa", "marketing": "rsa", "ed25519": "ed25519", "pending": "ed25519"},
)

_PLAN = Demo(
    account="plan",
    dialect="teenvio",
    senders=("remitente@dominio.example", "victor@dominio.example"),
    domains=("dominio.example",),
    logins=(
        Login(
            "usuario",
            "usuario.plan",
            "remitente@dominio.example and victor@dominio.example are validated, pendiente@dominio.example is"
            " not; a message needs a text and an HTML part",
            chosen=True,
        ),
    ),
    text="""\
account: plan
dialect: teenvio
domains:
  dominio.example: {{verified: true}}
senders: [remitente@dominio.example, victor@dominio.example]  # pendiente@dominio.example waits for validation
teenvio:
  social:
    facebook: https://www.facebook.com/dominio
    x: https://x.com/dominio
    linkedin: https://www.linkedin.com/company/dominio
credentials:
  usuario: {{username: usuario.plan, password: "{usuario}", permissions: [send, events, manage]}}
""",
)

_WEBSITE = Demo(
    account="website",
    dialect="devino",
    senders=("noreply@devino.example",),
    domains=("devino.example",),
    logins=(
        Login(
            "1website",
            "1website",
            "may connect from this machine; noreply@devino.example is confirmed; of several recipients the"
            " first is sent to; unsubscribed@example.net and hardbounce@example.net are filtered",
            chosen=True,
        ),
        Login("2website", "2website", "may connect from 192.0.2.0/24 only: refused here", chosen=True),
    ),
    text="""\
account: website
dialect: devino
domains:
  devino.example: {{verified: true}}
senders: [noreply@devino.example]
credentials:
  1website:
    username: 1website
    password: "{1website}"
    permissions: [send, events, manage]
    allow_from: {here}
  2website: {{username: 2website, password: "{2website}", allow_from: [192.0.2.0/24]}}
""",
)

_MICUENTA = Demo(
    account="micuenta",
    dialect="perfit",
    senders=("yo@midominio.example",),
    domains=("midominio.example",),
    logins=(Login("main", "apikey", "the user name is always apikey; midominio.example is verified"),),
    text="""\
account: micuenta
dialect: perfit
domains:
  midominio.example: {{verified: true}}
credentials:
  main: {{key: "{main}", permissions: [send, events, manage]}}
""",
)

_YOURDOMAIN = Demo(
    account="yourdomain",
    dialect="emitlo",
    senders=("hello@yourdomain.example",),
    domains=("yourdomain.example",),
    logins=(
        Login("prod", "prod_demo", "yourdomain.example is verified"),
        Login("suspended", "prod_suspended", "suspended: refused at AUTH"),
        Login("revoked", "prod_revoked", "revoked: refused at AUTH"),
        Login("nosend", "prod_nosend", "may read events, not send: refused at AUTH"),
        Login("limited", "prod_limited", "may send 3 messages a minute"),
    ),
    text="""\
account: yourdomain
dialect: emitlo
domains:
  yourdomain.example: {{verified: true}}
credentials:
  prod: {{username: prod_demo, key: "{prod}", permissions: [send, events, manage]}}
  suspended: {{username: prod_suspended, key: "{suspended}", status: suspended}}
  revoked: {{username: prod_revoked, key: "{revoked}", status: revoked}}
  nosend: {{username: prod_nosend, key: "{nosend}", permissions: [events]}}
  limited: {{username: prod_limited, key: "{limited}", limits: {{per_minute: 3}}}}
""",
)

DEMOS = (_ACME, _PLAN, _WEBSITE, _MICUENTA, _YOURDOMAIN)


def _other(dialect: str, username: str, *, found_by_key: bool = False) -> Demo:
    """Return an account with the name of its dialect, and one credential that may do everything."""
    found_by = "" if found_by_key else f"username: {username}, "
    return Demo(
        account=dialect,
        dialect=dialect,
        senders=(f"news@{dialect}.example",),
        domains=(f"{dialect}.example",),
        logins=(Login("main", username, f"{dialect}.example is verified"),),
        text=(
            f"account: {dialect}\ndialect: {dialect}\n"
            f"domains:\n  {dialect}.example: {{{{verified: true}}}}\n"
            f'credentials:\n  main: {{{{{found_by}key: "{{main}}",'
            " permissions: [send, events, skip_suppression, manage]}}\n"
        ),
    )


OTHERS = (
    _other("brevo", "login@brevo.example"),
    _other("mailgun", "postmaster@mailgun.example"),
    _other("mailjet", "0123456789abcdef0123456789abcdef"),
    _other("mandrill", "anything", found_by_key=True),
    _other("postmark", "", found_by_key=True),
    _other("sendgrid", "apikey", found_by_key=True),
    _other("ses", "AKIAIOSFODNN7EXAMPLE"),
)

_BOTH = ("transactional", "non_transactional")
# Account, recipient, and the kinds of mail that it does not get.
_SUPPRESSED = (
    ("acme", "suppressed@example.net", _BOTH),
    ("website", "unsubscribed@example.net", ("non_transactional",)),
    ("website", "hardbounce@example.net", _BOTH),
)


def made_secret(demo: Demo, login: Login) -> str:
    """Return a new password, or a new key in the provider's form."""
    if login.chosen:
        return random.token_hex(PASSWORD_BYTES)
    return DIALECTS[demo.dialect].make_key(demo.account)


def write(
    folder: Path,
    keys: Path,
    demos: Iterable[Demo] = DEMOS,
    *,
    secret: Callable[[Demo, Login], str] = made_secret,
    here: Sequence[str] = LOOPBACK_NETWORKS,
) -> list[DemoCredential]:
    """Write the account files into `folder` and return the credentials with their secrets.

    DKIM keys go into the folder `keys`, which is made where it is missing; those that are there stay.
    """
    keys.mkdir(mode=0o700, parents=True, exist_ok=True)
    return [credential for demo in demos for credential in _write(folder, keys, demo, secret, here)]


def _write(
    folder: Path, keys: Path, demo: Demo, secret: Callable[[Demo, Login], str], here: Sequence[str]
) -> list[DemoCredential]:
    made = {login.name: secret(demo, login) for login in demo.logins}
    filled = {
        login.name: (secrets.hash_password if login.chosen else secrets.hash_key)(made[login.name])
        for login in demo.logins
    }
    filled |= {f"dkim_{name}": _dkim_key(keys, demo, name) for name in demo.dkim}
    filled["here"] = json.dumps(here)
    write_text(folder / f"{demo.account}.yaml", _NOTE + demo.text.format_map(filled), mode=0o600)
    return [
        DemoCredential(
            id=f"{demo.account}/{login.name}",
            account=demo.account,
            dialect=demo.dialect,
            username=login.username or made[login.name],
            password=made[login.name],
            senders=demo.senders,
            domains=demo.domains,
            note=login.note,
        )
        for login in demo.logins
    ]


def _dkim_key(keys: Path, demo: Demo, name: str) -> str:
    """Return the file of a DKIM key as YAML writes it; the key is made where there is none."""
    file = (keys / f"{demo.account}-{name}.pem").absolute()
    if not file.exists():
        write_bytes(file, dkim_keys.make(demo.dkim[name]), mode=0o600)
    return json.dumps(str(file), ensure_ascii=False)  # YAML reads what JSON writes


def suppressions(now_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000) -> list[Suppression]:
    """Return the addresses that the demo accounts do not mail."""
    return [
        Suppression(
            account=account,
            subaccount=None,
            recipient=recipient,
            type=kind,
            source=BY_HAND,
            description="suppressed in every sandbox",
            created=now_ms(),
        )
        for account, recipient, kinds in _SUPPRESSED
        for kind in kinds
    ]

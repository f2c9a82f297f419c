"""Numbers and times as people read them. Times are the machine's local ones, as those of the commands."""

from datetime import datetime

_GROUP = "\u202f"  # a narrow space that does not break, as ISO 80000-1 groups digits


def number(count: int) -> str:
    """Return a number, in groups of three digits when it has five or more."""
    return f"{count:,}".replace(",", _GROUP) if abs(count) >= 10_000 else str(count)


def percent(share: float | None, decimal: str = ".") -> str:
    """Return a percentage with the sign for the decimal place of a language; "" for None."""
    if share is None:
        return ""
    digits = f"{share:.0f}" if share in (0, 100) else f"{share:.2f}".replace(".", decimal)
    return f"{digits}\u00a0%"


def moment(milliseconds: int) -> datetime:
    """Return a Unix time in milliseconds as local time."""
    return datetime.fromtimestamp(milliseconds // 1000).astimezone()


def time(milliseconds: int) -> str:
    """Return a time for people: `2026-11-20 13:00:05`."""
    return f"{moment(milliseconds):%Y-%m-%d %H:%M:%S}"


def machine_time(milliseconds: int) -> str:
    """Return the same for programs, with its zone: the attribute of <time>."""
    return moment(milliseconds).isoformat()


def zone() -> str:
    """Return the zone of these times: `CET, UTC+01:00`; `UTC` where it is that."""
    now = datetime.now().astimezone()
    name, offset = f"{now:%Z}", f"{now:%z}"
    return name if name == "UTC" else f"{name}, UTC{offset[:3]}:{offset[3:5]}"

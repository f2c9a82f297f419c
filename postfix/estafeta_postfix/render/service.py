"""One service of master.cf (master(5)): its line, and one `-o` line for each override."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Service:
    """A service; the defaults are those of most daemons: private, as `mail_owner`, outside the chroot.

    Nothing of ours runs in Postfix's chroot, because the daemons' sockets lie outside it.
    """

    name: str
    command: str
    kind: str = "unix"
    private: str = "-"
    unprivileged: str = "-"
    wakeup: str = "-"
    process_limit: str = "-"
    chroot: str = "n"
    options: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        fields = [
            self.name,
            self.kind,
            self.private,
            self.unprivileged,
            self.chroot,
            self.wakeup,
            self.process_limit,
            self.command,
        ]
        lines = [" ".join(fields)]
        lines += [f"  -o {{ {name} = {value} }}" for name, value in self.options.items()]
        return "\n".join(lines) + "\n"

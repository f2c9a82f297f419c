"""What smtp(8) takes out of a message on its way to the next host, and that it takes nothing else.

Each message goes by two pools that are alike but for `smtp_header_checks`. It comes by sendmail(1), so that
no milter has mended anything, and its fields of ours are those that somebody wrote.
"""

import re
import subprocess
from collections.abc import Iterator

import pytest

from estafeta_postfix.instance import command
from estafeta_testing import sandbox as testing
from estafeta_testing.queue import postfix
from estafeta_testing.relay import Relay, wait

POOLS = "ip_pools: {checked: {}, bare: {}}\n"
DEPTH = 300  # Postfix's own mime_nesting_limit is 100
LONG = b"b" * 3000
MESSAGES = {
    "octets in a field": b"Subject: caf\xe9 \xff\xfe\x80\nX-\xe9: y\n\nbody\n",
    "utf-8 in a field": "Subject: \u4e2d\u6587 \u00e9\n\nx\n".encode(),
    "controls": bytes(range(1, 10)).join([b"Subject: ", b"\n\n", b"\x0b\x0c\x0e\x1f\x7f\n"]),
    "a null": b"Subject: a\0b\nX-Y: z\n\nbo\0dy\n",
    "a field of 50 KB": b"X-Long: " + b"x" * 50_000 + b"\n\nbody\n",
    "a field of 150 KB": b"X-Long: " + b"x" * 150_000 + b"\n\nbody\n",
    "a field of 160 lines": b"X-Long: " + b"\n ".join([b"y" * 900] * 160) + b"\n\nbody\n",
    "a space before the colon": b"Subject : x\nX-Other\t: y\nX-Estafeta-Foo : z\nX-Last: q\n\nbody\n",
    "folds": b"Subject:\n x\n\ty\n  \nX-A: b\n \n \t\n c\n\nbody\n",
    "folds in ours": b"A: 1\nX-Estafeta-Jobs: a\n b\n\tc\nB: 2\nx-estafeta-other:\n folded\nC: 3\n\nx\n",
    "nothing but ours": b"X-Estafeta-Jobs: q\n\nx\n",
    "fields that come again": b"Subject: a\nsubject: b\nSUBJECT : c\n"
    + b"Received: a\n\tb; c\n" * 40
    + b"\nx\n",
    "a line that is no field": b"Subject: x\nno field\nmore\n\nX-Estafeta-Job: body\n",
    "a line of mbox": b">From x\nSubject: x\n\nFrom body\n",
    "carriage returns": b"Subject: a\rb\rc\nX: y\r\r\n\nbo\rdy\r\n",
    "ours in the body": b"\nX-Estafeta-Job: body\nX-Estafeta-Pool: body\n x\n",
    "long lines and dots": b"\n" + b"l" * 300_000 + b"\n.\n..\n.x\n",
    "no body": b"Subject: x\n",
    "an empty body": b"Subject: x\n\n",
    "blank lines": b"Subject: x\n\n\n\n\n",
    "no last line end": b"Subject: x\n\nno line end",
    "parts": (
        b'Content-Type: multipart/mixed; boundary="x"\n\npre\n--x\nX-Estafeta-Pool: part\n'
        b"Content-Type: text/plain\n\nX-Estafeta-Pool: text\n--x\nContent-Type: message/rfc822\n\n"
        b"X-Estafeta-Job: inner\n folded\nSubject: inner\n\nX-Estafeta-Job: body\n--x\nno field of a part\n"
        b"really\n\ntext\n--x--\nend\n"
    ),
    "a part with a long field": (
        b'Content-Type: multipart/mixed; boundary="x"\n\n--x\nX-Long: ' + b"p" * 1_200_000 + b"\n\nx\n--x--\n"
    ),
    "an attached message": b"Content-Type: message/rfc822\n\nX-Estafeta-Job: i\nSubject: i\nno field\n\nx\n",
    "an attached header": b"Content-Type: message/rfc822\n\nX-Estafeta-Job: inner\n",
    "a piece": b"Content-Type: message/partial; id=x; number=1; total=2\n\nX-Estafeta-Job:\n\nx\n",
    "an encoded message": (
        b"Content-Type: message/rfc822\nContent-Transfer-Encoding: quoted-printable\n\nX: =E9\n\nx\n"
    ),
    "octets not announced": b"Content-Type: text/plain\nContent-Transfer-Encoding: 7bit\n\n\xe9\xff\n",
    "deep parts": (
        b"".join(b'Content-Type: multipart/mixed; boundary="b%d"\n\n--b%d\n' % (n, n) for n in range(DEPTH))
        + b"\nX-Estafeta-Job: deep\n"
        + b"".join(b"--b%d--\n" % n for n in reversed(range(DEPTH)))
    ),
    "deep messages": b"Content-Type: message/rfc822\n\n" * DEPTH + b"X-Estafeta-Job: y\n\nx\n",
    "a part without end": b'Content-Type: multipart/mixed; boundary="x"\n\n--x\nContent-Type: text/html',
    "an empty boundary": b'Content-Type: multipart/mixed; boundary=""\n\n--\nX-Estafeta-A: b\n\n--\n',
    "a long boundary": b'Content-Type: multipart/mixed; boundary="%b"\n\n--%b\nX-Estafeta-A: b\n\nx\n'
    % (LONG, LONG),
}
_OURS = re.compile(rb"^X-Estafeta-[^\r\n:]*:[^\r\n]*\r\n(?:[ \t][^\r\n]*\r\n)*", re.IGNORECASE | re.MULTILINE)


@pytest.fixture(scope="module")
def outbox() -> Iterator[dict[str, bytes]]:
    """Every message as it left, by the recipient's local part: its number and its pool."""
    with testing.running(config=testing.QUICK + POOLS) as running:
        relay = Relay(running.description)
        postfix(relay, "postconf", "-P", "-e", "estafeta-pool-bare/unix/smtp_header_checks=")
        postfix(relay, "postfix", "reload")
        for number, message in enumerate(MESSAGES.values()):
            for pool in ("checked", "bare"):
                submit(relay, f"{number}.{pool}@example.net", pool, message)
        folder = relay.dir / "outbox" / "new"

        def come() -> int:
            relay.flush()  # pickup(8) would look by itself within a minute
            return len(list(folder.iterdir()))

        wait(come, 2 * len(MESSAGES), "everything has left")
        yield dict(left(path.read_bytes()) for path in folder.iterdir())


def submit(relay: Relay, recipient: str, pool: str, message: bytes) -> None:
    """Put a message into the queue as sendmail(1) does, for a pool."""
    conf = str(relay.dir / "postfix" / "conf")
    head = f"X-Estafeta-Pool: {pool}\nFrom: a@acme.example\nDate: x\nMessage-ID: <x@y>\n".encode()
    arguments = [command("sendmail"), "-C", conf, "-f", "a@acme.example", "-i", recipient]
    subprocess.run(arguments, input=head + message, check=True, timeout=60)


def left(raw: bytes) -> tuple[str, bytes]:
    """Return whose a file of the outbox is, and the message without the Received that Postfix put on top."""
    _, recipient, message = raw.split(b"\r\n", 2)
    received = re.match(rb"Received: by \S+ \(Postfix, from userid \d+\)\r\n\tid \S+; [^\r\n]*\r\n", message)
    assert received
    return recipient.removeprefix(b"Delivered-To: ").partition(b"@")[0].decode(), message[received.end() :]


@pytest.mark.parametrize("name", MESSAGES)
def test_fields_of_ours_in_the_header_are_taken_out_and_no_other_byte(
    outbox: dict[str, bytes], name: str
) -> None:
    number = list(MESSAGES).index(name)
    checked, bare = outbox[f"{number}.checked"], outbox[f"{number}.bare"]
    end = bare.find(b"\r\n\r\n") + 2 if b"\r\n\r\n" in bare else len(bare)
    assert _OURS.search(bare[:end]), "there was nothing to take out"
    assert checked == _OURS.sub(b"", bare[:end]) + bare[end:]

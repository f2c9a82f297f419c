"""Inputs made of others by chance: what a seed made once, it makes again."""

import random
from collections.abc import Iterator, Sequence

# What grammars hang on, and what has broken parsers before.
WORDS = (
    *(b"\r\n", b"\n", b"\r", b"\r\n\r\n", b"\0", b"\x01", b"\t", b" ", b"\xff", b"\xed\xb3\xa9"),
    *(b":", b";", b"=", b'"', b"\\", b"<", b">", b"<a href=", b"<!--", b"-->", b"<![CDATA[", b"</body>"),
    *(b"--", b"boundary=", b'boundary="a"', b"--a\r\n", b"--a--", b"&#0;", b"\xe2\x80\xa8"),
    *(b"Content-Type: multipart/mixed; boundary=a", b"Content-Type: text/html; charset=utf-16"),
    *(b"Content-Transfer-Encoding: base64", b"=?utf-8?q?=00?=", b"=?iso-2022-jp?b?GyRC?=", b"charset=utf-7"),
    *(b"{", b"}", b"[", b"]", b'{"options":', b"null", b"1e999", b"\\u0000", b"\\ud800", b"%s%n", b"\x1b[2J"),
    *(b"http://", b"https://x/?a=1&amp;b=2", b"cid:", b"@", b"a@b.example", b"Bcc: x@example.net"),
    *(b"Message-ID: <>", b"Received: ", b"X-MSYS-API: {}"),
)
LONGEST = 200_000  # bytes: what is slow on more is seen on this


def mutants(seeds: Sequence[bytes], chance: random.Random) -> Iterator[bytes]:
    """Yield inputs for ever, each of one of `seeds` or of two, changed in one to eight places."""
    while True:
        made = bytearray(chance.choice(seeds))
        for _ in range(chance.randint(1, 8)):
            _change(made, seeds, chance)
        yield bytes(made[:LONGEST])


def _change(made: bytearray, seeds: Sequence[bytes], chance: random.Random) -> None:
    place = chance.randint(0, len(made))
    length = min(chance.choice((1, 1, 2, 4, 16, 64, 1024)), len(made) - place)
    match chance.randrange(7):
        case 0:  # one bit
            if made:
                made[place % len(made)] ^= 1 << chance.randrange(8)
        case 1:  # bytes of chance in the place of others
            made[place : place + length] = chance.randbytes(chance.randint(0, length))
        case 2:
            del made[place : place + length]
        case 3:  # a word that means something
            made[place : place + chance.choice((0, length))] = chance.choice(WORDS)
        case 4:  # a piece again and again
            made[place:place] = made[place : place + length] * chance.choice((1, 2, 50))
        case 5:  # a piece of another input
            other = chance.choice(seeds)
            begin = chance.randint(0, len(other))
            made[place : place + length] = other[begin : begin + chance.choice((8, 64, 4096))]
        case _:  # two pieces that change places
            at = chance.randint(0, len(made))
            made[at : at + length], made[place : place + length] = (
                made[place : place + length],
                made[at : at + length],
            )

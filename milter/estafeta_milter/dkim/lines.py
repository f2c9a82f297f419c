"""Lines as smtp(8) sends them: none longer than 998 bytes (postconf(5), smtp_line_length_limit).

smtp(8) ends a longer one after 998 bytes and goes on behind a space.
"""

from estafeta_milter.message.transfer import MAX_LINE, has_long_line

_END = b"\r\n"


def broken(body: bytes) -> bytes:
    """Return `body` as smtp(8) would send it, or itself if it has no such line."""
    if not has_long_line(body):
        return body
    return _END.join([_broken(line) if len(line) > MAX_LINE else line for line in body.split(_END)])


def _broken(line: bytes) -> bytes:
    step = MAX_LINE - 1  # behind the space
    rest = [line[at : at + step] for at in range(MAX_LINE, len(line), step)]
    return b"\r\n ".join([line[:MAX_LINE], *rest])

from estafeta_milter.message.part import Part, walk


def leaf(path: str, *children: Part) -> Part:
    return Part(path, "text/plain", "", "", "", "", False, "", "", 0, 0, 0, 0, children, "")


def test_walk_goes_in_the_order_of_the_message() -> None:
    root = leaf("1", leaf("1.1", leaf("1.1.1"), leaf("1.1.2")), leaf("1.2"))
    assert [part.path for part in walk(root)] == ["1", "1.1", "1.1.1", "1.1.2", "1.2"]


def test_walk_does_not_recurse() -> None:
    part = leaf("1")
    for _ in range(5000):
        part = leaf("1", part)
    assert sum(1 for _ in walk(part)) == 5001

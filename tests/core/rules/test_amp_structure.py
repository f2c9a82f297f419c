from collections.abc import Sequence
from dataclasses import dataclass

import pytest

from estafeta_core.dialects.base import Part
from estafeta_core.rules import amp_structure


@dataclass(frozen=True)
class Node:
    content_type: str
    children: Sequence[Part] = ()
    disposition: str = ""
    file_name: str = ""
    file_names: tuple[()] = ()
    doubt: str = ""


AMP = Node("text/x-amp-html")
HTML = Node("text/html")
PLAIN = Node("text/plain")
IMAGE = Node("image/png")


def of(kind: str, *children: Part) -> Node:
    return Node(f"multipart/{kind}", children)


@pytest.mark.parametrize(
    "root",
    [
        HTML,
        of("mixed", PLAIN, IMAGE),
        of("alternative", PLAIN, AMP, HTML),
        of("alternative", AMP, PLAIN),
        of("mixed", of("alternative", PLAIN, of("related", AMP, IMAGE)), IMAGE),
        of("alternative", of("related", HTML, IMAGE), AMP),
        of("alternative", PLAIN, of("alternative", AMP)),
    ],
)
def test_s56_amp_beside_a_readable_version_passes(root: Part) -> None:
    assert amp_structure.check(root) is None


@pytest.mark.parametrize(
    "root",
    [
        AMP,
        of("mixed", PLAIN, AMP),
        of("alternative", AMP),
        of("alternative", AMP, IMAGE),
        of("alternative", AMP, AMP),
        of("mixed", of("alternative", PLAIN, HTML), AMP),
        of("mixed", PLAIN, of("alternative", AMP)),
    ],
)
def test_s56_amp_without_a_readable_version_beside_it_is_refused(root: Part) -> None:
    refusal = amp_structure.check(root)
    assert refusal is not None
    assert str(refusal).startswith("550 5.6.0 text/x-amp-html must be")


def test_a_deep_structure_is_walked_without_recursion() -> None:
    root: Part = AMP
    for _ in range(5000):
        root = of("mixed", root)
    assert amp_structure.check(root) is not None

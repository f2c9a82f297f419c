"""Suppression lists as CSV, in and out."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from estafeta_core.store.rows import Suppression
from estafeta_postfix.cli.suppression_csv import Line, Unreadable, read, write


def lines(text: str) -> list[tuple[int, str, tuple[str, ...], str, str]]:
    found = []
    for line in read(io.StringIO(text)):
        assert isinstance(line, Line), line
        found.append((line.number, line.recipient, line.types, line.description, line.source))
    return found


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("\n\n", []),
        ("recipient,type,description\n", []),
        ("a@x.example\n", [(1, "a@x.example", (), "", "")]),
        ("a@x.example,transactional", [(1, "a@x.example", ("transactional",), "", "")]),
        ("a@x.example,Transactional,Why\r\n", [(1, "a@x.example", ("transactional",), "Why", "")]),
        ('a@x.example,,"Said ""no"",\ntwice"\n', [(2, "a@x.example", (), 'Said "no",\ntwice', "")]),
        ("recipient,type,description\na@x.example,t,d\n", [(2, "a@x.example", ("t",), "d", "")]),
        (
            "Description,Email,Source,Other\nWhy,a@x.example,Bounce Rule,x\n",
            [(2, "a@x.example", (), "Why", "Bounce Rule")],
        ),
        (
            "email,transactional,non_transactional\na@x.example,TRUE,false\nb@x.example,true,true\n",
            [
                (2, "a@x.example", ("transactional",), "", ""),
                (3, "b@x.example", ("transactional", "non_transactional"), "", ""),
            ],
        ),
        ("\n a@x.example , t \n,,\n", [(2, "a@x.example", ("t",), "", "")]),
        ("a@x.example,t,d,more,cells\n", [(1, "a@x.example", ("t",), "d", "")]),
    ],
)
def test_a_list_is_read(text: str, expected: list[tuple[object, ...]]) -> None:
    assert lines(text) == expected


def test_a_line_that_is_no_csv_is_named_and_the_next_is_read() -> None:
    text = 'a@x.example,"x"y\nb@x.example\n'
    first, second = read(io.StringIO(text))
    assert isinstance(first, Unreadable)
    assert first.number == 1
    assert isinstance(second, Line)
    assert second.recipient == "b@x.example"


def entry(recipient: str, description: str) -> Suppression:
    return Suppression("acme", None, recipient, "transactional", "Manually Added", description, 1)


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "'=1", "''-x", "\t=1", "'", "plain", "1-2"])
def test_h11_no_cell_is_a_formula_and_every_cell_comes_back(text: str) -> None:
    file = io.StringIO()
    write(file, [entry("+a@x.example", text)])
    _, cells = csv.reader(io.StringIO(file.getvalue()))
    assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@", "\t", "\r"))]
    assert [line[1:4] for line in lines(file.getvalue())] == [("+a@x.example", ("transactional",), text)]


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"])))
def test_whatever_is_written_is_read_back(description: str) -> None:
    file = io.StringIO()
    write(file, [entry("a@x.example", description)])
    [line] = lines(file.getvalue())
    assert line[3] == description.strip()
    assert line[4] == "Manually Added"

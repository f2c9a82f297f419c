import pytest

from estafeta_core.store import Pulse
from estafeta_web.pages.chart import HEIGHT, TICKS, WIDTH, Column, draw


def test_columns_and_lines_stand_where_their_numbers_are() -> None:
    chart = draw(["a", "b"], [Pulse(delivered=40, opened=20), Pulse(clicked=10, failed=40)])
    assert chart.scale == (40, 30, 20, 10, 0)
    assert chart.columns == (Column(75.0, 0.0, 350.0, 200.0),)
    assert chart.lines == {
        "opened": "250.00,100.00 750.00,200.00",
        "clicked": "250.00,200.00 750.00,150.00",
        "failed": "250.00,200.00 750.00,0.00",
    }
    assert chart.totals == Pulse(40, 20, 10, 40)


@pytest.mark.parametrize(
    ("highest", "top"), [(0, 4), (1, 4), (4, 4), (5, 8), (9, 20), (21, 40), (3985, 4000), (4001, 8000)]
)
def test_the_scale_is_round_and_reaches_the_highest(highest: int, top: int) -> None:
    chart = draw(["a"], [Pulse(opened=highest)])
    assert chart.scale[0] == top >= highest


def test_nothing_is_a_chart_as_well() -> None:
    chart = draw(["a", "b"], [Pulse(), Pulse()])
    assert (chart.columns, chart.rows, chart.totals) == ((), (), Pulse())


def test_everything_stays_inside_the_drawing() -> None:
    pulses = [Pulse(number % 7, number % 5, number % 3, number % 2) for number in range(366)]
    chart = draw([str(number) for number in range(366)], pulses)
    points = [point.split(",") for line in chart.lines.values() for point in line.split()]
    assert all(0 <= float(x) <= WIDTH and 0 <= float(y) <= HEIGHT for x, y in points)
    assert all(column.x >= 0 and column.x + column.width <= WIDTH for column in chart.columns)


@pytest.mark.parametrize(
    ("count", "shown"),
    [(1, "0"), (6, "0 1 2 3 4 5"), (7, "0 2 4 6"), (24, "0 4 8 12 16 20"), (31, "0 6 12 18 24 30")],
)
def test_the_times_below_are_evenly_apart_and_stand_where_their_columns_begin(count: int, shown: str) -> None:
    ticks = draw([str(number) for number in range(count)], [Pulse()] * count).ticks
    assert " ".join(tick.name for tick in ticks) == shown
    assert [tick.x for tick in ticks] == [round(100 * int(tick.name) / count, 2) for tick in ticks]
    assert len(ticks) <= TICKS


def test_the_table_has_the_parts_in_which_anything_happened() -> None:
    chart = draw(["a", "b", "c"], [Pulse(), Pulse(failed=1), Pulse()])
    assert [(row.name, row.pulse) for row in chart.rows] == [("b", Pulse(failed=1))]

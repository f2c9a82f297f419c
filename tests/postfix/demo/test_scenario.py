from estafeta_postfix.demo.run import SCENARIOS
from estafeta_postfix.sandbox.settings import LISTENERS


def test_each_dialect_has_a_scenario_on_a_listener_of_its_own() -> None:
    spoken = {LISTENERS[scenario.listener].dialects for scenario in SCENARIOS}
    assert len({scenario.listener for scenario in SCENARIOS}) == len(SCENARIOS)
    assert sorted(spoken) == [("devino",), ("emitlo",), ("perfit",), ("sparkpost",), ("teenvio",)]


def test_the_reader_is_the_first_recipient_and_every_recipient_has_events() -> None:
    for scenario in SCENARIOS:
        assert scenario.reader == scenario.recipients[0]
        assert set(scenario.events) >= set(scenario.recipients)
        assert "delivery" in scenario.events[scenario.reader]

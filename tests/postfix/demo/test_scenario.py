from estafeta_postfix.demo.run import SCENARIOS
from estafeta_postfix.sandbox.settings import LISTENERS


def test_each_scenario_has_a_port_of_its_provider_to_itself() -> None:
    places = [(scenario.dialect, scenario.port) for scenario in SCENARIOS]
    assert len(set(places)) == len(SCENARIOS)
    assert set(places) <= {(each.dialects[0], each.port) for each in LISTENERS.values()}
    assert {dialect for dialect, _ in places} == {"devino", "emitlo", "perfit", "sparkpost", "teenvio"}


def test_the_reader_is_the_first_recipient_and_every_recipient_has_events() -> None:
    for scenario in SCENARIOS:
        assert scenario.reader == scenario.recipients[0]
        assert set(scenario.events) >= set(scenario.recipients)
        assert "delivery" in scenario.events[scenario.reader]

from estafeta_core.store.event_queries import EVENT_QUERIES


def test_a_page_and_a_count_are_of_the_same_events() -> None:
    for way in ("account", "everybody", "transmissions", "ids"):
        page, count = EVENT_QUERIES[f"search_{way}"], EVENT_QUERIES[f"count_{way}"]
        conditions = page.partition("WHERE")[2].partition("ORDER BY")[0].split()
        assert conditions == count.partition("WHERE")[2].rpartition("LIMIT")[0].split()


def test_every_question_of_an_account_names_it() -> None:
    for name, sql in EVENT_QUERIES.items():
        assert "e.account = ?1" in sql or name.endswith("everybody")

from estafeta_testing.site import Site
from estafeta_web.pages.table import PLACES


def test_what_changes_something_is_no_get(site: Site) -> None:
    changing = {place.path for place in PLACES if place.method == "POST"}
    assert changing == {"/sign-in", "/sign-out", "/suppressions", "/suppressions/remove"}
    for path in changing - {"/suppressions"}:
        assert site.http.get(path).status_code == 405


def test_an_unknown_path_is_the_services_404(site: Site) -> None:
    assert site.http.get("/send").text == "Not found\n"

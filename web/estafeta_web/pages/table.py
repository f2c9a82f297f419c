"""The table of paths."""

from estafeta_web.pages import (
    contents,
    frame,
    groups,
    messages,
    overview,
    search,
    sends,
    sign_in,
    suppressions,
)
from estafeta_web.pages.gate import members
from estafeta_web.service import Place

NAME = "page"  # what the requests of all of them are counted under

PLACES = (
    Place("/", NAME, members(overview.show)),
    Place("/sign-in", NAME, sign_in.enter, "POST"),
    Place("/sign-out", NAME, sign_in.leave, "POST"),
    Place("/sends", NAME, members(sends.list_)),
    Place("/sends/{id}", NAME, members(sends.show)),
    Place("/messages/{id}", NAME, members(messages.show)),
    Place("/groups", NAME, members(groups.list_)),
    Place("/groups/{id}", NAME, members(groups.show)),
    Place("/contents", NAME, members(contents.list_)),
    Place("/contents/{id}", NAME, members(contents.show)),
    Place("/contents/{id}/html", NAME, members(contents.source)),
    Place("/search", NAME, members(search.show)),
    Place("/suppressions", NAME, members(suppressions.show)),
    Place("/suppressions", NAME, members(suppressions.add, "manage"), "POST"),
    Place("/suppressions/remove", NAME, members(suppressions.remove, "manage"), "POST"),
    Place("/pages/{name}.css", NAME, frame.style),
)

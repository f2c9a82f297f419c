"""`GET /icons/NETWORK.png`: the tile that stands for a social network in the foot of a message.

Coloured squares with initials, drawn for this service: no network's logo is shown. They have 64 pixels a
side and are shown with 32, sharp on fine screens. A network without a tile has the neutral one. Nothing is
recorded here, so these answers may be cached.
"""

import re
from importlib import resources

from starlette.requests import Request
from starlette.responses import Response

from estafeta_web import answers

OTHER = "other"  # the tile of every network that has none
HEADERS = {
    "Cache-Control": "public, max-age=604800"
}  # seconds: a week, within which the tiles may be redrawn

_NETWORK = re.compile("[a-z0-9]{1,64}")
_FOLDER = resources.files("estafeta_web") / "icons"
TILES = {file.name.removesuffix(".png"): file.read_bytes() for file in _FOLDER.iterdir()}


async def icon(request: Request) -> Response:
    """Send a tile."""
    network = request.path_params["network"]
    if not _NETWORK.fullmatch(network):
        return answers.not_found()
    return Response(TILES.get(network, TILES[OTHER]), headers=HEADERS, media_type="image/png")

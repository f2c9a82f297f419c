"""The providers' dialects, by the word that configuration files use for them."""

from estafeta_core.dialects.base import Dialect
from estafeta_core.dialects.devino import DEVINO
from estafeta_core.dialects.emitlo import EMITLO
from estafeta_core.dialects.perfit import PERFIT
from estafeta_core.dialects.sparkpost import SPARKPOST
from estafeta_core.dialects.teenvio import TEENVIO

DIALECTS: dict[str, Dialect] = {
    dialect.name: dialect for dialect in (DEVINO, EMITLO, PERFIT, SPARKPOST, TEENVIO)
}

"""The providers' dialects, by the word that configuration files use for them."""

from estafeta_core.dialects.base import Dialect
from estafeta_core.dialects.sparkpost import SPARKPOST

DIALECTS: dict[str, Dialect] = {dialect.name: dialect for dialect in (SPARKPOST,)}

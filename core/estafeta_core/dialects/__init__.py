"""The providers' dialects, by the word that configuration files use for them."""

from estafeta_core.dialects.base import Dialect
from estafeta_core.dialects.brevo import BREVO
from estafeta_core.dialects.devino import DEVINO
from estafeta_core.dialects.emitlo import EMITLO
from estafeta_core.dialects.mailgun import MAILGUN
from estafeta_core.dialects.mailjet import MAILJET
from estafeta_core.dialects.mandrill import MANDRILL
from estafeta_core.dialects.perfit import PERFIT
from estafeta_core.dialects.postmark import POSTMARK
from estafeta_core.dialects.sendgrid import SENDGRID
from estafeta_core.dialects.ses import SES
from estafeta_core.dialects.sparkpost import SPARKPOST
from estafeta_core.dialects.teenvio import TEENVIO

DIALECTS: dict[str, Dialect] = {
    dialect.name: dialect
    for dialect in (
        *(BREVO, DEVINO, EMITLO, MAILGUN, MAILJET, MANDRILL),
        *(PERFIT, POSTMARK, SENDGRID, SES, SPARKPOST, TEENVIO),
    )
}

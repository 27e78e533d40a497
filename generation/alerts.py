"""What operators must know at once: a provider that refuses our key, or whose account is empty.

A row stands from the first refusal until the provider takes something again. Whether one stands is noted in Redis too,
so that a provider that is well costs no query.
"""

import logging
import smtplib

from django.conf import settings
from django.core.mail import send_mail
from django.db.models import F
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from redis.exceptions import RedisError

from accounts.models import User
from config.base.realtime import connection
from generation import breaker
from generation.models import ProviderAlert
from generation.providers.base import AuthFailed, ProviderError, QuotaExceeded

logger = logging.getLogger(__name__)


def _standing(provider: str) -> str:
    return f"darkroom:alert:{provider}"


def sound_for(error: ProviderError, *, provider: str) -> None:
    """Sound the alert when an error is the operators' matter."""
    if isinstance(error, AuthFailed | QuotaExceeded):
        sound(provider=provider, code=error.code, sentence=str(error))


def sound(*, provider: str, code: str, sentence: str) -> None:
    """Note a refusal; the first one is also sent to the operators by mail. Outside of transactions."""
    logger.error("provider %s refuses us: %s", provider, sentence)
    now = timezone.now()
    _alert, is_new = ProviderAlert.objects.get_or_create(
        provider=provider, defaults={"code": code, "sentence": sentence[:300], "first_at": now, "last_at": now}
    )
    try:
        connection().set(_standing(provider), "1")
    except RedisError as error:
        logger.warning("alert of %s not noted: %s", provider, error)
    if is_new:
        _tell_operators(provider, sentence)
    else:
        ProviderAlert.objects.filter(provider=provider).update(
            count=F("count") + 1, last_at=now, code=code, sentence=sentence[:300]
        )


def provider_is_well(provider: str) -> None:
    """It took something: its faults are forgotten, and an alert that stands is over."""
    breaker.succeeded(provider)
    try:
        stood = connection().delete(_standing(provider))
    except RedisError:
        stood = 0
    if stood:
        dismiss(provider)


def dismiss(provider: str) -> None:
    """Take the alert away."""
    ProviderAlert.objects.filter(provider=provider).delete()


def _tell_operators(provider: str, sentence: str) -> None:
    operators = User.objects.filter(is_superuser=True, is_active=True).values_list("email", flat=True)
    text = _(
        "%(provider)s refuses what Darkroom sends: %(sentence)s\n\n"
        "The jobs concerned failed at once and nothing was charged. Look at the key and at the account there: %(url)s"
    ) % {
        "provider": provider,
        "sentence": sentence,
        "url": f"{settings.PUBLIC_URL}{reverse('admin-system')}",
    }
    subject = _("Darkroom: %(provider)s refuses us") % {"provider": provider}
    for email in operators:
        try:
            send_mail(subject, text, None, [email])
        except (smtplib.SMTPException, OSError) as error:
            logger.warning("the alert of %s could not be mailed: %s", provider, error)

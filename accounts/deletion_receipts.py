"""What is left of a deleted account: a receipt with figures and a reference, and one last mail."""

import logging
import secrets
import smtplib
from datetime import datetime, timedelta
from uuid import UUID

import dramatiq
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import ngettext, override
from redis.exceptions import RedisError

from accounts.models import DeletionReceipt, User
from accounts.privacy_mail import tell_of_end
from config.base.crypto import Undecryptable, decrypt

TELL = "accounts.tell_deleted"
QUEUE = "bulk"
# After a mail that did not leave, so long until the next try; and when there is no further one.
MAIL_PAUSE = timedelta(minutes=15)
MAIL_PATIENCE = timedelta(days=3)
BATCH = 50
# Letters and digits that nobody takes for one another.
_LETTERS = "23456789ABCDEFGHJKMNPQRSTVWXYZ"

# What is counted, in the order in which it is told.
_ORDER = (
    "assets",
    "files",
    "jobs",
    "prompts",
    "companies",
    "memberships",
    "addresses",
    "sign_ins",
    "keys",
    "exports",
)

logger = logging.getLogger(__name__)


def open_receipt(*, user: User, now: datetime) -> DeletionReceipt:
    """The receipt of an account that is to be deleted, made once."""
    values = {"reference": _new_reference(), "requested_at": now, "language": user.language}
    receipt, _made = DeletionReceipt.objects.get_or_create(user=user, defaults=values)
    return receipt


def send_tell(receipt_id: UUID) -> None:
    """Ask a worker to send the last mail. A queue that is down is no error: the clock asks again."""
    message: dramatiq.Message[None] = dramatiq.Message(
        queue_name=QUEUE, actor_name=TELL, args=(str(receipt_id),), kwargs={}, options={}
    )
    try:
        dramatiq.get_broker().enqueue(message)
    except (dramatiq.BrokerConnectionError, RedisError) as error:
        logger.warning("receipt %s not sent, the clock will: %s", receipt_id, error)


def tell_deleted(*, receipt_id: UUID) -> None:
    """Send the last mail, unless it has left or somebody sends it now; then forget its address."""
    now = timezone.now()
    free = Q(sending_until=None) | Q(sending_until__lte=now)
    untold = DeletionReceipt.objects.filter(free, pk=receipt_id, told_at=None).exclude(mail_to="")
    if not untold.update(sending_until=now + MAIL_PAUSE):
        return
    receipt = DeletionReceipt.objects.get(pk=receipt_id)
    try:
        tell_of_end(receipt, to=decrypt(receipt.mail_to), lines=lines_of(receipt))
    except (OSError, smtplib.SMTPException):
        logger.exception("The last mail of receipt %s could not be sent; the clock tries again.", receipt.reference)
        return
    except Undecryptable:
        logger.exception("The address of receipt %s cannot be read any more.", receipt.reference)
    DeletionReceipt.objects.filter(pk=receipt_id).update(mail_to="", told_at=timezone.now(), sending_until=None)


def see_to_receipts() -> None:
    """What the clock does: ask again for mails that have not left, and give up those that never will."""
    now = timezone.now()
    untold = DeletionReceipt.objects.exclude(mail_to="")
    untold.filter(finished_at__lte=now - MAIL_PATIENCE).update(mail_to="", sending_until=None)
    stale = untold.filter(Q(sending_until__lte=now) | Q(sending_until=None, finished_at__lte=now - MAIL_PAUSE))
    for receipt_id in stale.order_by("id").values_list("pk", flat=True)[:BATCH]:
        send_tell(receipt_id)


def lines_of(receipt: DeletionReceipt) -> list[str]:
    """How much of what is gone, as phrases in the language of whoever it was; nothing of which there was none."""
    with override(receipt.language or "en"):
        return [_phrase(name, receipt.counts[name]) for name in _ORDER if receipt.counts.get(name)]


def _phrase(name: str, count: int) -> str:
    phrases = {
        "companies": ngettext("%d company of your own", "%d companies of your own", count),
        "assets": ngettext("%d picture, video or 3D model", "%d pictures, videos and 3D models", count),
        "files": ngettext("%d file", "%d files", count),
        "jobs": ngettext("the words of %d job", "the words of %d jobs", count),
        "prompts": ngettext("%d remembered prompt", "%d remembered prompts", count),
        "memberships": ngettext("%d membership in another company", "%d memberships in other companies", count),
        "addresses": ngettext("%d e-mail address", "%d e-mail addresses", count),
        "sign_ins": ngettext("%d way to sign in", "%d ways to sign in", count),
        "keys": ngettext("%d API key", "%d API keys", count),
        "exports": ngettext("%d copy of your data", "%d copies of your data", count),
    }
    return phrases[name] % count


def _new_reference() -> str:
    letters = [secrets.choice(_LETTERS) for _letter in range(10)]
    return f"DR-{''.join(letters[:5])}-{''.join(letters[5:])}"

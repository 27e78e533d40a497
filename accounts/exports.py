"""Copies of everything that is a person's own: asked for, claimed by a worker, ready, fetched, gone.

Every transition is one conditional UPDATE. The queue carries only a hint: the clock sends it again until the copy is
ready and its mail has left, so a message, or a worker, may be lost at any moment.
"""

import logging
from datetime import datetime, timedelta
from uuid import UUID, uuid4

import dramatiq
from django.conf import settings
from django.core.files.storage import default_storage
from django.core.signing import BadSignature, Signer
from django.db import transaction
from django.db.models import Q
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from redis.exceptions import RedisError

from accounts.models import DataExport, User
from accounts.privacy_refusals import ExportGone, ExportNotReady, ExportTooSoon, NoExport
from accounts.services import record_audit

FOLDER = "exports"
MAKE_EXPORT = "accounts.make_export"
QUEUE = "bulk"
# One copy in so long; one that failed does not count.
PAUSE = timedelta(days=1)
# How long a worker that says nothing is believed to live; it says something three times as often.
LEASE = timedelta(seconds=60)
# After a mail that did not leave, so long until the next try.
MAIL_PAUSE = timedelta(minutes=15)
MOST_ATTEMPTS = 5
# A message that nobody answered is sent again after this.
RESEND = timedelta(seconds=60)
# How many rows one turn of the clock sees to.
BATCH = 50

State = DataExport.State
logger = logging.getLogger(__name__)


def request_export(*, user: User, request: HttpRequest | None = None) -> DataExport:
    """Have a copy made, or return the one that is under way. Raises `ExportTooSoon`.

    Of two requests at once one makes the row and the other finds it: whoever asks locks the person's row first.
    """
    now = timezone.now()
    with transaction.atomic():
        User.objects.select_for_update(no_key=True).get(pk=user.pk)
        latest = newest_of(user)
        if latest and latest.is_under_way:
            return latest
        if latest and latest.state != State.FAILED and latest.requested_at > now - PAUSE:
            raise ExportTooSoon(
                _("There is a copy of today already. You can ask for another one a day after it."),
                retry_after=int((latest.requested_at + PAUSE - now).total_seconds()) + 1,
            )
        made = DataExport.objects.create(user=user, requested_at=now, sent_at=now)
        record_audit(actor=user.email, action="export.requested", target=user.email, person=user, request=request)
        transaction.on_commit(lambda: _send(made.pk), robust=True)
    return made


def newest_of(user: User) -> DataExport | None:
    """The last copy that the person asked for, whatever became of it."""
    return DataExport.objects.filter(user=user).order_by("-id").first()


def claim(export_id: UUID) -> DataExport | None:
    """Take a copy that waits, or whose worker has died, and return it with a new token; None: nothing to do."""
    now, token = timezone.now(), uuid4()
    free = Q(state=State.WAITING) | Q(state=State.WORKING, lease_until__lte=now)
    for found in DataExport.objects.filter(free, pk=export_id, attempts__lt=MOST_ATTEMPTS):
        taken = DataExport.objects.filter(free, pk=export_id, attempts=found.attempts).update(
            state=State.WORKING, token=token, lease_until=now + LEASE, attempts=found.attempts + 1
        )
        if taken:
            return DataExport.objects.select_related("user").get(pk=export_id)
    return None


def renew(export: DataExport) -> bool:
    """Say that the worker lives. False: the copy is somebody else's by now, or its person's account is gone."""
    own = DataExport.objects.filter(pk=export.pk, token=export.token, state=State.WORKING)
    return bool(own.update(lease_until=timezone.now() + LEASE))


def finish(export: DataExport, *, key: str, size: int, files: int) -> bool:
    """The copy lies in the storage at `key`. False when it is not this worker's any more: the file is nobody's then."""
    now = timezone.now()
    own = DataExport.objects.filter(pk=export.pk, token=export.token, state=State.WORKING)
    return bool(
        own.update(
            state=State.READY,
            key=key,
            bytes=size,
            files=files,
            finished_at=now,
            expires_at=now + settings.EXPORT_LIFETIME,
            lease_until=None,
        )
    )


def claim_mail(export_id: UUID) -> DataExport | None:
    """Take the writing of the mail that tells that a copy is ready; None when it has left, or somebody writes it."""
    now = timezone.now()
    untold = DataExport.objects.filter(Q(lease_until=None) | Q(lease_until__lte=now), pk=export_id, state=State.READY)
    if not untold.filter(told_at=None, expires_at__gt=now).update(lease_until=now + MAIL_PAUSE):
        return None
    return DataExport.objects.select_related("user").get(pk=export_id)


def note_told(export: DataExport) -> None:
    """The mail has left."""
    DataExport.objects.filter(pk=export.pk).update(told_at=timezone.now(), lease_until=None)


def address_of(export: DataExport) -> str:
    """The path at which the person who asked, signed in, fetches the copy."""
    return reverse("export-file", args=[_signer().sign(str(export.pk))])


def find_by_token(*, user: User, token: str) -> DataExport | None:
    """The person's copy that an address names; None for forged addresses and for whatever is somebody else's."""
    try:
        export_id = UUID(_signer().unsign(token))
    except (BadSignature, ValueError):
        return None
    return DataExport.objects.filter(pk=export_id, user=user).first()


def key_to_fetch(*, user: User, export: DataExport | None, request: HttpRequest) -> str:
    """Where the copy lies, for giving it to its person. Raises `NoExport`, `ExportNotReady`, `ExportGone`."""
    if export is None:
        raise NoExport(_("You have not asked for a copy of your data yet."))
    if export.is_under_way:
        raise ExportNotReady(_("The copy is still being made. A mail tells you when it is ready."), retry_after=60)
    if export.state == State.FAILED:
        raise ExportGone(_("This copy could not be made. Ask for a new one on your profile."))
    if not _is_whole(export, timezone.now()):
        raise ExportGone(_("This copy is gone: each is kept for seven days. Ask for a new one on your profile."))
    record_audit(actor=user.email, action="export.fetched", target=user.email, person=user, request=request)
    return export.key


def is_export(key: str) -> bool:
    """Whether a stored file is a copy that can be fetched."""
    return key.startswith(f"{FOLDER}/") and DataExport.objects.filter(key=key).exists()


def see_to_exports() -> None:
    """What the clock does: send what was lost again, give up what fails, take away what is over its time."""
    now = timezone.now()
    lost = Q(state=State.WORKING, lease_until__lte=now)
    failing = DataExport.objects.filter(lost, attempts__gte=MOST_ATTEMPTS)
    if failing.update(state=State.FAILED, finished_at=now, lease_until=None):
        logger.error("A copy of a person's data could not be made; the worker's log says why.")
    untold = Q(state=State.READY, told_at=None, expires_at__gt=now)
    waiting = lost | Q(state=State.WAITING) | (untold & (Q(lease_until=None) | Q(lease_until__lte=now)))
    stale = Q(sent_at=None) | Q(sent_at__lte=now - RESEND)
    for export_id in DataExport.objects.filter(waiting, stale).order_by("id").values_list("pk", flat=True)[:BATCH]:
        if DataExport.objects.filter(stale, pk=export_id).update(sent_at=now):
            _send(export_id)
    remove_expired(now)


def remove_expired(now: datetime) -> int:
    """Take copies away whose time is over; returns how many. First nobody can fetch them, then their files go."""
    DataExport.objects.filter(state=State.READY, expires_at__lte=now).update(state=State.GONE)
    gone = list(DataExport.objects.filter(state=State.GONE).exclude(key="").order_by("id")[:BATCH])
    for export in gone:
        default_storage.delete(export.key)
        DataExport.objects.filter(pk=export.pk, state=State.GONE).update(key="")
    return len(gone)


def _is_whole(export: DataExport, now: datetime) -> bool:
    return export.state == State.READY and export.expires_at is not None and export.expires_at > now


def _send(export_id: UUID) -> None:
    message: dramatiq.Message[None] = dramatiq.Message(
        queue_name=QUEUE, actor_name=MAKE_EXPORT, args=(str(export_id),), kwargs={}, options={}
    )
    try:
        dramatiq.get_broker().enqueue(message)
    except (dramatiq.BrokerConnectionError, RedisError) as error:
        logger.warning("export %s not sent, the clock will: %s", export_id, error)


def _signer() -> Signer:
    return Signer(salt="accounts.exports")

"""What accounts keep encrypted, under the newest key: second factors, and addresses that a last mail still goes to."""

from typing import Any
from uuid import UUID

from allauth.mfa.models import Authenticator

from accounts.models import DeletionReceipt
from config.base.rotation import Rotation, renewed, rotate_rows

# What allauth keeps encrypted in an authenticator's data.
_TOKENS = ("secret", "seed")
_LISTS = ("migrated_codes",)


def rotate_second_factors() -> Rotation:
    """Encrypt them anew; a code that is used at this moment stays used."""
    kinds = (Authenticator.Type.TOTP, Authenticator.Type.RECOVERY_CODES)
    keys = Authenticator.objects.filter(type__in=kinds).order_by("pk").values_list("pk", flat=True)
    return rotate_rows("second factor", list(keys), read=_read_factor, renew=_renewed_factor, write=_write_factor)


def rotate_receipts() -> Rotation:
    """Encrypt addresses of deletion receipts anew; one whose mail leaves at this moment stays empty."""
    keys = DeletionReceipt.objects.exclude(mail_to="").order_by("pk").values_list("pk", flat=True)
    return rotate_rows("deletion receipt", list(keys), read=_read_receipt, renew=renewed, write=_write_receipt)


def _read_factor(key: int) -> dict[str, Any] | None:
    data: dict[str, Any] | None = Authenticator.objects.filter(pk=key).values_list("data", flat=True).first()
    return data


def _renewed_factor(data: dict[str, Any]) -> dict[str, Any]:
    after = dict(data)
    for name in _TOKENS:
        if isinstance(data.get(name), str):
            after[name] = renewed(data[name])
    for name in _LISTS:
        if isinstance(data.get(name), list):
            after[name] = [renewed(token) for token in data[name]]
    return after


def _write_factor(key: int, before: dict[str, Any], after: dict[str, Any]) -> int:
    changed: int = Authenticator.objects.filter(pk=key, data=before).update(data=after)
    return changed


def _read_receipt(key: UUID) -> str | None:
    return DeletionReceipt.objects.filter(pk=key).values_list("mail_to", flat=True).first()


def _write_receipt(key: UUID, before: str, after: str) -> int:
    return DeletionReceipt.objects.filter(pk=key, mail_to=before).update(mail_to=after)

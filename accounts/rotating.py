"""Secrets of second factors under the newest key: of authenticator apps, and what recovery codes are made of."""

from typing import Any

from allauth.mfa.models import Authenticator

from config.base.rotation import Rotation, renewed, rotate_rows

# What allauth keeps encrypted in an authenticator's data.
_TOKENS = ("secret", "seed")
_LISTS = ("migrated_codes",)


def rotate_second_factors() -> Rotation:
    """Encrypt them anew; a code that is used at this moment stays used."""
    kinds = (Authenticator.Type.TOTP, Authenticator.Type.RECOVERY_CODES)
    keys = Authenticator.objects.filter(type__in=kinds).order_by("pk").values_list("pk", flat=True)
    return rotate_rows("second factor", list(keys), read=_read, renew=_renewed, write=_write)


def _read(key: int) -> dict[str, Any] | None:
    data: dict[str, Any] | None = Authenticator.objects.filter(pk=key).values_list("data", flat=True).first()
    return data


def _renewed(data: dict[str, Any]) -> dict[str, Any]:
    after = dict(data)
    for name in _TOKENS:
        if isinstance(data.get(name), str):
            after[name] = renewed(data[name])
    for name in _LISTS:
        if isinstance(data.get(name), list):
            after[name] = [renewed(token) for token in data[name]]
    return after


def _write(key: int, before: dict[str, Any], after: dict[str, Any]) -> int:
    changed: int = Authenticator.objects.filter(pk=key, data=before).update(data=after)
    return changed

"""Keys of custom providers under the newest key of ours."""

from uuid import UUID

from config.base.rotation import Rotation, renewed, rotate_rows
from generation.models import CustomProvider


def rotate_provider_keys() -> Rotation:
    """Encrypt them anew."""
    keys = CustomProvider.objects.exclude(key_encrypted="").order_by("pk").values_list("pk", flat=True)
    return rotate_rows("key of custom provider", list(keys), read=_read, renew=renewed, write=_write)


def _read(key: UUID) -> str | None:
    return CustomProvider.objects.filter(pk=key).values_list("key_encrypted", flat=True).first()


def _write(key: UUID, before: str, after: str) -> int:
    return CustomProvider.objects.filter(pk=key, key_encrypted=before).update(key_encrypted=after)

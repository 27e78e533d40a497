"""Giving the ZIP of an export to its person, the way that other files leave: by the bucket, the server or ourselves."""

import time
from typing import Any
from urllib.parse import quote

from django.conf import settings
from django.core.files.storage import default_storage
from django.http import FileResponse, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.utils.http import content_disposition_header
from django.utils.translation import gettext as _

from accounts.models import DataExport
from accounts.privacy_refusals import ExportGone

# Seconds for which the bucket's own address works: long enough to begin.
DIRECT_SECONDS = 300


def answer_with_export(export: DataExport, key: str) -> HttpResponseBase:
    """The file that lies at `key`, to be saved. Raises `ExportGone`."""
    name = f"darkroom-{export.requested_at:%Y-%m-%d}.zip"
    disposition = content_disposition_header(True, name) or "attachment"
    response: HttpResponseBase
    if settings.FILES_DIRECT:
        bucket: Any = default_storage
        until = int(time.time()) + DIRECT_SECONDS
        response = redirect(bucket.signed_url(key, expires_at=until, seconds=DIRECT_SECONDS, disposition=disposition))
    elif settings.FILES_ACCEL_PREFIX:
        response = HttpResponse(content_type="application/zip")
        response.headers["X-Accel-Redirect"] = f"{settings.FILES_ACCEL_PREFIX}/{quote(key)}"
    else:
        try:
            response = FileResponse(default_storage.open(key), content_type="application/zip")
        except FileNotFoundError:
            raise ExportGone(_("This copy is gone. Ask for a new one on your profile.")) from None
    response.headers["Content-Disposition"] = disposition
    response.headers["Cache-Control"] = "private, no-store"
    return response

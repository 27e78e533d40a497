"""Files by their signed addresses. No session, no row: the signature says everything."""

import time
from hashlib import sha256
from urllib.parse import quote

from django.conf import settings
from django.core.files.storage import default_storage
from django.core.signing import BadSignature
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils.cache import get_conditional_response
from django.utils.http import content_disposition_header
from django.views.decorators.http import require_safe

from config.base import limits
from gallery.byte_ranges import Part, Unsatisfiable, read_range
from gallery.delivery import Address, AddressExpired, read_address
from gallery.files import MIMES

# A picture can do nothing, whatever it holds; the inline style is what browsers draw a lone picture with.
POLICY = "default-src 'none'; style-src 'unsafe-inline'; sandbox"


@require_safe
def file(request: HttpRequest, token: str, name: str) -> HttpResponseBase:
    """Give a file, or a part of it, to whoever holds its address.

    404 when the address is not ours or its file is gone, 410 when its time is over, 304 to who has it already.
    """
    try:
        address = read_address(token, name)
    except BadSignature:
        raise Http404 from None
    except AddressExpired:
        return render(request, "gallery/file_expired.html", status=410)
    if address.is_download:
        limits.count(request, "downloads")
    mime = MIMES.get(address.key.rpartition(".")[2])
    if mime is None:
        raise Http404
    # A key is written before anybody is given its address and never again after that: it names its content.
    etag = f'"{sha256(address.key.encode()).hexdigest()[:32]}"'
    response: HttpResponseBase | None = get_conditional_response(request, etag=etag)
    if response is None:
        response = _by_server(address) if settings.FILES_ACCEL_PREFIX else _by_us(request, address, etag)
    if response.status_code in (200, 206):
        response.headers["Content-Type"] = mime
        disposition = content_disposition_header(address.is_download, name)
        if disposition:
            response.headers["Content-Disposition"] = disposition
    _set_headers(response, address, etag)
    return response


def _by_server(address: Address) -> HttpResponse:
    """Let the server in front read the file, from a place that only we can send it to; it sees to ranges as well."""
    response = HttpResponse()
    response.headers["X-Accel-Redirect"] = f"{settings.FILES_ACCEL_PREFIX}/{quote(address.key)}"
    return response


def _by_us(request: HttpRequest, address: Address, etag: str) -> HttpResponseBase:
    try:
        content = default_storage.open(address.key)
    except FileNotFoundError:
        raise Http404 from None
    size = content.size
    try:
        # `If-Range`: a part only of what the asker has the other part of. We give no dates, so a date never matches.
        is_same = request.headers.get("If-Range", etag) == etag
        part = read_range(request.headers.get("Range", ""), size) if request.method == "GET" and is_same else None
    except Unsatisfiable:
        content.close()
        return HttpResponse(status=416, headers={"Content-Range": f"bytes */{size}"})
    if part is None:
        return FileResponse(content)
    response = FileResponse(Part(content, part), status=206)
    response.headers["Content-Length"] = str(part.length)
    response.headers["Content-Range"] = f"bytes {part.first}-{part.last}/{size}"
    return response


def _set_headers(response: HttpResponseBase, address: Address, etag: str) -> None:
    left = max(0, address.expires_at - int(time.time()))
    # Between us and the browser may be a cache of our own choice (CDN_URL), which knows the address as its viewer does.
    whose = "public" if settings.CDN_URL else "private"
    response.headers["Cache-Control"] = f"{whose}, max-age={left}, immutable"
    response.headers["ETag"] = etag
    response.headers["Accept-Ranges"] = "bytes"
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Content-Security-Policy"] = POLICY

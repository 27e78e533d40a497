"""Files by their signed addresses. No session, no row: the signature says everything."""

import time

from django.core.files.storage import default_storage
from django.core.signing import BadSignature
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.views.decorators.http import require_safe

from gallery.delivery import AddressExpired, read_address
from gallery.files import MIMES

# A picture can do nothing, whatever it holds; the inline style is what browsers draw a lone picture with.
POLICY = "default-src 'none'; style-src 'unsafe-inline'; sandbox"


@require_safe
def file(request: HttpRequest, token: str, name: str) -> HttpResponseBase:
    """Give a file to whoever holds its address: 404 when the address is not ours, 410 when its time is over."""
    try:
        address = read_address(token, name)
    except BadSignature:
        raise Http404 from None
    except AddressExpired:
        return _expired(request)
    mime = MIMES.get(address.key.rpartition(".")[2])
    if mime is None:
        raise Http404
    try:
        content = default_storage.open(address.key)
    except FileNotFoundError:
        raise Http404 from None
    response = FileResponse(content, as_attachment=address.is_download, filename=name, content_type=mime)
    left = max(0, address.expires_at - int(time.time()))
    response.headers["Cache-Control"] = f"private, max-age={left}, immutable"
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Content-Security-Policy"] = POLICY
    return response


def _expired(request: HttpRequest) -> HttpResponse:
    return render(request, "gallery/file_expired.html", status=410)

"""Whom to tell of a hole: /.well-known/security.txt (RFC 9116)."""

from datetime import UTC, datetime, time, timedelta

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_safe

_SCHEMES = ("mailto:", "https:", "tel:")


@cache_control(public=True, max_age=24 * 60 * 60)
@require_safe
def security_txt(request: HttpRequest) -> HttpResponse:
    """The file; 404 while no contact is set, and once it is out of date: nobody may rely on it then."""
    last = settings.SECURITY_EXPIRES
    if not settings.SECURITY_CONTACT or last is None:
        raise Http404
    expires = datetime.combine(last + timedelta(days=1), time.min, UTC)
    if expires <= datetime.now(UTC):
        raise Http404
    lines = [f"Contact: {_address(contact)}" for contact in settings.SECURITY_CONTACT]
    lines += [
        f"Expires: {expires:%Y-%m-%dT%H:%M:%SZ}",
        "Preferred-Languages: en",
        f"Canonical: {settings.PUBLIC_URL}{request.path}",
    ]
    if settings.SECURITY_POLICY_URL:
        lines.append(f"Policy: {settings.SECURITY_POLICY_URL}")
    return HttpResponse("\n".join(lines) + "\n", content_type="text/plain; charset=utf-8")


def _address(contact: str) -> str:
    """A contact is an address with its scheme; a bare one is taken for mail."""
    return contact if contact.startswith(_SCHEMES) else f"mailto:{contact}"

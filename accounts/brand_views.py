"""A company's look, as its people's browsers fetch it: the mark, and a style sheet with the accent."""

from django.contrib.auth.decorators import login_required
from django.core.files.storage import default_storage
from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from accounts.viewer import viewer_of

A_YEAR = 365 * 24 * 60 * 60


@login_required
@require_safe
def logo(request: HttpRequest) -> HttpResponse:
    """The mark of the company that one acts for. Its address changes with it, so it is kept for long."""
    company = viewer_of(request).company
    if not company.is_branded or not company.logo_key:
        raise Http404
    try:
        with default_storage.open(company.logo_key) as file:
            content = file.read()
    except FileNotFoundError:
        raise Http404 from None
    return HttpResponse(
        content, content_type="image/webp", headers={"Cache-Control": f"private, max-age={A_YEAR}, immutable"}
    )


@login_required
@require_safe
def brand_css(request: HttpRequest) -> HttpResponse:
    """The company's accent in place of the amber, for people who want no more contrast than that."""
    company = viewer_of(request).company
    accent = company.accent if company.is_branded else ""
    text = _CSS % {"accent": accent} if accent else ""
    return HttpResponse(
        text, content_type="text/css; charset=utf-8", headers={"Cache-Control": f"private, max-age={A_YEAR}"}
    )


# Only `#rrggbb` ever gets in. Fills are mixed so dark that white can be read on the lightest of them.
_CSS = """@media not (prefers-contrast: more) {
  :root {
    --amber: %(accent)s;
    --amber-soft: color-mix(in oklab, %(accent)s 85%%, white);
    --amber-tint: color-mix(in srgb, %(accent)s 12%%, transparent);
    --surface-active: color-mix(in srgb, %(accent)s 13%%, transparent);
    --ground-glow: color-mix(in srgb, %(accent)s 14%%, transparent);
    --primary: color-mix(in oklab, %(accent)s 40%%, black);
    --primary-hover: color-mix(in oklab, %(accent)s 46%%, black);
    --primary-edge: color-mix(in oklab, %(accent)s 88%%, black);
  }
}
"""

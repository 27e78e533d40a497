"""What every answer tells browsers to refuse, and what we refuse to read ourselves."""

from collections.abc import Callable

from django.conf import settings
from django.contrib.auth import SESSION_KEY
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _

from config.base.refusal import Refusal
from config.base.refusal_pages import refuse

# Nothing that the product's pages use is missing here; a page that comes to need one names it.
PERMISSIONS = ", ".join(
    [
        *(
            f"{name}=()"
            for name in (
                "accelerometer",
                "autoplay",
                "browsing-topics",
                "camera",
                "display-capture",
                "geolocation",
                "gyroscope",
                "hid",
                "interest-cohort",
                "magnetometer",
                "microphone",
                "midi",
                "payment",
                "serial",
                "usb",
            )
        ),
        "clipboard-write=(self)",
        "fullscreen=(self)",
    ]
)


class HeadersMiddleware:
    """Adds Permissions-Policy, keeps private answers out of every cache, and loosens the Content-Security-Policy on the
    few paths that have an exception.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        response.headers.setdefault("Permissions-Policy", PERMISSIONS)
        if "Cache-Control" not in response.headers and _is_private(request):
            response.headers["Cache-Control"] = "private, no-store"
        for prefix, directives in settings.CSP_EXCEPTIONS.items():
            if request.path_info.startswith(prefix):
                response._csp_update = directives  # type: ignore[attr-defined]
        return response


def _is_private(request: HttpRequest) -> bool:
    """Whether the answer may hold what is one person's: it was asked for with a session, a token or a key."""
    session = getattr(request, "session", None)
    return "Authorization" in request.headers or (session is not None and SESSION_KEY in session)


class BodyTooLarge(Refusal):
    """More was announced than we read; nothing of it was read."""

    code = "body_too_large"
    status = 413


class BodyLimitMiddleware:
    """Refuses a body by its announced length. A body without one is not read at all, as Django has it."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        announced = request.META.get("CONTENT_LENGTH") or "0"
        is_form = request.content_type == "multipart/form-data"
        limit = settings.UPLOAD_BODY_MAX_BYTES if is_form else settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        if announced.isdecimal() and int(announced) <= limit:
            return self.get_response(request)
        sentence = _("This is too large to send: up to %(limit)d MB are taken at once.") % {"limit": limit >> 20}
        return refuse(request, BodyTooLarge(sentence))

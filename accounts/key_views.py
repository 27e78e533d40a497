"""The page of API keys: what there is, making one, revoking one. A secret is shown by the answer that made it, once."""

from typing import Any
from uuid import UUID, uuid4

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.cache import cache
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from accounts.key_forms import KeyForm
from accounts.keys import create_key, get_key, has_api, keys_visible_to, revoke_key
from accounts.models import ApiKey
from accounts.refusals import PlanRequired
from accounts.viewer import Viewer, reader_of, viewer_of
from config.base.refusal import Refusal

KEYS_SHOWN = 50
# How long a form that was sent is remembered, so that a reload does not send it again.
_SENT_SECONDS = 24 * 60 * 60


@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def keys(request: HttpRequest) -> HttpResponse:
    """The viewer's keys; POST makes one and shows its secret."""
    viewer = viewer_of(request)
    if request.method != "POST":
        return _page(request, viewer, form=_fresh_form(viewer))
    form = KeyForm(request.POST, is_admin=viewer.is_admin)
    if not form.is_valid():
        return _page(request, viewer, form=form, status=422)
    name = f"key-form:{viewer.user.pk}:{form.cleaned_data['once']}"
    if not cache.add(name, 1, timeout=_SENT_SECONDS):
        messages.info(request, _("This form was sent before: its key is in the list. A secret is shown only once."))
        return redirect("keys")
    try:
        key, secret = create_key(viewer=viewer, request=request, **form.values())
    except Refusal as refusal:
        cache.delete(name)
        if not isinstance(refusal, PlanRequired):
            form.add_error(refusal.field if refusal.field in form.fields else None, refusal.sentence)
        return _page(request, viewer, form=form, status=refusal.status)
    return _page(request, viewer, form=_fresh_form(viewer), made=key, secret=secret)


@login_required
@require_POST
def revoke(request: HttpRequest, key_id: UUID) -> HttpResponse:
    """End one key."""
    viewer = reader_of(request)
    key = get_key(viewer, key_id)
    if revoke_key(viewer=viewer, key=key, request=request):
        messages.success(request, _("“%(name)s” is revoked: it opens nothing any more.") % {"name": key.name})
    return redirect("keys")


def _fresh_form(viewer: Viewer) -> KeyForm:
    initial = {"scopes": [ApiKey.Scope.READ, ApiKey.Scope.GENERATE], "lives": "90", "once": uuid4()}
    return KeyForm(initial=initial, is_admin=viewer.is_admin)


def _page(
    request: HttpRequest,
    viewer: Viewer,
    *,
    form: KeyForm,
    status: int = 200,
    made: ApiKey | None = None,
    secret: str = "",
) -> HttpResponse:
    page = Paginator(keys_visible_to(viewer), KEYS_SHOWN).get_page(request.GET.get("page"))
    context: dict[str, Any] = {
        "viewer": viewer,
        "form": form,
        "page": page,
        "now": timezone.now(),
        "has_api": has_api(viewer.company),
        "made": made,
        "secret": secret,
        "samples": _samples(made, secret) if made else [],
    }
    return render(request, "accounts/api_keys.html", context, status=status)


def _samples(key: ApiKey, secret: str) -> list[dict[str, str]]:
    """The first request with the key, ready to run: nothing but the secret and our own address stands in them."""
    route = "api-keys" if key.scopes == [ApiKey.Scope.MANAGE] else "api-jobs"
    url = f"{settings.PUBLIC_URL}{reverse(route)}"
    texts = _MAKES if ApiKey.Scope.GENERATE in key.scopes else _LOOKS
    return [{"name": name, "text": text % {"url": url, "secret": secret}} for name, text in texts]


_LOOKS = [
    ("curl", """curl -H "Authorization: Token %(secret)s" \\\n  %(url)s"""),
    (
        "Python",
        """import json
import urllib.request

request = urllib.request.Request(
    "%(url)s",
    headers={"Authorization": "Token %(secret)s"},
)
with urllib.request.urlopen(request) as answer:
    print(json.load(answer))""",
    ),
    (
        "JavaScript",
        """fetch("%(url)s", {
  headers: {Authorization: "Token %(secret)s"},
})
  .then((answer) => answer.json())
  .then(console.log);""",
    ),
]
_MAKES = [
    (
        "curl",
        """curl -H "Authorization: Token %(secret)s" \\
  -H "Content-Type: application/json" \\
  -d '{"model": "studio-scenes", "prompt": "a lighthouse at dusk"}' \\
  %(url)s""",
    ),
    (
        "Python",
        """import json
import urllib.request

request = urllib.request.Request(
    "%(url)s",
    data=json.dumps({"model": "studio-scenes", "prompt": "a lighthouse at dusk"}).encode(),
    headers={
        "Authorization": "Token %(secret)s",
        "Content-Type": "application/json",
    },
)
with urllib.request.urlopen(request) as answer:
    print(json.load(answer))""",
    ),
    (
        "JavaScript",
        """fetch("%(url)s", {
  method: "POST",
  headers: {
    Authorization: "Token %(secret)s",
    "Content-Type": "application/json",
  },
  body: JSON.stringify({model: "studio-scenes", prompt: "a lighthouse at dusk"}),
})
  .then((answer) => answer.json())
  .then(console.log);""",
    ),
]

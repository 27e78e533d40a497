"""The page that fetches a picture from an address and goes on to make something of it."""

from typing import Any

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.http import require_http_methods

from accounts.viewer import viewer_of
from billing.storage import StorageFull
from config.base import limits
from gallery.services import UploadRefused, import_picture


@login_required
@require_http_methods(["GET", "POST"])
def import_page(request: HttpRequest) -> HttpResponse:
    """Ask for an address; on POST fetch it and lead to Generate with the picture. 404 where fetching is off."""
    viewer = viewer_of(request)
    if not settings.IMPORT_ALLOWED_HOSTS:
        raise Http404
    data = request.POST or request.GET
    context: dict[str, Any] = {
        "task": data.get("task", ""),
        "model": data.get("model", ""),
        "url": data.get("url", "").strip(),
        "hosts": settings.IMPORT_ALLOWED_HOSTS,
        "upload_limit": settings.UPLOAD_MAX_BYTES,
    }
    if request.method == "GET":
        return render(request, "gallery/import.html", context)
    limits.count(request, "uploads")
    try:
        asset = import_picture(viewer=viewer, url=context["url"])
    except (UploadRefused, StorageFull) as refusal:
        return render(request, "gallery/import.html", context | {"refusal": refusal}, status=refusal.status)
    query = {"task": context["task"], "model": context["model"], "input": asset.pk}
    return redirect(f"{reverse('generate')}?{urlencode(query)}")

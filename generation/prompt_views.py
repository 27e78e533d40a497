"""The tools beside the prompt: history, completions, a surprise, the enhancer. Fragments and JSON for the page's
script; history and surprise are plain pages and links as well.
"""

from urllib.parse import urlencode
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST
from django.views.decorators.vary import vary_on_headers

from accounts.viewer import Viewer, reader_of, viewer_of
from config.base import limits
from config.base.refusal import Refusal
from generation.prompting import history
from generation.prompting.enhancer import RULES, Enhanced, enhance
from generation.prompting.random_prompt import random_prompt

SHOWN = 20
# More than a prompt may have need not be looked for.
QUERY_LENGTH = 400


def _is_fragment(request: HttpRequest) -> bool:
    return request.headers.get("HX-Request") == "true"


def _model_slug(request: HttpRequest) -> str:
    """The model that is chosen on the page, so that a link back keeps it."""
    return (request.POST or request.GET).get("model", "")[:80]


def _back(prompt: str, model: str) -> str:
    """The Generate page with a prompt in it."""
    query = {name: value for name, value in (("model", model), ("prompt", prompt)) if value}
    return f"{reverse('generate')}?{urlencode(query)}"


def _show_history(request: HttpRequest, viewer: Viewer) -> HttpResponse:
    model = _model_slug(request)
    uses = history.recent(viewer, SHOWN)
    context = {"uses": [(use, _back(use.prompt, model)) for use in uses], "model_slug": model}
    return render(request, f"generation/prompt_history.html{'#list' if _is_fragment(request) else ''}", context)


@login_required
@require_GET
@never_cache
@vary_on_headers("HX-Request")
def history_page(request: HttpRequest) -> HttpResponse:
    """The viewer's last prompts, each a link that puts it into the composer. For the script, the list alone."""
    return _show_history(request, viewer_of(request))


@login_required
@require_POST
def forget(request: HttpRequest, use_id: UUID) -> HttpResponse:
    """Take one prompt out of the history."""
    viewer = reader_of(request)
    if not history.forget(viewer, use_id):
        raise Http404
    return _after_forgetting(request, viewer)


@login_required
@require_POST
def forget_all(request: HttpRequest) -> HttpResponse:
    """Empty the viewer's history in this company."""
    viewer = reader_of(request)
    history.forget_all(viewer)
    return _after_forgetting(request, viewer)


def _after_forgetting(request: HttpRequest, viewer: Viewer) -> HttpResponse:
    if _is_fragment(request):
        return _show_history(request, viewer)
    return redirect(f"{reverse('prompt-history')}?{urlencode({'model': _model_slug(request)})}")


@login_required
@require_GET
@never_cache
def complete(request: HttpRequest) -> HttpResponse:
    """`?q=`: options of a listbox, from the viewer's own prompts; nothing when none fits."""
    viewer = viewer_of(request)
    limits.count(request, "completions")
    text = request.GET.get("q", "")
    found = history.completions(viewer, text) if len(text) <= QUERY_LENGTH else []
    return render(request, "generation/_prompt_options.html", {"completions": found})


@login_required
@require_GET
@never_cache
@vary_on_headers("Accept")
def surprise(request: HttpRequest) -> HttpResponse:
    """A random prompt: JSON for the script, else the Generate page with it."""
    prompt = random_prompt()
    if "application/json" in request.headers.get("Accept", ""):
        return JsonResponse({"prompt": prompt})
    return redirect(_back(prompt, _model_slug(request)))


@login_required
@require_POST
def enhance_words(request: HttpRequest) -> HttpResponse:
    """The posted `prompt` with more to it: JSON of `prompt`, `by` and a `note` for people; refusals have `detail`."""
    viewer_of(request)
    prompt = request.POST.get("prompt", "")
    try:
        limits.count(request, "enhance")
        enhanced = enhance(prompt)
    except Refusal as refusal:
        answer = JsonResponse({"detail": refusal.sentence, "code": refusal.problem_code}, status=refusal.status)
        if refusal.retry_after is not None:
            answer.headers["Retry-After"] = str(refusal.retry_after)
        return answer
    return JsonResponse({"prompt": enhanced.text, "by": enhanced.by, "note": _note(enhanced, prompt)})


def _note(enhanced: Enhanced, prompt: str) -> str:
    if enhanced.text == prompt.strip():
        return _("Your prompt says it all already; nothing was added.")
    if enhanced.by == RULES:
        return _("Details were added after your words.")
    return _("Rewritten by a language model.")

"""The company's audit log as a page and as a file."""

import csv
import io
from collections.abc import Iterator
from datetime import UTC
from typing import Any
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from accounts.audit_forms import AuditFilterForm
from accounts.audit_selectors import Page, entries_visible_to, matching, page_of
from accounts.audit_words import sentence_of
from accounts.company_refusals import NotAllowed
from accounts.company_selectors import memberships_in
from accounts.models import AuditEntry
from accounts.viewer import Viewer, viewer_of

# More than that is asked for in parts, by dates.
MOST_IN_A_FILE = 50_000
# As many names as a list of suggestions is good for.
PEOPLE_SUGGESTED = 200
_CHUNK = 500
_COLUMNS = ("at", "actor", "operator", "action", "target", "sentence", "address", "agent", "id")
# With one of these a cell is a formula to the programs that open such files.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


@never_cache
@login_required
@require_safe
def audit(request: HttpRequest) -> HttpResponse:
    """Who did what in the company, when and from where; `?before=` goes on from an entry."""
    viewer = _who_runs(request)
    before = _place(request)
    form = AuditFilterForm(request.GET)
    found = Page(rows=[], older=None)
    if form.is_valid():
        found = page_of(matching(entries_visible_to(viewer), form.wanted), before=before)
    query = request.GET.copy()
    query.pop("before", None)
    context: dict[str, Any] = {
        "company": viewer.company,
        "form": form,
        "page": found,
        "is_newest": before is None,
        "is_filtered": any(query.values()),
        "query": query.urlencode(),
        "people": [place.user.email for place in memberships_in(viewer.company)[:PEOPLE_SUGGESTED]],
    }
    return render(request, "accounts/audit.html", context, status=422 if form.errors else 200)


@never_cache
@login_required
@require_safe
def audit_csv(request: HttpRequest) -> HttpResponse | StreamingHttpResponse:
    """The same as a file, the newest first. Filters that are wrong lead to the page that says so."""
    viewer = _who_runs(request)
    form = AuditFilterForm(request.GET)
    if not form.is_valid():
        return audit(request)
    entries = matching(entries_visible_to(viewer), form.wanted)
    name = f"audit-{viewer.company.slug}-{timezone.localdate():%Y-%m-%d}.csv"
    return StreamingHttpResponse(
        _lines(entries),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


def _lines(entries: QuerySet[AuditEntry]) -> Iterator[str]:
    """The file, read in chunks by key: no transaction is held open for as long as somebody's network takes."""
    yield "\ufeff" + _line(_COLUMNS)
    last: UUID | None = None
    for _turn in range(MOST_IN_A_FILE // _CHUNK):
        rows = list((entries if last is None else entries.filter(pk__lt=last))[:_CHUNK])
        yield "".join(_line(_cells(entry)) for entry in rows)
        if len(rows) < _CHUNK:
            break
        last = rows[-1].pk


def _cells(entry: AuditEntry) -> tuple[str, ...]:
    return (
        entry.at.astimezone(UTC).isoformat(timespec="seconds"),
        entry.actor,
        entry.operator,
        entry.action,
        entry.target,
        sentence_of(entry),
        entry.address or "",
        entry.agent,
        str(entry.pk),
    )


def _line(cells: tuple[str, ...]) -> str:
    file = io.StringIO()
    csv.writer(file).writerow([f"'{cell}" if cell.startswith(_FORMULA) else cell for cell in cells])
    return file.getvalue()


def _who_runs(request: HttpRequest) -> Viewer:
    viewer = viewer_of(request)
    if not viewer.is_admin:
        raise NotAllowed(_("Only owners and admins of the company can read its audit log."))
    return viewer


def _place(request: HttpRequest) -> UUID | None:
    before = request.GET.get("before", "")
    try:
        return UUID(before) if before else None
    except ValueError as error:
        raise Http404 from error

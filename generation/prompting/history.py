"""The prompts that a person used in a company: to find again, and to complete what is typed."""

import hashlib
from datetime import datetime
from functools import reduce
from operator import and_
from uuid import UUID

from django.db import connection
from django.db.models import Case, IntegerField, Q, QuerySet, Value, When
from django.utils import timezone

from accounts.viewer import Viewer
from config.base.ids import uuid7
from generation.models import PromptUse

# How many prompts of a person and company are kept.
KEPT = 500
# Fewer letters would match nearly everything.
SHORTEST = 2
WORDS_COMPARED = 8

# The row is written, or counted up, and what is older than the newest 500 goes, in one statement. Both halves see the
# table as it was before: hence the newest 499 beside the row itself. Rows that another statement deletes are skipped.
_NOTE = """
WITH noted AS (
  INSERT INTO {table} AS kept (id, company_id, user_id, prompt, digest, count, last_used_at)
  VALUES (%(id)s, %(company)s, %(user)s, %(prompt)s, %(digest)s, 1, %(now)s)
  ON CONFLICT (user_id, company_id, digest)
  DO UPDATE SET count = kept.count + 1, last_used_at = GREATEST(kept.last_used_at, EXCLUDED.last_used_at)
)
DELETE FROM {table} WHERE id IN (
  SELECT id FROM {table}
  WHERE user_id = %(user)s AND company_id = %(company)s AND digest <> %(digest)s
  ORDER BY last_used_at DESC, id DESC OFFSET %(others)s
  FOR UPDATE SKIP LOCKED
)
"""


def note_use(*, viewer: Viewer, prompt: str) -> None:
    """Remember that the viewer used a prompt now. An empty one is nothing to remember. One statement."""
    prompt = prompt.replace("\x00", "").strip()
    if not prompt:
        return
    values: dict[str, UUID | str | int | datetime] = {
        "id": uuid7(),
        "company": viewer.company.pk,
        "user": viewer.user.pk,
        "prompt": prompt,
        "digest": hashlib.sha256(prompt.encode()).hexdigest(),
        "now": timezone.now(),
        "others": KEPT - 1,
    }
    with connection.cursor() as cursor:
        cursor.execute(_NOTE.format(table=PromptUse._meta.db_table), values)


def uses_of(viewer: Viewer) -> QuerySet[PromptUse]:
    """The viewer's own prompts in the company that they act for, last used first."""
    return PromptUse.objects.filter(user=viewer.user, company=viewer.company).order_by("-last_used_at", "-id")


def recent(viewer: Viewer, limit: int = 20) -> list[PromptUse]:
    """The newest of the viewer's prompts."""
    return list(uses_of(viewer)[:limit])


def completions(viewer: Viewer, text: str, limit: int = 6) -> list[str]:
    """Own prompts that go on as `text` begins, then those that hold all its words; newest first in each.

    Looks at the viewer's own rows alone, of which there are 500 at most.
    """
    text = text.replace("\x00", "").strip()
    if len(text) < SHORTEST:
        return []
    begins = Q(prompt__istartswith=text)
    holds = reduce(and_, (Q(prompt__icontains=word) for word in text.split()[:WORDS_COMPARED]))
    rank = Case(When(begins, then=Value(0)), default=Value(1), output_field=IntegerField())
    found = uses_of(viewer).filter(begins | holds).exclude(prompt__iexact=text)
    return list(found.order_by(rank, "-last_used_at", "-id").values_list("prompt", flat=True)[:limit])


def forget(viewer: Viewer, use_id: UUID) -> bool:
    """Delete one of the viewer's prompts; False when there is none of that id."""
    return bool(uses_of(viewer).filter(pk=use_id).delete()[0])


def forget_all(viewer: Viewer) -> int:
    """Delete the viewer's prompts in this company; returns how many there were."""
    return uses_of(viewer).delete()[0]

"""What a company's plan gives that apps below ask for: written down with the company, where they can read it.

`Company.entitlements` is `{"seats": int | None, "api": bool, "white_label": bool, "rate": int}`. It is written in one
statement from the plan whenever a company gets an account, its plan changes or a plan is edited; the clock looks for
what disagrees.
"""

from collections.abc import Iterable
from uuid import UUID

from django.db import connection
from django.utils.translation import gettext as _

from accounts.models import Company
from billing.models import Plan

_WANTED = """jsonb_build_object(
    'seats', plan.seats, 'api', plan.has_api, 'white_label', plan.has_white_label, 'rate', plan.rate_factor
)"""

# Only rows that disagree are written. A deleted company has nothing any more.
_WRITE = f"""
UPDATE accounts_company AS company SET entitlements = {_WANTED}
FROM billing_subscription AS subscription JOIN billing_plan AS plan ON plan.id = subscription.plan_id
WHERE subscription.company_id = company.id AND company.deleted_at IS NULL
    AND (%(company)s::uuid IS NULL OR company.id = %(company)s::uuid)
    AND (%(plan)s::uuid IS NULL OR plan.id = %(plan)s::uuid)
    AND company.entitlements IS DISTINCT FROM {_WANTED}
"""  # noqa: S608 - no value of anybody's is written into it  # nosec B608

_DISAGREEING = f"""
SELECT company.id, plan.slug
FROM accounts_company AS company
JOIN billing_subscription AS subscription ON subscription.company_id = company.id
JOIN billing_plan AS plan ON plan.id = subscription.plan_id
WHERE company.deleted_at IS NULL AND company.entitlements IS DISTINCT FROM {_WANTED}
ORDER BY company.id
"""  # noqa: S608 - no value of anybody's is written into it  # nosec B608


def write_entitlements(*, company: Company | None = None, plan: Plan | None = None) -> int:
    """Write down what the plan gives: for one company, for all on a plan, or for all. Returns how many changed."""
    values: dict[str, UUID | None] = {"company": company.pk if company else None, "plan": plan.pk if plan else None}
    with connection.cursor() as cursor:
        cursor.execute(_WRITE, values)
        changed: int = cursor.rowcount
    return changed


def renew_entitlements() -> int:
    """What the clock does: mend what disagrees, whatever the reason; returns how many did."""
    return write_entitlements()


def disagreeing_entitlements() -> Iterable[str]:
    """One sentence for every company whose entitlements are not those of its plan."""
    with connection.cursor() as cursor:
        cursor.execute(_DISAGREEING)
        for row in cursor.fetchall():
            yield _("Company %s: its entitlements are not those of plan %s.") % row

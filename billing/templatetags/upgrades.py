"""The way past a limit, for any template: `{% upgrade_for "seats" %}`, `{% upgrade_for refusal.problem_code %}`."""

from typing import Any

from django import template
from django.template import Context

from accounts.viewer import NoCompany, viewer_of
from billing.lifting import is_liftable
from billing.lifting import upgrade_for as find_upgrade
from billing.selectors import plan_of
from billing.standing import sees_payments

register = template.Library()


@register.inclusion_tag("_parts/upgrade.html", takes_context=True)
def upgrade_for(context: Context, limit: str, tier: str = "") -> dict[str, Any]:
    """Name the plan that lifts `limit`, a limit's name or a refusal's code; nothing where none does."""
    request = context.get("request")
    # Most refusals are not about a plan, and some come before it is known who asks: nothing is read for those.
    if request is None or not is_liftable(limit) or not getattr(request, "user", None):
        return {"upgrade": None}
    if not request.user.is_authenticated:
        return {"upgrade": None}
    try:
        viewer = viewer_of(request)
    except NoCompany:
        return {"upgrade": None}
    upgrade = find_upgrade(limit, plan_of(viewer.company), tier=tier)
    return {"upgrade": upgrade, "may_buy": sees_payments(viewer)}

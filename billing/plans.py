"""The rows of what is sold: seeded from a catalogue, found by their slugs, edited in the admin."""

from django.db import transaction
from django.utils.translation import gettext as _

from billing.catalogues import CATALOGUES
from billing.models import CreditPack, Plan

DEMO = "pro"


def default_plan() -> Plan:
    """The plan of those who pay nothing: of new companies, and of those whose subscription has ended."""
    plan = Plan.objects.filter(is_default=True).first()
    if plan is None:
        load_catalogue("darkroom")
        plan = Plan.objects.get(is_default=True)
    return plan


def plan_with_slug(slug: str) -> Plan:
    """A plan of a catalogue, made with its figures if it is not there; a row that exists stays as it is."""
    for catalogue in CATALOGUES.values():
        if slug in catalogue.plans:
            figures = {"is_default": False, **catalogue.plans[slug]}
            if figures["is_default"] and Plan.objects.filter(is_default=True).exclude(slug=slug).exists():
                figures["is_default"] = False
            return Plan.objects.get_or_create(slug=slug, defaults=figures)[0]
    return Plan.objects.get(slug=slug)


@transaction.atomic
def load_catalogue(name: str) -> tuple[int, int]:
    """Offer the plans and packs of a catalogue; returns how many were made, and how many were there already.

    A row that is there stays as the operator made it, and one that was taken out of the offer stays out, unless another
    catalogue was offered until now: then its plans go out of the offer and these come back. Companies stay on the plans
    that they have; new ones get the default of this catalogue. Raises `KeyError` for a name that nobody knows.
    """
    catalogue = CATALOGUES[name]
    default = next(slug for slug, figures in catalogue.plans.items() if figures.get("is_default"))
    others = [slug for key, other in CATALOGUES.items() if key != name for slug in other.plans]
    there = set(Plan.objects.values_list("slug", flat=True)) | set(CreditPack.objects.values_list("slug", flat=True))
    if Plan.objects.filter(slug__in=others, is_default=True).exists():
        Plan.objects.filter(slug__in=others).update(is_active=False, is_default=False)
        Plan.objects.filter(slug__in=catalogue.plans).update(is_active=True)
        Plan.objects.filter(slug=default).update(is_default=True)
    for slug in catalogue.plans:
        plan_with_slug(slug)
    for slug, figures in catalogue.packs.items():
        CreditPack.objects.get_or_create(slug=slug, defaults=figures)
    wanted = set(catalogue.plans) | set(catalogue.packs)
    return len(wanted - there), len(wanted & there)


def seed_plans() -> str:
    """What a fresh installation sells; an installation that sells something already keeps that."""
    offered = next((name for name, one in CATALOGUES.items() if _is_offered(set(one.plans))), "darkroom")
    return _("Plans and packs: %d new, %d kept.") % load_catalogue(offered)


def _is_offered(slugs: set[str]) -> bool:
    return Plan.objects.filter(slug__in=slugs, is_default=True).exists()

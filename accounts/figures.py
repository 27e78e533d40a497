"""What a person has done so far, as the apps above tell it."""

from dataclasses import dataclass
from datetime import datetime

from accounts.viewer import Viewer
from config.base import registry


@dataclass(frozen=True)
class Figures:
    """Pictures that the person made, in all companies; credits used this UTC month, in the company acted for."""

    pictures: int
    credits_this_month: int
    since: datetime


def figures_of(viewer: Viewer) -> Figures:
    """A few queries, whatever the number of pictures."""
    user = viewer.user
    used = [found.get(user.pk) for found in registry.member_usage(viewer.company.pk)]
    return Figures(
        pictures=sum(registry.pictures_made(user.pk)),
        credits_this_month=sum(one.month for one in used if one),
        since=user.date_joined,
    )

"""Operators who look at the product as somebody else."""

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models.people import User
from config.base.ids import uuid7


class SignInAs(models.Model):
    """One time that an operator was signed in as a person, why and until when. An operator is one other at a time."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    operator = models.ForeignKey(User, models.PROTECT, related_name="+")
    person = models.ForeignKey(User, models.PROTECT, related_name="+")
    reason = models.CharField(_("reason"), max_length=300)
    begun_at = models.DateTimeField(_("begun"), default=timezone.now, editable=False)
    until = models.DateTimeField(_("until at most"))
    ended_at = models.DateTimeField(_("ended"), null=True, blank=True, editable=False)

    class Meta:
        verbose_name = _("sign-in as somebody")
        verbose_name_plural = _("sign-ins as somebody")
        default_permissions = ()
        permissions = [("sign_in_as", "May sign in as a person")]
        constraints = [
            models.UniqueConstraint(fields=["operator"], name="sign_in_as_one_at_a_time", condition=Q(ended_at=None)),
            models.CheckConstraint(condition=~Q(operator=models.F("person")), name="sign_in_as_somebody_else"),
        ]

    def __str__(self) -> str:
        return f"{self.operator} · {self.person} · {self.begun_at:%Y-%m-%d %H:%M}"

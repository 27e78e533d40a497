"""The accounts that everybody knows the password of, for a product that nobody else can reach."""

from typing import Any

from allauth.account.models import EmailAddress
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from accounts.models import Company, User
from accounts.services import add_verified_person, verify_person
from config.base import registry

DEMO = ("demo@darkroom.local", "darkroom-demo")
ADMIN = ("admin@darkroom.local", "darkroom-admin")


class Command(BaseCommand):
    help = "Make the demo and the admin account, or mend them; only with DEBUG and LOOPBACK_ONLY."

    def handle(self, *args: Any, **options: Any) -> None:
        """Can be run again: nothing is made twice, known passwords are set back."""
        if not (settings.DEBUG and settings.LOOPBACK_ONLY):
            raise CommandError("Demo accounts have known passwords: they need DEBUG=1 and LOOPBACK_ONLY=1.")
        demo = _ensure(*DEMO, full_name="Demo", is_operator=False)
        company = Company.objects.get(kind=Company.Kind.PERSONAL, memberships__user=demo)
        registry.demo_made(company.pk)
        _ensure(*ADMIN, full_name="Admin", is_operator=True)
        self.stdout.write(f"Sign in as {DEMO[0]} with {DEMO[1]}, or as {ADMIN[0]} with {ADMIN[1]}.")


def _ensure(email: str, password: str, *, full_name: str, is_operator: bool) -> User:
    """The account as the printed sign-in promises it: there, verified, active, with this password."""
    user = User.objects.filter(email=email).first()
    if user is None:
        return add_verified_person(email=email, password=password, full_name=full_name, is_operator=is_operator)
    with transaction.atomic():
        if not user.check_password(password):
            user.set_password(password)
        user.is_active, user.is_staff, user.is_superuser = True, is_operator, is_operator
        user.save()
        EmailAddress.objects.filter(user=user, email=email).update(verified=True)
        verify_person(user=user)
    return user

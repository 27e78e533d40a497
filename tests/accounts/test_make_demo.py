"""Demo accounts: as printed, and only where nobody else can reach them."""

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from accounts.models import Company, User
from billing.selectors import credits_of, plan_of

pytestmark = pytest.mark.django_db

DEMO = {"login": "demo@darkroom.local", "password": "darkroom-demo"}
ADMIN = {"login": "admin@darkroom.local", "password": "darkroom-admin"}


@pytest.fixture
def _on_this_machine(settings):
    settings.DEBUG = settings.LOOPBACK_ONLY = True


def _company(email: str) -> Company:
    return Company.objects.get(memberships__user__email=email)


@pytest.mark.usefixtures("_on_this_machine")
def test_both_can_sign_in_and_run_twice_changes_nothing():
    for _ in range(2):
        call_command("make_demo", verbosity=0)
    assert User.objects.filter(email__endswith="@darkroom.local").count() == 2
    for account in [DEMO, ADMIN]:
        assert Client().post("/login", account).headers["Location"] == "/generate"
    demo = _company(DEMO["login"])
    assert (plan_of(demo).slug, credits_of(demo).balance) == ("pro", 1000)
    assert credits_of(_company(ADMIN["login"])).balance == 100
    assert User.objects.get(email=ADMIN["login"]).is_superuser
    assert not User.objects.get(email=DEMO["login"]).is_staff


@pytest.mark.usefixtures("_on_this_machine")
def test_what_was_broken_is_mended():
    call_command("make_demo", verbosity=0)
    demo = User.objects.get(email=DEMO["login"])
    demo.set_password("forgotten-by-everybody")
    demo.is_active = False
    demo.save()
    call_command("make_demo", verbosity=0)
    assert Client().post("/login", DEMO).headers["Location"] == "/generate"


@pytest.mark.parametrize(("debug", "loopback"), [(False, True), (True, False), (False, False)])
def test_it_is_refused_where_others_could_reach_it(settings, debug, loopback):
    settings.DEBUG, settings.LOOPBACK_ONLY = debug, loopback
    with pytest.raises(CommandError, match="known passwords"):
        call_command("make_demo")
    assert not User.objects.filter(email__endswith="@darkroom.local").exists()
    assert not Company.objects.filter(email__endswith="@darkroom.local").exists()

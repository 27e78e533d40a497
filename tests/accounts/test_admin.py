"""What an operator sees of people and companies."""

import pytest
from django.apps import apps
from django.contrib.auth.models import Permission
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.models import AuditEntry, Company, Membership, User
from accounts.services import record_audit
from tests.factories.accounts import PASSWORD, PersonFactory

pytestmark = pytest.mark.django_db

LISTS = ["user", "company", "membership", "auditentry"]


@pytest.fixture
def operator() -> Client:
    user = PersonFactory(is_operator=True)
    client = Client()
    client.force_login(user)
    return client


def _list(model: str) -> str:
    return reverse(f"admin:accounts_{model}_changelist")


def _fill(count: int) -> None:
    for _ in range(count):
        person = PersonFactory()
        company = Company.objects.get(memberships__user=person)
        record_audit(actor=person.email, action="tested", company=company)


@pytest.mark.parametrize("model", LISTS)
def test_a_list_costs_the_same_for_one_row_and_for_many(operator, model):
    _fill(1)
    operator.get(_list(model))
    with CaptureQueriesContext(connection) as few:
        assert operator.get(_list(model)).status_code == 200
    _fill(20)
    with CaptureQueriesContext(connection) as many:
        assert operator.get(_list(model)).status_code == 200
    assert len(many) == len(few)


@pytest.mark.parametrize("model", LISTS)
def test_people_who_are_no_operators_stay_out(alice_client, model):
    assert alice_client.get(_list(model)).status_code == 302


def test_the_pages_of_a_person_and_a_company_open(operator, alice, viewer):
    company = viewer(alice).company
    assert alice.email in operator.get(reverse("admin:accounts_user_change", args=[alice.pk])).content.decode()
    assert alice.email in operator.get(reverse("admin:accounts_company_change", args=[company.pk])).content.decode()
    membership = Membership.objects.get(user=alice)
    assert operator.get(reverse("admin:accounts_membership_change", args=[membership.pk])).status_code == 200


def test_suspending_a_company_needs_a_reason_and_is_written_down(operator, alice, viewer):
    company = viewer(alice).company
    path = reverse("admin:accounts_company_suspend", args=[company.pk])
    assert "Reason" in operator.get(path).content.decode()
    assert operator.post(path, {"reason": ""}).status_code == 200
    company.refresh_from_db()
    assert company.is_active
    assert operator.post(path, {"reason": "Chargebacks."}).status_code == 302
    company.refresh_from_db()
    assert (company.is_active, company.suspended_reason) == (False, "Chargebacks.")
    entry = AuditEntry.objects.get(company=company, action="company.suspended")
    assert entry.detail == {"reason": "Chargebacks."}
    assert "suspended: Chargebacks." in operator.get(_list("company")).content.decode()

    back = reverse("admin:accounts_company_unsuspend", args=[company.pk])
    assert operator.get(back).status_code == 200
    company.refresh_from_db()
    assert not company.is_active
    assert operator.post(back).status_code == 302
    company.refresh_from_db()
    assert company.is_active


def test_strangers_suspend_nobody(alice_client, alice, viewer):
    company = viewer(alice).company
    path = reverse("admin:accounts_company_suspend", args=[company.pk])
    assert alice_client.post(path, {"reason": "x"}).status_code == 302
    company.refresh_from_db()
    assert company.is_active


def test_a_company_leads_to_its_plan_and_its_credits(operator, alice, viewer):
    company = viewer(alice).company
    text = operator.get(reverse("admin:accounts_company_change", args=[company.pk])).content.decode()
    assert reverse("admin:billing_wallet_adjust", args=[company.pk]) in text
    assert reverse("admin:billing_subscription_change", args=[company.subscription.pk]) in text


def rights_of(person: User) -> tuple[bool, bool, bool]:
    person.refresh_from_db()
    return person.is_active, person.is_staff, person.is_superuser


def test_who_may_change_people_makes_no_operators_and_changes_none(alice):
    helper = PersonFactory(is_operator=True)
    helper.is_superuser = False
    helper.save()
    helper.user_permissions.set(Permission.objects.filter(codename__in=["view_user", "change_user"]))
    boss, client = PersonFactory(is_operator=True), Client()
    client.force_login(helper)
    for person, status in [(alice, 302), (helper, 403), (boss, 403)]:
        before = rights_of(person)
        lists = {
            f"{name}-{part}_FORMS": 0 for name in ("emailaddress_set", "memberships") for part in ("TOTAL", "INITIAL")
        }
        sent = {
            "username": person.username,
            "language": "en",
            "time_zone": "UTC",
            "is_staff": "on",
            "is_superuser": "on",
        }
        answer = client.post(
            reverse("admin:accounts_user_change", args=[person.pk]), sent | lists | {"is_active": "on"}
        )
        assert answer.status_code == status
        assert rights_of(person) == before


@pytest.mark.parametrize("model", LISTS)
def test_nothing_is_added_or_deleted_here(operator, alice, model):
    record_audit(actor=alice.email, action="tested")
    row = apps.get_model("accounts", model).objects.latest("pk")
    assert operator.get(reverse(f"admin:accounts_{model}_add")).status_code == 403
    assert operator.post(reverse(f"admin:accounts_{model}_delete", args=[row.pk]), {"post": "yes"}).status_code == 403
    row.refresh_from_db()


def test_the_audit_cannot_be_changed(operator):
    entry = record_audit(actor="somebody", action="tested")
    path = reverse("admin:accounts_auditentry_change", args=[entry.pk])
    assert operator.post(path, {"actor": "nobody"}).status_code == 403
    entry.refresh_from_db()
    assert entry.actor == "somebody"


def test_the_admin_has_no_door_of_its_own(alice, alice_client):
    operator = PersonFactory(is_operator=True)
    client = Client()
    led = client.get("/admin/accounts/user/", follow=True)
    assert led.redirect_chain[-1][0].startswith("/login?next=")
    answer = client.post("/admin/login/?next=/admin/", {"username": operator.email, "password": PASSWORD})
    assert answer.headers["Location"].startswith("/login?next=")
    assert "_auth_user_id" not in client.session
    assert alice_client.get("/admin/login/").status_code == 403

"""Nobody but the ledger's own service writes wallets, lots, holds and entries; and no field of a request can.

The first half reads our own code; it fails for a new writer, wherever it is. The second half sends every form and
every endpoint what a cheat would add.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from rest_framework.test import APIClient

from accounts.models import Company, Membership, User
from accounts.viewer import SESSION_KEY
from billing.models import CreditLot, Hold, LedgerEntry, Subscription, Wallet
from tests.personas import key_of, program_with

PROJECT = Path(__file__).resolve().parent.parent.parent
APPS = ("accounts", "billing", "config", "gallery", "generation")
MONEY = {"Wallet", "CreditLot", "Hold", "LedgerEntry"}
TABLES = re.compile(
    r"\b(UPDATE|INSERT\s+INTO|DELETE\s+FROM|TRUNCATE(\s+TABLE)?)\s+billing_(wallet|creditlot|hold|ledgerentry)\b", re.I
)
WRITES = {
    "update",
    "create",
    "get_or_create",
    "update_or_create",
    "bulk_create",
    "bulk_update",
    "delete",
    "save",
    "aupdate",
    "acreate",
    "asave",
    "adelete",
}
# Names by which the rest of a company's rows reach those of its wallet.
BACKWARDS = {"wallet", "lots", "holds", "entries"}
# The service's functions that hand such rows out.
HANDED_OUT = {"lock_wallet", "open_account", "hold_credits", "grant_credits"}
ALLOWED = {
    # The ledger service.
    "billing/services.py",
    # Takes words and names, never figures, out of the ledger of a deleted company; its trigger watches over that.
    "billing/erasing.py",
}


def sources() -> Iterator[tuple[str, str]]:
    for app in APPS:
        for path in sorted((PROJECT / app).rglob("*.py")):
            place = str(path.relative_to(PROJECT))
            if "/migrations/" not in place and "/djstripe_migrations/" not in place:
                yield place, path.read_text()


def writes_in(source: str) -> list[str]:
    """Lines of a module that write rows of money, by the ORM or by SQL, as "line: what"."""
    tree = ast.parse(source)
    holders = _names_of_money(tree)
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and TABLES.search(node.value):
            found.append(f"{node.lineno}: SQL")
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in WRITES:
            names = _names_in(node.func.value)
            # A variable may be called so as well; the way backwards is always an attribute.
            backwards = names - _variables_in(node.func.value)
            if names & holders or (backwards & BACKWARDS and "objects" not in names):
                found.append(f"{node.lineno}: {node.func.attr}")
    return found


def _names_of_money(tree: ast.AST) -> set[str]:
    """The models, and whatever a module assigns from them: `rows = Wallet.objects.filter(…)`, `wallet = …`."""
    holders = MONEY | HANDED_OUT
    for _round in range(3):
        for node in ast.walk(tree):
            if isinstance(node, ast.Assign) and _names_in(node.value) & holders and _is_rows(node.value):
                named = (name for target in node.targets for name in getattr(target, "elts", [target]))
                holders |= {name.id for name in named if isinstance(name, ast.Name)}
    return holders


def _is_rows(value: ast.expr) -> bool:
    """Whether an expression may be rows: what ends in figures or in a plain function call is none."""
    if isinstance(value, ast.Call) and isinstance(value.func, ast.Attribute):
        return value.func.attr not in {"aggregate", "count", "exists", "values_list", "values"}
    return isinstance(value, ast.Attribute | ast.Call | ast.Subscript)


def _names_in(value: ast.expr) -> set[str]:
    """Names in the chain of a call's object: `Wallet.objects.filter(…)` has Wallet, objects, filter."""
    names: set[str] = set()
    node: ast.AST = value
    while True:
        if isinstance(node, ast.Call):
            node = node.func
        elif isinstance(node, ast.Attribute):
            names.add(node.attr)
            node = node.value
        elif isinstance(node, ast.Subscript):
            node = node.value
        else:
            return names | ({node.id} if isinstance(node, ast.Name) else set())


def _variables_in(value: ast.expr) -> set[str]:
    """The plain name at the beginning of such a chain."""
    return {node.id for node in ast.walk(value) if isinstance(node, ast.Name)}


def test_nothing_but_the_ledger_service_writes_rows_of_money() -> None:
    found = {place: writes_in(source) for place, source in sources()}
    assert {place: lines for place, lines in found.items() if lines and place not in ALLOWED} == {}
    # Whoever is allowed does write: otherwise this test had become blind.
    assert all(found[place] for place in ALLOWED)


@pytest.mark.parametrize(
    "source",
    [
        "Wallet.objects.filter(company=1).update(balance=5)",
        "wallet = Wallet.objects.get(pk=1)\nwallet.balance = 5\nwallet.save()",
        "rows = CreditLot.objects.all()\nsome = rows.filter(x=1)\nsome.delete()",
        "company.wallet.lots.create(amount=5)",
        "Hold.objects.bulk_create([])",
        "LedgerEntry(amount=5).save()",
        "mine = lock_wallet(company=company)\nmine.balance = 5\nmine.save()",
        "cursor.execute('update billing_wallet set balance = 5')",
        "SQL = '''INSERT INTO billing_ledgerentry (id) SELECT 1'''",
    ],
    ids=["update", "save", "delete", "backwards", "bulk", "instance", "handed", "sql", "insert"],
)
def test_each_way_of_writing_is_seen(source: str) -> None:
    assert writes_in(source)


@pytest.mark.parametrize(
    "source",
    [
        "found = Wallet.objects.filter(company=1).first()",
        "Plan.objects.filter(pk=1).update(name='x')",
        "cache.delete('wallet')",
        "cursor.execute('SELECT balance FROM billing_wallet')",
        "entries = AuditEntry.objects.all()\nentries.filter(person=1).update(detail={})",
    ],
    ids=["read", "plan", "cache", "select", "namesake"],
)
def test_what_does_not_write_is_left_alone(source: str) -> None:
    assert writes_in(source) == []


# --- What a cheat would add to a request ------------------------------------------------------------------------------

CHEAT: dict[str, Any] = {
    "balance": 1_000_000,
    "credits": 1_000_000,
    "available": 1_000_000,
    "held": 0,
    "debt": 0,
    "unlimited": True,
    "plan": "enterprise",
    "plan_id": "enterprise",
    "subscription": "enterprise",
    "price": 0,
    "price_cents": 0,
    "amount": 0,
    "amount_cents": 0,
    "cost": 0,
    "monthly_credits": 1_000_000,
    "entitlements": {"seats": None, "api": True, "white_label": True, "rate": 99},
    "rate": 99,
    "rate_factor": 99,
    "is_superuser": True,
    "is_staff": True,
    "is_probe": True,
    "wallet": {"balance": 1_000_000},
    "source": "manual",
}
# So that a form is taken rather than refused for what it lacks.
PLAIN: dict[str, Any] = {
    "name": "Fox",
    "full_name": "Alice Adams",
    "username": "alice-cheats",
    "language": "en",
    "time_zone": "UTC",
    "model": "studio-scenes",
    "task": "text-to-image",
    "prompt": "a fox",
    "num_images": 1,
    "params": {},
    "scopes": ["read"],
    "slug": "fox-cheats",
    "lives": "90",
}
# What ends the sign-in, or asks for it, is not asked; its views take no company.
NOT_ASKED = (
    "logout",
    "account_logout",
    "login",
    "account_login",
    "api-logout",
    "api-switch",
    "password",
    "mfa",
    "reset",
)


def routes(resolver: URLResolver | None = None, prefix: str = "") -> Iterator[tuple[str, str, set[str]]]:
    """Name, pattern and parameters of every named address outside the admin and Stripe's own."""
    for entry in (resolver or get_resolver()).url_patterns:
        pattern = prefix + str(entry.pattern)
        if isinstance(entry, URLResolver):
            if not pattern.startswith(("admin/", "stripe/")):
                yield from routes(entry, pattern)
        elif isinstance(entry, URLPattern) and entry.name:
            yield entry.name, "/" + pattern, set(entry.pattern.converters)


def addresses() -> list[str]:
    """Every address without the parts that name a row, those filled by an id that is nobody's."""
    found = []
    for name, pattern, _parameters in routes():
        if any(word in name for word in NOT_ASKED) or "(?P" in pattern or pattern.startswith("/admin"):
            continue
        found.append(re.sub(r"<[^>]+>", str(uuid4()), pattern))
    return sorted(set(found))


def standing(company: Company) -> dict[str, Any]:
    """What the company owns and may; `used` is what it has spent by asking for pictures at their price."""
    subscription = Subscription.objects.get(company=company)
    holds = Hold.objects.filter(wallet=company.pk)
    wallet = Wallet.objects.get(company=company)
    company.refresh_from_db()
    return {
        "balance": wallet.balance,
        "held": wallet.held - sum(holds.filter(state="open").values_list("amount", flat=True)),
        "wallet": (wallet.debt, wallet.unlimited),
        "lots": list(CreditLot.objects.filter(wallet=company.pk).values_list("amount", "remaining", "expires_at")),
        "ledger": LedgerEntry.objects.filter(wallet=company.pk).count(),
        "plan": (subscription.plan.slug, subscription.source, subscription.status),
        "entitlements": company.entitlements,
        "free holds": holds.filter(amount=0).count(),
    }


@pytest.mark.long
@pytest.mark.django_db
@pytest.mark.parametrize("way", ["page", "json", "key"])
def test_no_field_of_any_request_moves_credits_or_plans(
    way: str, alice: User, alice_client: Client, alice_api: APIClient, viewer: Any
) -> None:
    company = viewer(alice).company
    _key, secret = key_of(viewer(alice))
    program = program_with(secret)
    before = standing(company)
    fields = PLAIN | CHEAT
    asked = 0
    for address in addresses():
        is_api = address.startswith("/api/")
        if is_api == (way == "page"):
            continue
        for method in ("post", "patch", "put") if is_api else ("post",):
            headers = {"Idempotency-Key": str(uuid4())}
            if way == "page":
                flat = {name: str(value) for name, value in fields.items()}
                # Whoever made a new company acts for it; here always the same one is asked for.
                session = alice_client.session
                session[SESSION_KEY] = str(company.pk)
                session.save()
                alice_client.post(address, flat)
            else:
                client = alice_api if way == "json" else program
                getattr(client, method)(address, fields, format="json", headers=headers)
            asked += 1
            assert standing(company) == before, f"{method} {address}"
    assert asked > 15
    made = Membership.objects.filter(user=alice).exclude(company=company)
    assert not LedgerEntry.objects.filter(wallet__in=made.values("company")).exists()
    alice.refresh_from_db()
    assert (alice.is_superuser, alice.is_staff) == (False, False)
    # The job that the page's form asked for costs what it costs; the API takes no field that it does not know.
    amounts = set(Hold.objects.filter(wallet=company.pk).values_list("amount", flat=True))
    assert amounts == ({1} if way == "page" else set())

"""Which request of Stripe's API leads where, and what is true of all of them: known parameters, `expand`, cursors."""

import re
from collections.abc import Callable

from tests.emulators import stripe_catalogue as catalogue
from tests.emulators import stripe_changes as changes
from tests.emulators import stripe_checkout as checkout
from tests.emulators import stripe_collection as collection
from tests.emulators import stripe_invoices as invoices
from tests.emulators import stripe_payments as payments
from tests.emulators import stripe_people as people
from tests.emulators import stripe_portal as portal
from tests.emulators import stripe_schedules as schedules
from tests.emulators import stripe_subscriptions as subscriptions
from tests.emulators import stripe_webhooks as webhooks
from tests.emulators.stripe_parameters import KNOWN
from tests.emulators.stripe_store import Refused, Store, Thing
from tests.emulators.stripe_wire import Asked, expanded, page

Act = Callable[..., Thing]
Find = Callable[..., list[Thing]]

# What the account never has any of; dj-stripe asks for these when it syncs everything.
NEVER = (
    *("application_fees", "file_links", "files", "mandates", "payouts", "plans", "quotes", "reviews", "setup_intents"),
    *("shipping_rates", "sources", "tax_codes", "tax_ids", "topups", "transfers"),
    *("country_specs", "identity/verification_reports", "identity/verification_sessions", "issuing/authorizations"),
    *("issuing/cardholders", "issuing/cards", "issuing/disputes", "issuing/transactions"),
    *("radar/early_fraud_warnings", "setup_attempts"),
)


def _of(kind: str) -> Act:
    return lambda store, asked, thing_id: store.find(kind, thing_id)


def _all(kind: str) -> Find:
    return lambda store, asked: store.all_of(kind)


def _by_payment(kind: str) -> Find:
    return lambda store, asked: payments.find_by_payment(store, kind, asked)


def delete_customer(store: Store, asked: Asked, customer_id: str) -> Thing:
    """Delete a customer; subscriptions end at once."""
    customer = store.find("customer", customer_id, param="id")
    for subscription in store.all_of("subscription", customer_id):
        if subscription["status"] not in people.ENDED:
            collection.end(store, subscription, "cancellation_requested")
    return people.mark_deleted(store, customer)


def _refunds_of_charge(store: Store, asked: Asked, charge_id: str) -> list[Thing]:
    return [refund for refund in store.all_of("refund") if refund["charge"] == charge_id]


def _items_of(store: Store, asked: Asked) -> list[Thing]:
    return subscriptions.items_of(store.find("subscription", asked.needed("subscription"), param="subscription"))


def _item_of(store: Store, asked: Asked, item_id: str) -> Thing:
    return store.find("subscription_item", item_id)


def _methods(store: Store, asked: Asked, customer_id: str) -> list[Thing]:
    return people.find_payment_methods(store, asked, customer_id)


def _nothing(store: Store, asked: Asked, *ids: str) -> list[Thing]:
    return []


# Method and path, with a star for each id, to what answers with an object …
ACTS: dict[str, Act] = {
    "GET account": people.account,
    "GET accounts/*": people.account,
    "GET balance_transactions/*": _of("balance_transaction"),
    "POST billing_portal/configurations": portal.create_configuration,
    "GET billing_portal/configurations/*": _of("billing_portal.configuration"),
    "POST billing_portal/configurations/*": portal.modify_configuration,
    "POST billing_portal/sessions": portal.create_portal_session,
    "GET charges/*": _of("charge"),
    "POST charges/*": payments.modify_charge,
    "POST checkout/sessions": checkout.create_session,
    "GET checkout/sessions/*": _of("checkout.session"),
    "POST checkout/sessions/*": checkout.modify_session,
    "POST checkout/sessions/*/expire": checkout.expire_session,
    "POST coupons": catalogue.create_coupon,
    "GET coupons/*": _of("coupon"),
    "POST coupons/*": catalogue.modify_coupon,
    "DELETE coupons/*": catalogue.delete_coupon,
    "POST customers": people.create_customer,
    "GET customers/*": _of("customer"),
    "POST customers/*": people.modify_customer,
    "DELETE customers/*": delete_customer,
    "GET disputes/*": _of("dispute"),
    "POST disputes/*": payments.modify_dispute,
    "POST disputes/*/close": payments.give_in,
    "GET events/*": webhooks.retrieve_event,
    "GET invoice_payments/*": _of("invoice_payment"),
    "GET invoiceitems/*": _of("invoiceitem"),
    "POST invoices/create_preview": changes.preview_invoice,
    "GET invoices/*": _of("invoice"),
    "POST invoices/*": invoices.modify_invoice,
    "POST invoices/*/finalize": collection.finalize_invoice,
    "POST invoices/*/mark_uncollectible": collection.mark_uncollectible,
    "POST invoices/*/pay": collection.pay_invoice,
    "POST invoices/*/void": collection.void_invoice,
    "GET payment_intents/*": _of("payment_intent"),
    "POST payment_intents/*": payments.modify_intent,
    "POST payment_intents/*/cancel": payments.cancel_intent,
    "POST payment_methods": people.create_payment_method,
    "GET payment_methods/*": _of("payment_method"),
    "POST payment_methods/*": people.modify_payment_method,
    "POST payment_methods/*/attach": people.attach_payment_method,
    "POST payment_methods/*/detach": people.detach_payment_method,
    "POST prices": catalogue.create_price,
    "GET prices/*": _of("price"),
    "POST prices/*": catalogue.modify_price,
    "POST products": catalogue.create_product,
    "GET products/*": _of("product"),
    "POST products/*": catalogue.modify_product,
    "DELETE products/*": catalogue.delete_product,
    "POST promotion_codes": catalogue.create_promotion_code,
    "GET promotion_codes/*": _of("promotion_code"),
    "POST promotion_codes/*": catalogue.modify_promotion_code,
    "POST refunds": payments.create_refund,
    "GET refunds/*": _of("refund"),
    "POST refunds/*": payments.modify_refund,
    "GET subscription_items/*": _item_of,
    "POST subscription_schedules": schedules.create_schedule,
    "GET subscription_schedules/*": _of("subscription_schedule"),
    "POST subscription_schedules/*": schedules.modify_schedule,
    "POST subscription_schedules/*/release": schedules.release_schedule,
    "POST subscriptions": subscriptions.create_subscription,
    "GET subscriptions/*": _of("subscription"),
    "POST subscriptions/*": changes.modify_subscription,
    "DELETE subscriptions/*": subscriptions.cancel_subscription,
    "POST subscriptions/*/resume": subscriptions.resume_subscription,
    "GET tax_rates/*": _of("tax_rate"),
    "POST webhook_endpoints": webhooks.create_endpoint,
    "GET webhook_endpoints/*": _of("webhook_endpoint"),
    "POST webhook_endpoints/*": webhooks.modify_endpoint,
    "DELETE webhook_endpoints/*": webhooks.delete_endpoint,
}
# … and to what answers with a list.
LISTS: dict[str, Find] = {
    "accounts": _nothing,
    "accounts/*/external_accounts": _nothing,
    "balance_transactions": lambda store, asked: [
        found for found in store.all_of("balance_transaction") if asked.text("source") in (None, found["source"])
    ],
    "billing_portal/configurations": portal.find_configurations,
    "charges": _by_payment("charge"),
    "charges/*/refunds": _refunds_of_charge,
    "checkout/sessions": checkout.find_sessions,
    "checkout/sessions/*/line_items": lambda store, asked, session_id: checkout.items_sold(
        store, store.find("checkout.session", session_id)
    ),
    "coupons": _all("coupon"),
    "customers": people.find_customers,
    "customers/*/payment_methods": _methods,
    "customers/*/sources": _nothing,
    "customers/*/tax_ids": _nothing,
    "disputes": _by_payment("dispute"),
    "entitlements/active_entitlements": _nothing,
    "entitlements/features": _nothing,
    "events": webhooks.find_events,
    "invoice_payments": invoices.find_invoice_payments,
    "invoiceitems": _all("invoiceitem"),
    "invoices": invoices.find_invoices,
    "invoices/*/lines": lambda store, asked, invoice_id: store.find("invoice", invoice_id)["lines"]["data"],
    "payment_intents": lambda store, asked: store.all_of("payment_intent", asked.text("customer")),
    "payment_methods": people.find_payment_methods,
    "prices": catalogue.find_prices,
    "products": catalogue.find_products,
    "products/*/features": _nothing,
    "promotion_codes": catalogue.find_promotion_codes,
    "refunds": _by_payment("refund"),
    "subscription_items": _items_of,
    "subscription_schedules": _all("subscription_schedule"),
    "subscriptions": subscriptions.find_subscriptions,
    "tax_rates": _all("tax_rate"),
    "webhook_endpoints": _all("webhook_endpoint"),
}
LISTS.update(dict.fromkeys(NEVER, _nothing))
# Lists that begin with the oldest.
IN_ORDER = ("checkout/sessions/*/line_items", "invoices/*/lines", "subscription_items")


def _matched(pattern: str) -> tuple[str, re.Pattern[str]]:
    method, path = pattern.split(" ")
    return pattern, re.compile(f"{method} {re.escape(path)}".replace(r"\*", "([^/]+)").replace(r"\ ", " "))


_PATTERNS = [_matched(pattern) for pattern in (*ACTS, *(f"GET {path}" for path in LISTS))]


def answer(store: Store, method: str, path: str, asked: Asked) -> Thing:
    """What the API says to a request; `path` begins after `/v1/`. Raises `Refused`."""
    for pattern, regex in _PATTERNS:
        found = regex.fullmatch(f"{method} {path}")
        if found is None:
            continue
        _check_names(pattern, asked)
        if pattern in ACTS:
            shown = ACTS[pattern](store, asked, *found.groups())
        else:
            things = LISTS[pattern.removeprefix("GET ")](store, asked, *found.groups())
            shown = _page(store, pattern.removeprefix("GET "), things, asked, f"/v1/{path}")
        return expanded(store, shown, asked.texts("expand"))
    message = f"Unrecognized request URL ({method}: /v1/{path}). Please see https://stripe.com/docs."
    raise Refused(message, status=404)


def _page(store: Store, path: str, things: list[Thing], asked: Asked, url: str) -> Thing:
    shown = page(things[::-1] if path in IN_ORDER else things, asked, url)
    if path == "events":
        # Only those on the page are read.
        shown["data"] = [store.events[found["id"]].thing for found in shown["data"]]
    return shown


def _check_names(pattern: str, asked: Asked) -> None:
    known = KNOWN.get(pattern)
    for name in asked.values if known is not None else ():
        if name not in (known or ()):
            raise Refused(f"Received unknown parameter: {name}", code="parameter_unknown", param=name)

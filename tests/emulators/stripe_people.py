"""Who pays in the double of Stripe: the account itself, customers, and what they pay with."""

from typing import Any

from tests.emulators.stripe_store import ACCOUNT, Refused, Store, Thing
from tests.emulators.stripe_wire import SHOWN_ONLY_WHEN_ASKED, Asked, listed

ENDED = ("canceled", "incomplete_expired")
# Cards by number: what becomes of a payment. All else that is a card number is taken.
DECLINED: dict[str, str] = {
    "4000000000000002": "generic_decline",
    "4000000000000341": "generic_decline",
    "4000000000009995": "insufficient_funds",
}
# Taken when it is put down, declined when it is to pay: for a customer who pays later.
DECLINES_LATER = "4000000000000341"
TOKENS = {
    "pm_card_visa": "4242424242424242",
    "pm_card_mastercard": "5555555555554444",
    "pm_card_chargeDeclined": "4000000000000002",
    "pm_card_chargeCustomerFail": DECLINES_LATER,
}
NO_ADDRESS: Thing = dict.fromkeys(("city", "country", "line1", "line2", "postal_code", "state"))

SHOWN_ONLY_WHEN_ASKED[("customer", "sources")] = lambda store, customer: _under(store, customer, "sources", [])
SHOWN_ONLY_WHEN_ASKED[("customer", "tax_ids")] = lambda store, customer: _under(store, customer, "tax_ids", [])
SHOWN_ONLY_WHEN_ASKED[("customer", "tax")] = lambda store, customer: {"automatic_tax": "supported", "location": None}
SHOWN_ONLY_WHEN_ASKED[("customer", "cash_balance")] = lambda store, customer: None
SHOWN_ONLY_WHEN_ASKED[("customer", "subscriptions")] = lambda store, customer: _under(
    store, customer, "subscriptions", _living(store, customer["id"])
)


def _under(store: Store, customer: Thing, name: str, things: list[Thing]) -> Thing:
    return listed(store, things, f"/v1/customers/{customer['id']}/{name}")


def _living(store: Store, customer_id: str) -> list[Thing]:
    return [found for found in store.all_of("subscription", customer_id) if found["status"] not in ENDED]


def account(store: Store, asked: Asked, account_id: str = ACCOUNT) -> Thing:
    """The account that the key is of."""
    if account_id != ACCOUNT:
        message = f"The provided key does not have access to account '{account_id}' (or that account does not exist)."
        raise Refused(message, status=403, code="account_invalid")
    name = "Darkroom (double of Stripe)"
    shown: Thing = {"id": ACCOUNT, "object": "account", "business_type": "company", "charges_enabled": True}
    shown |= {"business_profile": {"name": name, "support_email": None, "url": None}, "country": "DE", "metadata": {}}
    shown |= {"capabilities": {"card_payments": "active", "transfers": "active"}, "default_currency": "eur"}
    shown |= {
        "created": 1_700_000_000,
        "details_submitted": True,
        "email": "owner@darkroom.example",
        "type": "standard",
    }
    shown |= {"external_accounts": listed(store, [], f"/v1/accounts/{ACCOUNT}/external_accounts")}
    branding: Thing = dict.fromkeys(("icon", "logo", "primary_color", "secondary_color"))
    settings: Thing = {"branding": branding, "dashboard": {"display_name": name, "timezone": "Etc/UTC"}}
    settings["payments"] = {"statement_descriptor": "DARKROOM"}
    return shown | {"payouts_enabled": True, "settings": settings, "tos_acceptance": {"date": None}}


# --- Customers --------------------------------------------------------------------------------------------------------


def create_customer(store: Store, asked: Asked) -> Thing:
    """A customer."""
    if asked.text("email") and "@" not in (asked.text("email") or ""):
        raise Refused(f"Invalid email address: {asked.text('email')}", code="email_invalid", param="email")
    token = asked.text("payment_method")
    card = _card_of(store, token, "payment_method") if token else None
    customer = new_customer(store, **_wanted(asked), metadata=asked.metadata())
    if card:
        attach(store, card, customer)
    defaults = asked.group("invoice_settings").text("default_payment_method")
    if card and defaults in (token, card["id"]):
        customer["invoice_settings"]["default_payment_method"] = card["id"]
    return customer


def _wanted(asked: Asked) -> Thing:
    words = ("business_name", "description", "email", "individual_name", "name", "phone", "tax_exempt")
    found: Thing = {word: asked.text(word) for word in words if word in asked}
    found |= {word: asked.plain(word) for word in ("address", "shipping", "preferred_locales") if word in asked}
    return found | ({"balance": asked.whole("balance", 0)} if "balance" in asked else {})


def new_customer(store: Store, **values: Any) -> Thing:
    """A customer out of values, said so."""
    words = "address business_name currency customer_account default_source description discount email name phone"
    begun: Thing = dict.fromkeys((*words.split(), "individual_name", "shipping", "test_clock"))
    begun |= {"balance": 0, "delinquent": False, "metadata": {}, "next_invoice_sequence": 1, "preferred_locales": []}
    begun |= {
        "tax_exempt": "none",
        "invoice_settings": dict.fromkeys(("custom_fields", "default_payment_method", "footer", "rendering_options")),
    }
    customer = store.make("customer", **(begun | values))
    customer["invoice_prefix"] = customer["id"][-8:].upper()
    store.emit("customer.created", customer)
    return customer


def modify_customer(store: Store, asked: Asked, customer_id: str) -> Thing:
    """Change a customer."""
    customer = store.find("customer", customer_id, param="id")
    settings = asked.group("invoice_settings")
    default = settings.text("default_payment_method")
    if default and store.find("payment_method", default, param="invoice_settings")["customer"] != customer_id:
        message = "The customer does not have a payment method with the ID " + default
        raise Refused(message, code="resource_missing", param="invoice_settings[default_payment_method]")
    with store.changing(customer, "customer.updated"):
        for word, value in _wanted(asked).items():
            customer[word] = value
        customer["metadata"] = asked.metadata(customer["metadata"])
        if "default_payment_method" in settings:
            customer["invoice_settings"] |= {"default_payment_method": default}
    return customer


def find_customers(store: Store, asked: Asked) -> list[Thing]:
    """Those that are asked for, without the deleted."""
    email = asked.text("email")
    return [
        customer
        for customer in store.all_of("customer")
        if not customer.get("deleted") and (not email or customer["email"] == email)
    ]


def mark_deleted(store: Store, customer: Thing) -> Thing:
    """What is left of a customer; the caller has ended the subscriptions."""
    for method in store.all_of("payment_method", customer["id"]):
        detach(store, method)
    store.emit("customer.deleted", customer)
    stub: Thing = {"id": customer["id"], "object": "customer", "deleted": True}
    store.tables["customer"][customer["id"]] = stub
    return stub


# --- What they pay with -----------------------------------------------------------------------------------------------


def is_card_number(number: str) -> bool:
    """Whether a card may have this number: its length and its check digit."""
    if not number.isascii() or not number.isdigit() or not 12 <= len(number) <= 19:
        return False
    digits = [int(digit) for digit in reversed(number)]
    return (sum(digits[::2]) + sum(sum(divmod(2 * digit, 10)) for digit in digits[1::2])) % 10 == 0


def new_payment_method(store: Store, kind: str = "card", number: str = "", email: str | None = None) -> Thing:
    """A card, a PayPal account or a bank account, of nobody yet."""
    details: Thing
    if kind == "card":
        brand = "visa" if number.startswith("4") else "mastercard"
        details = {"brand": brand, "country": "DE", "display_brand": brand, "exp_month": 12, "exp_year": 2034}
        details |= {"fingerprint": f"f{number[-4:]}", "funding": "credit", "last4": number[-4:], "wallet": None}
        details |= {"checks": {"address_line1_check": None, "address_postal_code_check": None, "cvc_check": "pass"}}
        details |= {"generated_from": None, "networks": {"available": [brand], "preferred": None}}
        details |= {"regulated_status": "unregulated", "three_d_secure_usage": {"supported": True}}
    elif kind == "paypal":
        details = {"country": "DE", "payer_email": email, "payer_id": "PAYER"}
    else:
        details = {"bank_code": "37040044", "branch_code": "", "country": "DE", "fingerprint": "f", "last4": "3000"}
    billing: Thing = {"address": dict(NO_ADDRESS), "email": email, "name": None, "phone": None, "tax_id": None}
    given: Thing = {"allow_redisplay": "unspecified", "billing_details": billing, "customer": None, "metadata": {}}
    method = store.make("payment_method", **given, customer_account=None, type=kind, **{kind: details})
    store.private[method["id"]]["number"] = number
    return method


def _card_of(store: Store, token: str, param: str) -> Thing:
    if token in TOKENS:
        return new_payment_method(store, number=TOKENS[token])
    return store.find("payment_method", token, param=param)


def create_payment_method(store: Store, asked: Asked) -> Thing:
    """A card from its number, as the test mode allows."""
    kind = asked.one_of("type", ("card", "paypal", "sepa_debit"), "card") or "card"
    number = asked.group("card").text("number") or ""
    if kind == "card" and not is_card_number(number):
        raise Refused("Your card number is incorrect.", status=402, kind="card_error", code="incorrect_number")
    return new_payment_method(store, kind, number, asked.group("billing_details").text("email"))


def attach_payment_method(store: Store, asked: Asked, token: str) -> Thing:
    """Give a payment method to a customer."""
    customer = store.find("customer", asked.needed("customer"), param="customer")
    method = _card_of(store, token, "payment_method")
    if store.private[method["id"]].get("number") in DECLINED.keys() - {DECLINES_LATER}:
        store.forget(method)
        raise card_error("generic_decline")
    if method["customer"] not in (None, customer["id"]):
        raise Refused("The payment method you provided has already been attached to a customer.")
    return attach(store, method, customer)


def attach(store: Store, method: Thing, customer: Thing) -> Thing:
    """A payment method is a customer's from now on."""
    if method["customer"] != customer["id"]:
        method["customer"] = customer["id"]
        store.put(method)
        store.emit("payment_method.attached", method)
    return method


def detach_payment_method(store: Store, asked: Asked, method_id: str) -> Thing:
    """Take a payment method from its customer."""
    return detach(store, store.find("payment_method", method_id))


def detach(store: Store, method: Thing) -> Thing:
    """A payment method is nobody's from now on."""
    owner = store.tables["customer"].get(method["customer"] or "")
    if owner and owner["invoice_settings"]["default_payment_method"] == method["id"]:
        owner["invoice_settings"]["default_payment_method"] = None
    for subscription in store.all_of("subscription", method["customer"]) if method["customer"] else ():
        if subscription["default_payment_method"] == method["id"]:
            subscription["default_payment_method"] = None
    store.forget(method)
    with store.changing(method, "payment_method.detached"):
        method["customer"] = None
    return store.put(method)


def modify_payment_method(store: Store, asked: Asked, method_id: str) -> Thing:
    """Change a payment method's metadata."""
    method = store.find("payment_method", method_id)
    with store.changing(method, "payment_method.updated"):
        method["metadata"] = asked.metadata(method["metadata"])
    return method


def find_payment_methods(store: Store, asked: Asked, customer_id: str | None = None) -> list[Thing]:
    """Those of a customer, or all."""
    owner = customer_id or asked.text("customer")
    if owner:
        store.find("customer", owner, param="" if customer_id else "customer")
    kind = asked.text("type")
    return [method for method in store.all_of("payment_method", owner) if not kind or method["type"] == kind]


def default_method(store: Store, customer_id: str, subscription: Thing | None = None) -> Thing | None:
    """What a customer pays with unless told otherwise."""
    customer = store.tables["customer"].get(customer_id)
    if customer is None or customer.get("deleted"):
        return None
    chosen = (subscription or {}).get("default_payment_method") or customer["invoice_settings"][
        "default_payment_method"
    ]
    return store.tables["payment_method"].get(chosen or "")


def decline_code(store: Store, method: Thing | None, customer_id: str | None) -> str:
    """Why a payment would be declined; "" where it would not."""
    if customer_id in store.failing:
        return "generic_decline"
    return DECLINED.get(store.private[method["id"]].get("number", ""), "") if method else ""


def card_error(code: str, **more: Any) -> Refused:
    """What Stripe says of a declined card."""
    words = "Your card has insufficient funds." if code == "insufficient_funds" else "Your card was declined."
    return Refused(words, status=402, kind="card_error", code="card_declined", decline_code=code, **more)

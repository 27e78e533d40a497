"""Checkout sessions of the double of Stripe: what is sold, and what becomes of it once somebody pays."""

from typing import Any

from tests.emulators.stripe_catalogue import coupon_of, find_code, price_at_hand, reduction, start_discount
from tests.emulators.stripe_collection import begin_collecting, collect, end_collecting
from tests.emulators.stripe_invoices import build, finalize, intent_of, keep_draft, new_line, payments_of, tax_rate
from tests.emulators.stripe_life import expire
from tests.emulators.stripe_payments import begin_paying, end_paying, new_intent, pay_intent
from tests.emulators.stripe_people import (
    DECLINED,
    DECLINES_LATER,
    NO_ADDRESS,
    attach,
    card_error,
    decline_code,
    new_customer,
    new_payment_method,
)
from tests.emulators.stripe_store import DAY, Refused, Store, Thing
from tests.emulators.stripe_subscriptions import begin, first_invoice
from tests.emulators.stripe_wire import SHOWN_ONLY_WHEN_ASKED, Asked, listed

ECHOED = ("billing_address_collection", "client_reference_id", "customer_creation", "locale", "submit_type")
METHODS = {"card": "card", "paypal": "paypal", "bank": "sepa_debit"}

SHOWN_ONLY_WHEN_ASKED[("checkout.session", "line_items")] = lambda store, session: listed(
    store, items_sold(store, session), f"/v1/checkout/sessions/{session['id']}/line_items"
)

SHOWN_ONLY_WHEN_ASKED[("checkout.session", "total_details.breakdown")] = lambda store, session: _breakdown(
    store, session
)


def items_sold(store: Store, session: Thing) -> list[Thing]:
    """What a session sells."""
    items: list[Thing] = store.private[session["id"]].get("line_items", [])
    return items


# --- Making -----------------------------------------------------------------------------------------------------------


def create_session(store: Store, asked: Asked) -> Thing:
    """A Checkout page."""
    mode = asked.one_of("mode", ("payment", "subscription"))
    if mode is None:
        raise Refused("Missing required param: mode.", code="parameter_missing", param="mode")
    asked.needed("success_url")
    rows = asked.rows("line_items")
    if not rows:
        raise Refused("Missing required param: line_items.", code="parameter_missing", param="line_items")
    _check(store, asked, mode)
    sold = [(price_at_hand(store, row), row.whole("quantity", 1) or 1) for row in rows]
    _check_prices(sold, mode)
    session = store.make("checkout.session", **_blank(store, asked, mode))
    session["url"] = f"{store.address()}/c/pay/{session['id']}"
    known = store.private[session["id"]]
    known["line_items"] = [_item(store, price, quantity) for price, quantity in sold]
    known["discounts"] = [coupon_of(store, row) for row in asked.rows("discounts")]
    known["subscription_data"] = asked.group("subscription_data").values
    known["intent_metadata"] = asked.group("payment_intent_data").metadata()
    known["keeps_method"] = bool(asked.group("payment_intent_data").text("setup_future_usage"))
    session["currency"] = sold[0][0]["currency"]
    add_up(store, session)
    store.schedule(session["expires_at"], "expire", session["id"])
    return session


def _check(store: Store, asked: Asked, mode: str) -> None:
    customer, email = asked.text("customer"), asked.text("customer_email")
    if customer and email:
        raise Refused("You may only specify one of these parameters: customer, customer_email.", param="customer")
    if customer:
        store.find("customer", customer, param="customer")
    other = {"payment": "subscription_data", "subscription": "payment_intent_data"}[mode]
    if other in asked:
        raise Refused(f"You can not pass `{other}` in `{mode}` mode.", param=other)
    if "invoice_creation" in asked and mode == "subscription":
        raise Refused("You can only enable invoice creation when `mode` is set to `payment`.", param="invoice_creation")
    if asked.flag("allow_promotion_codes") and "discounts" in asked:
        message = "You may only specify one of these parameters: allow_promotion_codes, discounts."
        raise Refused(message, param="allow_promotion_codes")
    expires = asked.whole("expires_at")
    if expires is not None and not store.now + 1_800 <= expires <= store.now + DAY:
        message = "The `expires_at` timestamp must be between 30 minutes and 24 hours from Checkout Session creation."
        raise Refused(message, param="expires_at")
    trial = asked.group("subscription_data")
    if "trial_period_days" in trial and (trial.whole("trial_period_days") or 0) < 1:
        message = "The minimum number of trial period days is 1."
        raise Refused(message, param="subscription_data[trial_period_days]")


def _check_prices(sold: list[tuple[Thing, int]], mode: str) -> None:
    recurring = [price["type"] == "recurring" for price, _quantity in sold]
    if mode == "subscription" and not any(recurring):
        message = "You must provide at least one recurring price in `subscription` mode when using prices."
        raise Refused(message, param="line_items")
    if mode == "payment" and any(recurring):
        message = "You specified `payment` mode but passed a recurring price. Either switch to `subscription` mode or "
        raise Refused(message + "use only one-time prices.", param="line_items")
    if len({price["currency"] for price, _quantity in sold}) > 1:
        raise Refused("All prices must be in the same currency.", param="line_items")


def _blank(store: Store, asked: Asked, mode: str) -> Thing:
    words = "after_expiration branding_settings client_secret collected_information consent consent_collection"
    words += " currency_conversion customer_account excluded_payment_method_types integration_identifier invoice"
    words += " managed_payments name_collection optional_items origin_context payment_intent payment_link"
    words += " payment_method_configuration_details permissions presentment_details recovered_from return_url"
    words += (
        " redirect_on_completion saved_payment_method_options setup_intent shipping_address_collection shipping_cost"
    )
    given: Thing = dict.fromkeys((*words.split(), "subscription", "wallet_options"))
    given |= {word: asked.text(word) for word in (*ECHOED, "cancel_url", "success_url", "customer", "customer_email")}
    tax = asked.group("automatic_tax").flag("enabled")
    given["automatic_tax"] = {"enabled": tax, "liability": None, "provider": None, "status": None}
    given["automatic_tax"] |= {"status": "complete", "provider": "stripe"} if tax else {}
    given |= {"adaptive_pricing": {"enabled": False}, "allow_promotion_codes": asked.flag("allow_promotion_codes")}
    given |= {"custom_fields": [], "custom_text": {}, "customer_details": None, "discounts": [], "shipping_options": []}
    given |= {"expires_at": asked.whole("expires_at", store.now + DAY), "metadata": asked.metadata(), "mode": mode}
    invoiced = asked.group("invoice_creation")
    given["invoice_creation"] = {"enabled": invoiced.flag("enabled"), "invoice_data": {"metadata": {}}}
    given["invoice_creation"]["invoice_data"]["metadata"] = invoiced.group("invoice_data").metadata()
    if mode == "subscription":
        given["invoice_creation"] = None
    given |= {"payment_method_collection": asked.text("payment_method_collection") or "always"}
    given |= {"payment_method_options": {}, "phone_number_collection": {"enabled": False}, "status": "open"}
    given |= {"payment_method_types": asked.texts("payment_method_types") or list(METHODS.values())}
    given |= {"payment_status": "unpaid", "tax_id_collection": {"enabled": False, "required": "never"}}
    return given | {"ui_mode": "hosted_page"}


def _item(store: Store, price: Thing, quantity: int) -> Thing:
    cost = price["unit_amount"] * quantity
    item: Thing = {"id": store.new_id("item"), "object": "item", "adjustable_quantity": None, "amount_discount": 0}
    item |= {"amount_subtotal": cost, "amount_tax": 0, "amount_total": cost, "currency": price["currency"]}
    item |= {"description": store.find("product", price["product"])["name"], "discounts": [], "metadata": {}}
    return item | {"price": price, "quantity": quantity, "taxes": []}


def add_up(store: Store, session: Thing) -> None:
    """The sums of a session; a trial costs nothing today."""
    known = store.private[session["id"]]
    trial = trial_end_of(store, session) is not None
    subtotal = sum(item["amount_total"] for item in known["line_items"] if not (trial and item["price"]["recurring"]))
    left = subtotal
    for coupon, _code in known["discounts"]:
        left -= reduction(store, {"source": {"coupon": coupon["id"]}}, left)
    tax = round(left * store.tax_rate / 100) if session["automatic_tax"]["enabled"] and store.tax_rate else 0
    session["discounts"] = [
        {"coupon": None if code else coupon["id"], "promotion_code": code and code["id"]}
        for coupon, code in known["discounts"]
    ]
    session |= {"amount_subtotal": subtotal, "amount_total": left + tax}
    session["total_details"] = {"amount_discount": subtotal - left, "amount_shipping": 0, "amount_tax": tax}


def _breakdown(store: Store, session: Thing) -> Thing:
    """What the reductions and the tax of a session come to, one by one."""
    ids = store.private[session["id"]].get("discount_ids", [])
    shown = [store.tables["discount"][discount_id] for discount_id in ids]
    totals = session["total_details"]
    tax: Thing = {"amount": totals["amount_tax"], "rate": tax_rate(store)} if totals["amount_tax"] else {}
    taxes = [tax | {"taxability_reason": "standard_rated", "taxable_amount": None}] if tax else []
    left, reductions = session["amount_subtotal"], []
    for discount in shown:
        taken = reduction(store, discount, left)
        left -= taken
        reductions.append({"amount": taken, "discount": discount})
    return {"discounts": reductions, "taxes": taxes}


def trial_end_of(store: Store, session: Thing) -> int | None:
    """When the trial of a session's subscription would end; None where it has none."""
    data = Asked(store.private[session["id"]]["subscription_data"])
    days = data.whole("trial_period_days")
    return store.now + days * DAY if days else data.whole("trial_end")


def modify_session(store: Store, asked: Asked, session_id: str) -> Thing:
    """Change a session's metadata."""
    session = store.find("checkout.session", session_id)
    session["metadata"] = asked.metadata(session["metadata"])
    return session


def expire_session(store: Store, asked: Asked, session_id: str) -> Thing:
    """End an open session before its time."""
    session = store.find("checkout.session", session_id)
    if session["status"] != "open":
        message = f'Only Checkout Sessions with a status in ["open"] can be expired. This has `{session["status"]}`.'
        raise Refused(message, code="checkout_session_not_open")
    expire(store, session)
    return session


def find_sessions(store: Store, asked: Asked) -> list[Thing]:
    """Those that are asked for."""
    names = [name for name in ("payment_intent", "subscription", "status") if asked.text(name)]
    return [
        session
        for session in store.all_of("checkout.session", asked.text("customer"))
        if all(session[name] == asked.text(name) for name in names)
    ]


# --- Paying -----------------------------------------------------------------------------------------------------------


def redeem(store: Store, session: Thing, code: str) -> None:
    """Take a promotion code on the page. Raises `Refused`."""
    found = find_code(store, code) if session["allow_promotion_codes"] else None
    if found is None:
        raise Refused("This code is invalid.")
    store.private[session["id"]]["discounts"] = [(store.find("coupon", found["promotion"]["coupon"]), found)]
    add_up(store, session)


def pay_session(store: Store, session: Thing, way: str, *, email: str, number: str = "") -> Thing:
    """Pay on the page, by "card", "paypal" or "bank". Raises `Refused` where the card is declined: the page stays."""
    if session["status"] != "open":
        raise Refused(f"This page is {session['status']}.")
    known = store.private[session["id"]]
    method = new_payment_method(store, METHODS[way], number, email)
    code = decline_code(store, method, session["customer"])
    if code and (session["amount_total"] or number in DECLINED.keys() - {DECLINES_LATER}):
        _note_decline(store, session, method)
        raise card_error(code)
    customer = _customer_of(store, session, email)
    if customer and (
        session["mode"] == "subscription" or known["keeps_method"] or session["invoice_creation"]["enabled"]
    ):
        attach(store, method, customer)
    if session["mode"] == "subscription" and customer:
        _subscribe(store, session, customer, method, later=way == "bank")
    else:
        _sell(store, session, customer, method, later=way == "bank")
    details: Thing = {"address": dict(NO_ADDRESS), "business_name": None, "email": email, "individual_name": None}
    details |= {"name": customer and customer["name"], "phone": None, "tax_exempt": "none", "tax_ids": []}
    session |= {"customer_details": details, "status": "complete", "url": None}
    store.emit("checkout.session.completed", session)
    return session


def _note_decline(store: Store, session: Thing, method: Thing) -> None:
    known = store.private[session["id"]]
    if session["mode"] == "payment":
        intent = known.get("intent") or _intent(store, session, session["customer"])
        known["intent"] = intent
        pay_intent(store, intent, method)
    store.forget(method)


def _intent(store: Store, session: Thing, customer_id: str | None) -> Thing:
    metadata = dict(store.private[session["id"]]["intent_metadata"])
    return new_intent(store, session["amount_total"], session["currency"], customer_id, metadata=metadata)


def _customer_of(store: Store, session: Thing, email: str) -> Thing | None:
    if session["customer"]:
        return store.find("customer", session["customer"], param="customer")
    invoiced = session["mode"] == "subscription" or session["invoice_creation"]["enabled"]
    if not invoiced and session["customer_creation"] != "always":
        return None
    customer = new_customer(store, email=email)
    session["customer"] = customer["id"]
    store.put(session)
    return customer


def _subscribe(store: Store, session: Thing, customer: Thing, method: Thing, *, later: bool) -> None:
    known = store.private[session["id"]]
    data = Asked(known["subscription_data"])
    items = [(item["price"], item["quantity"]) for item in items_sold(store, session) if item["price"]["recurring"]]
    values: dict[str, Any] = {"metadata": data.metadata(), "default_payment_method": method["id"]}
    values |= {"description": data.text("description"), "discounts": _discounts(store, session, customer["id"])}
    taxed = session["automatic_tax"]["enabled"]
    values["automatic_tax"] = {"disabled_reason": None, "enabled": taxed, "liability": None}
    if "trial_settings" in data:
        values["trial_settings"] = data.plain("trial_settings")
    subscription = begin(store, customer, items, trial_end=trial_end_of(store, session), **values)
    for discount_id in subscription["discounts"]:
        store.tables["discount"][discount_id]["subscription"] = subscription["id"]
    invoice = first_invoice(store, subscription)
    if later and invoice["amount_due"]:
        begin_collecting(store, invoice, method)
    else:
        collect(store, invoice, method)
    session |= {"subscription": subscription["id"], "invoice": invoice["id"]}
    session["payment_status"] = _status(session, paid=invoice["status"] == "paid")


def _discounts(store: Store, session: Thing, customer_id: str | None) -> list[str]:
    owner = {"checkout_session": session["id"], "customer": customer_id}
    pairs = store.private[session["id"]]["discounts"]
    ids = [start_discount(store, coupon, code, **owner)["id"] for coupon, code in pairs]
    store.private[session["id"]]["discount_ids"] = ids
    return ids


def _status(session: Thing, *, paid: bool) -> str:
    return "no_payment_required" if not session["amount_total"] else "paid" if paid else "unpaid"


def _sell(store: Store, session: Thing, customer: Thing | None, method: Thing, *, later: bool) -> None:
    if customer and session["invoice_creation"]["enabled"]:
        _sell_with_invoice(store, session, customer, method, later=later)
        return
    _discounts(store, session, customer["id"] if customer else None)
    session["payment_status"] = _status(session, paid=not later)
    if not session["amount_total"]:
        return
    known = store.private[session["id"]]
    intent = known.get("intent") or _intent(store, session, customer["id"] if customer else None)
    intent |= {"amount": session["amount_total"]}
    session["payment_intent"] = intent["id"]
    (begin_paying if later else pay_intent)(store, intent, method)


def _sell_with_invoice(store: Store, session: Thing, customer: Thing, method: Thing, *, later: bool) -> None:
    lines = [new_line(store, item, store.now, store.now) | {"parent": None} for item in items_sold(store, session)]
    discounts = _discounts(store, session, customer["id"])
    taxed = session["automatic_tax"]["enabled"]
    invoice = build(
        store,
        customer,
        lines,
        reason="manual",
        period=(store.now, store.now),
        discounts=discounts,
        taxed=taxed,
        metadata=dict(session["invoice_creation"]["invoice_data"]["metadata"]),
    )
    finalize(store, keep_draft(store, invoice))
    intent = intent_of(store, invoice)
    if intent:
        intent["metadata"] = dict(store.private[session["id"]]["intent_metadata"])
    if later and payments_of(store, invoice):
        begin_collecting(store, invoice, method)
    else:
        collect(store, invoice, method)
    session |= {"invoice": invoice["id"], "payment_intent": intent and intent["id"]}
    session["payment_status"] = _status(session, paid=invoice["status"] == "paid")


def settle(store: Store, session: Thing, *, succeeded: bool) -> Thing:
    """The bank of a session that was paid "later" says whether it worked. Raises `Refused` where none is waited for."""
    if session["status"] != "complete" or session["payment_status"] != "unpaid":
        raise Refused(f"Session {session['id']} waits for no bank.")
    if session["invoice"]:
        end_collecting(store, store.find("invoice", session["invoice"]), succeeded=succeeded)
    else:
        intent = store.find("payment_intent", session["payment_intent"])
        if intent["status"] != "processing":
            raise Refused(f"Session {session['id']} waits for no bank.")
        end_paying(store, intent, succeeded=succeeded)
    session["payment_status"] = "paid" if succeeded else "unpaid"
    word = "succeeded" if succeeded else "failed"
    store.emit(f"checkout.session.async_payment_{word}", session)
    return session

"""Invoices of the double of Stripe: their lines, what they come to, and the way from draft to paid or void.

An invoice's total is its lines less discounts plus tax; a credit balance of the customer is used up first, and a total
below nothing adds to it. What follows for a subscription is in `stripe_collection`.
"""

from typing import Any

from tests.emulators.stripe_catalogue import lasts_once, reduction
from tests.emulators.stripe_payments import new_intent, pay_intent
from tests.emulators.stripe_store import ACCOUNT, Refused, Store, Thing
from tests.emulators.stripe_wire import SHOWN_ONLY_WHEN_ASKED, Asked, listed

SHOWN_ONLY_WHEN_ASKED[("invoice", "payments")] = lambda store, invoice: listed(
    store, payments_of(store, invoice), f"/v1/invoice_payments?invoice={invoice['id']}"
)
SHOWN_ONLY_WHEN_ASKED[("invoice", "confirmation_secret")] = lambda store, invoice: None
SELF: Thing = {"account": None, "type": "self"}


def payments_of(store: Store, invoice: Thing) -> list[Thing]:
    """How an invoice is paid or is to be."""
    return list(store.private[invoice["id"]].get("payments", []))


def intent_of(store: Store, invoice: Thing) -> Thing | None:
    """The payment intent of an invoice; None where nothing is to be paid."""
    payments = payments_of(store, invoice)
    return store.find("payment_intent", payments[0]["payment"]["payment_intent"]) if payments else None


# --- Lines ------------------------------------------------------------------------------------------------------------


def new_line(store: Store, item: Thing, start: int, end: int, amount: int | None = None, **values: Any) -> Thing:
    """A line for an item of a subscription or a session over a period; its whole price unless `amount` is given."""
    price, quantity = item["price"], item.get("quantity") or 1
    proration = amount is not None
    name = store.find("product", price["product"])["name"]
    details: Thing = {"invoice_item": None, "proration": proration, "subscription": item.get("subscription")}
    details |= {"proration_details": {"credited_items": None} if proration else None, "subscription_item": item["id"]}
    cost = price["unit_amount"] * quantity if amount is None else amount
    line: Thing = {"id": store.new_id("line_item"), "object": "line_item", "amount": cost, "livemode": False}
    line |= {"currency": price["currency"], "description": f"{quantity} × {name}", "discount_amounts": []}
    line |= {"discountable": not proration, "discounts": [], "invoice": None, "metadata": item.get("metadata", {})}
    line["parent"] = {"invoice_item_details": None, "subscription_item_details": details}
    line["parent"] |= {"type": "subscription_item_details"}
    line |= {"period": {"end": end, "start": start}, "pretax_credit_amounts": [], "quantity": quantity}
    pricing: Thing = {"price": price["id"], "product": price["product"]}
    line["pricing"] = {"price_details": pricing, "type": "price_details"}
    line["pricing"]["unit_amount_decimal"] = price["unit_amount_decimal"]
    line |= {"quantity_decimal": str(quantity), "subscription": item.get("subscription"), "subtotal": cost, "taxes": []}
    return line | values


# --- Making -----------------------------------------------------------------------------------------------------------


def build(
    store: Store,
    customer: Thing,
    lines: list[Thing],
    *,
    reason: str,
    period: tuple[int, int],
    subscription: Thing | None = None,
    discounts: list[str] | None = None,
    taxed: bool = False,
    **values: Any,
) -> Thing:
    """An invoice as a draft, its sums done; nothing is kept."""
    words = "account_tax_ids application automatically_finalizes_at custom_fields customer_account customer_shipping"
    words += " default_payment_method default_source description due_date effective_at ending_balance footer"
    words += " from_invoice hosted_invoice_url invoice_pdf last_finalization_error latest_revision"
    words += " next_payment_attempt number on_behalf_of receipt_number rendering shipping_cost shipping_details"
    given: Thing = dict.fromkeys((*words.split(), "statement_descriptor", "test_clock", "threshold_reason"))
    given |= {"id": store.new_id("invoice"), "object": "invoice", "created": store.now, "livemode": False}
    given |= {"account_country": "DE", "account_name": "Darkroom", "amount_overpaid": 0, "amount_paid": 0}
    given |= {"amount_paid_off_stripe": 0, "amount_shipping": 0, "attempt_count": 0, "attempted": False}
    given |= {"auto_advance": True, "billing_reason": reason, "collection_method": "charge_automatically"}
    tax: Thing = {"disabled_reason": None, "enabled": taxed, "liability": dict(SELF) if taxed else None}
    given["automatic_tax"] = tax | {"provider": "stripe" if taxed else None, "status": "complete" if taxed else None}
    given |= {"currency": lines[0]["currency"] if lines else "eur", "customer": customer["id"], "issuer": dict(SELF)}
    given |= {f"customer_{word}": customer[word] for word in ("address", "email", "name", "phone", "tax_exempt")}
    given |= {"customer_tax_ids": [], "default_tax_rates": [], "discounts": list(discounts or []), "metadata": {}}
    url = f"/v1/invoices/{given['id']}/lines"
    given["lines"] = {"object": "list", "data": lines, "has_more": False, "total_count": len(lines), "url": url}
    given |= {"parent": _parent(subscription), "payment_settings": {"payment_method_types": None}}
    given["payment_settings"] |= {"default_mandate": None, "payment_method_options": None}
    given |= {"period_end": period[1], "period_start": period[0], "post_payment_credit_notes_amount": 0}
    given |= {"pre_payment_credit_notes_amount": 0, "starting_balance": customer["balance"], "status": "draft"}
    moments = ("finalized_at", "marked_uncollectible_at", "paid_at", "voided_at")
    given |= {"status_transitions": dict.fromkeys(moments), "webhooks_delivered_at": store.now}
    invoice = given | values
    for line in lines:
        line["invoice"] = invoice["id"]
    _add_up(store, invoice)
    return invoice


def _parent(subscription: Thing | None) -> Thing | None:
    if subscription is None:
        return None
    details: Thing = {"metadata": dict(subscription["metadata"]), "subscription": subscription["id"]}
    details["subscription_proration_date"] = None
    return {"quote_details": None, "subscription_details": details, "type": "subscription_details"}


def _add_up(store: Store, invoice: Thing) -> None:
    lines = invoice["lines"]["data"]
    subtotal = sum(line["amount"] for line in lines)
    left = sum(line["amount"] for line in lines if line["discountable"])
    invoice["total_discount_amounts"] = []
    for discount_id in invoice["discounts"]:
        taken = reduction(store, store.tables["discount"][discount_id], left)
        left -= taken
        invoice["total_discount_amounts"].append({"amount": taken, "discount": discount_id})
    _spread(lines, invoice["total_discount_amounts"])
    reduced = subtotal - sum(part["amount"] for part in invoice["total_discount_amounts"])
    invoice["total_taxes"] = []
    tax = 0
    if invoice["automatic_tax"]["enabled"] and store.tax_rate:
        tax = round(reduced * store.tax_rate / 100)
        invoice["total_taxes"] = [tax_entry(store, tax, reduced)]
        _tax_lines(store, lines, tax)
    total = reduced + tax
    invoice |= {"subtotal": subtotal, "subtotal_excluding_tax": subtotal, "total": total}
    invoice |= {"total_excluding_tax": reduced, "total_pretax_credit_amounts": []}
    due = max(0, total + min(0, invoice["starting_balance"])) if total > 0 else 0
    invoice |= {"amount_due": due, "amount_remaining": due}


def _spread(lines: list[Thing], taken: list[Thing]) -> None:
    """Say at each line what discounts take off it."""
    counted = [line for line in lines if line["discountable"] and line["amount"] > 0]
    for part in taken:
        left, base = part["amount"], sum(line["amount"] for line in counted)
        for place, line in enumerate(counted):
            share = left if place == len(counted) - 1 else round(part["amount"] * line["amount"] / base)
            line["discount_amounts"].append({"amount": share, "discount": part["discount"]})
            line["discounts"].append(part["discount"])
            left -= share


def _tax_lines(store: Store, lines: list[Thing], tax: int) -> None:
    left = tax
    for place, line in enumerate(lines):
        base = line["amount"] - sum(part["amount"] for part in line["discount_amounts"])
        share = left if place == len(lines) - 1 else round(base * (store.tax_rate or 0) / 100)
        line["taxes"] = [tax_entry(store, share, base)]
        left -= share


def tax_entry(store: Store, amount: int, taxable: int) -> Thing:
    """How a tax is shown on an invoice and its lines."""
    shown: Thing = {"amount": amount, "tax_behavior": "exclusive", "taxability_reason": "standard_rated"}
    shown |= {"tax_rate_details": {"tax_rate": tax_rate(store)["id"]}, "taxable_amount": taxable}
    return shown | {"type": "tax_rate_details"}


def tax_rate(store: Store) -> Thing:
    """The rate that automatic tax uses now."""
    for found in store.all_of("tax_rate"):
        if found["percentage"] == store.tax_rate:
            return found
    words = ("description", "flat_amount", "state")
    given: Thing = dict.fromkeys(words) | {"active": False, "country": "DE", "display_name": "VAT", "inclusive": False}
    given |= {"effective_percentage": store.tax_rate, "jurisdiction": "Germany", "jurisdiction_level": "country"}
    given |= {"metadata": {}, "percentage": store.tax_rate, "rate_type": "percentage", "tax_type": "vat"}
    return store.make("tax_rate", **given)


# --- From draft to paid -----------------------------------------------------------------------------------------------


def keep_draft(store: Store, invoice: Thing) -> Thing:
    """An invoice is there from now on."""
    store.put(invoice)
    subscription_id = subscription_of(invoice)
    # A trial's invoice uses no reduction up.
    if subscription_id and invoice["subtotal"] > 0:
        _end_reductions(store, store.find("subscription", subscription_id))
    store.emit("invoice.created", invoice)
    return invoice


def _end_reductions(store: Store, subscription: Thing) -> None:
    kept = []
    for discount_id in subscription["discounts"]:
        discount = store.tables["discount"][discount_id]
        over = discount["end"] is not None and discount["end"] <= store.now
        if not over and not lasts_once(store, discount):
            kept.append(discount_id)
    subscription["discounts"] = kept


def subscription_of(invoice: Thing) -> str | None:
    """The id of the subscription that an invoice is of."""
    parent = invoice["parent"]
    return parent["subscription_details"]["subscription"] if parent else None


def finalize(store: Store, invoice: Thing) -> Thing:
    """An invoice is fixed: it has a number, a page and a payment to make."""
    customer = store.find("customer", invoice["customer"])
    with store.changing(invoice, "invoice.finalized"):
        number = f"{customer['invoice_prefix']}-{customer['next_invoice_sequence']:04}"
        customer["next_invoice_sequence"] += 1
        invoice |= {"starting_balance": customer["balance"]}
        total = invoice["total"]
        used = min(max(0, -customer["balance"]), total) if total > 0 else total
        customer["balance"] += used
        due = max(0, total - used)
        invoice |= {"amount_due": due, "amount_remaining": due, "ending_balance": customer["balance"]}
        page = f"{store.address()}/i/{ACCOUNT}/{invoice['id']}"
        invoice |= {"effective_at": store.now, "hosted_invoice_url": page, "invoice_pdf": f"{page}/pdf"}
        invoice |= {"number": number, "status": "open", "automatically_finalizes_at": None}
        invoice["status_transitions"] = invoice["status_transitions"] | {"finalized_at": store.now}
    if due:
        intent = new_intent(store, due, invoice["currency"], customer["id"], description=_description(invoice))
        given: Thing = {"amount_paid": None, "amount_requested": due, "currency": invoice["currency"]}
        given |= {"invoice": invoice["id"], "is_default": True, "status": "open"}
        given["payment"] = {"payment_intent": intent["id"], "type": "payment_intent"}
        given["status_transitions"] = {"canceled_at": None, "paid_at": None}
        store.private[invoice["id"]]["payments"] = [store.make("invoice_payment", **given)]
    return invoice


def _description(invoice: Thing) -> str:
    words = {"subscription_create": "Subscription creation", "manual": "Payment for invoice"}
    return words.get(invoice["billing_reason"], "Subscription update")


def try_to_pay(store: Store, invoice: Thing, method: Thing | None) -> bool:
    """Pay what is due, if it can be; whether it is paid."""
    intent = intent_of(store, invoice)
    if intent is None:
        return mark_paid(store, invoice, attempts=0)
    if intent["status"] != "succeeded":
        pay_intent(store, intent, method)
    if intent["status"] == "succeeded":
        return mark_paid(store, invoice)
    return mark_failed(store, invoice)


def mark_paid(store: Store, invoice: Thing, *, attempts: int = 1) -> bool:
    """An invoice is paid."""
    before: Thing = {"status": invoice["status"], "amount_paid": invoice["amount_paid"]}
    due = invoice["amount_due"]
    invoice |= {"amount_paid": due, "amount_remaining": 0, "attempted": True, "auto_advance": False, "status": "paid"}
    invoice |= {"attempt_count": invoice["attempt_count"] + attempts, "next_payment_attempt": None}
    invoice["status_transitions"] = invoice["status_transitions"] | {"paid_at": store.now}
    for payment in payments_of(store, invoice):
        payment |= {"amount_paid": due, "status": "paid"}
        payment["status_transitions"] |= {"paid_at": store.now}
        store.emit("invoice_payment.paid", payment)
    store.emit("invoice.updated", invoice, before)
    store.emit("invoice.paid", invoice)
    store.emit("invoice.payment_succeeded", invoice)
    return True


def mark_failed(store: Store, invoice: Thing) -> bool:
    """An attempt at an invoice failed; when it is tried again is for the caller to write down before it is told."""
    count = invoice["attempt_count"] + 1
    before = {"attempt_count": invoice["attempt_count"], "next_payment_attempt": invoice["next_payment_attempt"]}
    wait = store.retry_days[count - 1] if count <= len(store.retry_days) else None
    # The first invoice of a subscription is paid by a person, who tries again or does not.
    automatic = invoice["billing_reason"] == "subscription_cycle" or store.private[invoice["id"]].get("settles")
    again = store.now + wait * 86_400 if wait and automatic else None
    invoice |= {"attempt_count": count, "attempted": True, "next_payment_attempt": again}
    if again:
        store.schedule(again, "retry", invoice["id"])
    store.emit("invoice.updated", invoice, before)
    store.emit("invoice.payment_failed", invoice)
    return False


def close(store: Store, invoice: Thing, status: str) -> Thing:
    """Void an open invoice, or give it up as uncollectible. Raises `Refused`."""
    if invoice["status"] not in ("open", "uncollectible", *(("draft",) if status != "void" else ())):
        message = f"You can only pass in open invoices. This invoice isn't open (it is {invoice['status']})."
        raise Refused(message, code="invoice_not_open" if status == "void" else None)
    moment = "voided_at" if status == "void" else "marked_uncollectible_at"
    name = "invoice.voided" if status == "void" else "invoice.marked_uncollectible"
    intent = intent_of(store, invoice)
    if intent and intent["status"] not in ("succeeded", "canceled"):
        with store.changing(intent, "payment_intent.canceled"):
            intent |= {"status": "canceled", "canceled_at": store.now, "cancellation_reason": "void_invoice"}
    with store.changing(invoice, name):
        invoice |= {"status": status, "next_payment_attempt": None, "auto_advance": False}
        invoice["status_transitions"] = invoice["status_transitions"] | {moment: store.now}
    return invoice


def modify_invoice(store: Store, asked: Asked, invoice_id: str) -> Thing:
    """Change an invoice's metadata, and words of a draft."""
    invoice = store.find("invoice", invoice_id)
    with store.changing(invoice, "invoice.updated"):
        invoice["metadata"] = asked.metadata(invoice["metadata"])
        invoice["auto_advance"] = asked.flag("auto_advance", invoice["auto_advance"])
        for word in ("description", "footer"):
            invoice[word] = asked.text(word) if word in asked else invoice[word]
    return invoice


def find_invoices(store: Store, asked: Asked) -> list[Thing]:
    """Those that are asked for."""
    subscription, status = asked.text("subscription"), asked.text("status")
    return [
        invoice
        for invoice in store.all_of("invoice", asked.text("customer"))
        if (not subscription or subscription_of(invoice) == subscription)
        and (not status or invoice["status"] == status)
    ]


def find_invoice_payments(store: Store, asked: Asked) -> list[Thing]:
    """Those of an invoice or of a payment intent."""
    invoice, status = asked.text("invoice"), asked.text("status")
    intent = asked.group("payment").text("payment_intent")
    return [
        payment
        for payment in store.all_of("invoice_payment")
        if (not invoice or payment["invoice"] == invoice)
        and (not status or payment["status"] == status)
        and (not intent or payment["payment"]["payment_intent"] == intent)
    ]

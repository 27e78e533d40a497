"""What a payment means for a subscription in the double of Stripe: active, past due, tried again, given up."""

from tests.emulators.stripe_invoices import close, finalize, intent_of, mark_paid, subscription_of, try_to_pay
from tests.emulators.stripe_payments import begin_paying, end_paying
from tests.emulators.stripe_people import ENDED, card_error, default_method
from tests.emulators.stripe_store import Refused, Store, Thing
from tests.emulators.stripe_wire import Asked

UPDATED = "customer.subscription.updated"


def of_invoice(store: Store, invoice: Thing) -> Thing | None:
    """The subscription of an invoice, if it has one that has not ended."""
    found = store.tables["subscription"].get(subscription_of(invoice) or "")
    return None if found is None or found["status"] in ENDED else found


def collect(store: Store, invoice: Thing, method: Thing | None = None) -> bool:
    """Try to have an open invoice paid, and draw the consequences; whether it is paid."""
    chosen = method or default_method(store, invoice["customer"], of_invoice(store, invoice))
    paid = try_to_pay(store, invoice, chosen)
    follow(store, invoice, paid=paid)
    return paid


def follow(store: Store, invoice: Thing, *, paid: bool) -> None:
    """Draw the consequences of an attempt at an invoice."""
    customer = store.find("customer", invoice["customer"])
    if not customer.get("deleted") and customer["delinquent"] == paid:
        with store.changing(customer, "customer.updated"):
            customer["delinquent"] = not paid
    subscription = of_invoice(store, invoice)
    if subscription is None:
        return
    status = subscription["status"]
    if paid and status in ("incomplete", "past_due", "unpaid") and subscription["latest_invoice"] == invoice["id"]:
        _turn(store, subscription, "active")
    elif not paid and status in ("active", "trialing"):
        _turn(store, subscription, "past_due")
    if not paid and status != "incomplete" and invoice["attempt_count"] > len(store.retry_days):
        end(store, subscription, "payment_failed")


def _turn(store: Store, subscription: Thing, status: str) -> None:
    with store.changing(subscription, UPDATED):
        subscription["status"] = status


def end(store: Store, subscription: Thing, reason: str) -> Thing:
    """A subscription is over; what is open of it is not asked for any more."""
    for invoice in store.all_of("invoice", subscription["customer"]):
        if subscription_of(invoice) == subscription["id"] and invoice["status"] in ("draft", "open"):
            invoice |= {"auto_advance": False, "next_payment_attempt": None}
    subscription |= {"status": "canceled", "ended_at": store.now}
    subscription["canceled_at"] = subscription["canceled_at"] or store.now
    details = subscription["cancellation_details"]
    subscription["cancellation_details"] = details | {"reason": details["reason"] or reason}
    store.emit("customer.subscription.deleted", subscription)
    return subscription


# --- Banks that pay later ---------------------------------------------------------------------------------------------


def begin_collecting(store: Store, invoice: Thing, method: Thing) -> None:
    """An open invoice is being paid by a bank: the subscription runs, the money comes days later or does not."""
    intent = intent_of(store, invoice)
    if intent is None:
        mark_paid(store, invoice, attempts=0)
    else:
        begin_paying(store, intent, method)
    subscription = of_invoice(store, invoice)
    if subscription and subscription["status"] == "incomplete":
        _turn(store, subscription, "active")


def end_collecting(store: Store, invoice: Thing, *, succeeded: bool) -> None:
    """What the bank says in the end."""
    intent = intent_of(store, invoice)
    if intent is None or intent["status"] != "processing":
        raise Refused(f"Invoice {invoice['id']} waits for no bank.")
    end_paying(store, intent, succeeded=succeeded)
    if succeeded:
        follow(store, invoice, paid=mark_paid(store, invoice))
        return
    store.private[invoice["id"]]["settles"] = True
    invoice["attempt_count"] += 1
    again = store.now + store.retry_days[0] * 86_400
    invoice |= {"attempted": True, "next_payment_attempt": again}
    store.schedule(again, "retry", invoice["id"])
    store.emit("invoice.payment_failed", invoice)
    follow(store, invoice, paid=False)


# --- What is asked for ------------------------------------------------------------------------------------------------


def pay_invoice(store: Store, asked: Asked, invoice_id: str) -> Thing:
    """Pay an open invoice now."""
    invoice = store.find("invoice", invoice_id)
    if invoice["status"] == "paid":
        raise Refused("Invoice is already paid", code="invoice_already_paid")
    if invoice["status"] not in ("open", "draft"):
        raise Refused(f"This invoice is {invoice['status']}; it cannot be paid.", code="invoice_not_open")
    chosen = asked.text("payment_method")
    method = store.find("payment_method", chosen, param="payment_method") if chosen else None
    if invoice["status"] == "draft":
        finalize(store, invoice)
    if asked.flag("paid_out_of_band"):
        follow(store, invoice, paid=mark_paid(store, invoice, attempts=0))
        return invoice
    if not collect(store, invoice, method):
        raise unpaid(store, invoice)
    return invoice


def unpaid(store: Store, invoice: Thing) -> Refused:
    """What is said to whoever asked for a payment that failed."""
    intent = intent_of(store, invoice)
    error = (intent or {}).get("last_payment_error") or {}
    if error.get("type") == "card_error":
        return card_error(error["decline_code"], charge=error.get("charge"), payment_intent=intent)
    return Refused(error.get("message", "Nothing to pay with."), code=error.get("code"))


def finalize_invoice(store: Store, asked: Asked, invoice_id: str) -> Thing:
    """Fix a draft."""
    invoice = store.find("invoice", invoice_id)
    if invoice["status"] != "draft":
        raise Refused("This invoice is already finalized, you can't re-finalize a non-draft invoice.")
    return finalize(store, invoice)


def void_invoice(store: Store, asked: Asked, invoice_id: str) -> Thing:
    """Void an open invoice."""
    return give_up(store, store.find("invoice", invoice_id), "void")


def mark_uncollectible(store: Store, asked: Asked, invoice_id: str) -> Thing:
    """Give an open invoice up."""
    return give_up(store, store.find("invoice", invoice_id), "uncollectible")


def give_up(store: Store, invoice: Thing, status: str) -> Thing:
    """Void an invoice or mark it as uncollectible: a subscription that was past due for it is active again."""
    close(store, invoice, status)
    subscription = of_invoice(store, invoice)
    if subscription and subscription["status"] == "past_due" and subscription["latest_invoice"] == invoice["id"]:
        _turn(store, subscription, "active")
    return invoice

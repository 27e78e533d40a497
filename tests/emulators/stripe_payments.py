"""How money moves in the double of Stripe: payment intents, charges, refunds, disputes, and what the balance says."""

from typing import Any

from tests.emulators.stripe_people import card_error, decline_code
from tests.emulators.stripe_store import DAY, Refused, Store, Thing
from tests.emulators.stripe_wire import SHOWN_ONLY_WHEN_ASKED, Asked, listed

DISPUTE_FEE = 2_000

SHOWN_ONLY_WHEN_ASKED[("charge", "refunds")] = lambda store, charge: listed(
    store, _refunds_of(store, charge), f"/v1/charges/{charge['id']}/refunds"
)


def _refunds_of(store: Store, charge: Thing) -> list[Thing]:
    return [refund for refund in reversed(store.all_of("refund")) if refund["charge"] == charge["id"]]


def _balance(store: Store, amount: int, fee: int, kind: str, source: Thing) -> Thing:
    given: Thing = {"amount": amount, "available_on": store.now + 2 * DAY, "balance_type": "payments", "fee": fee}
    given |= {"currency": source["currency"], "description": None, "exchange_rate": None, "net": amount - fee}
    details: Thing = {"amount": fee, "application": None, "currency": source["currency"]}
    given["fee_details"] = [details | {"description": "Stripe processing fees", "type": "stripe_fee"}] if fee else []
    given |= {"reporting_category": kind, "source": source["id"], "status": "pending", "type": kind}
    transaction = store.make("balance_transaction", **given)
    # As Stripe shows them: without a mode.
    del transaction["livemode"]
    return transaction


# --- Payments ---------------------------------------------------------------------------------------------------------


def new_intent(store: Store, amount: int, currency: str, customer: str | None, **values: Any) -> Thing:
    """A payment that is to be made."""
    words = "application application_fee_amount canceled_at cancellation_reason customer_account description hooks"
    words += " excluded_payment_method_types last_payment_error latest_charge managed_payments next_action on_behalf_of"
    words += " payment_method payment_method_configuration_details presentment_details processing receipt_email review"
    words += " setup_future_usage shipping source statement_descriptor statement_descriptor_suffix transfer_data"
    given: Thing = dict.fromkeys((*words.split(), "transfer_group", "automatic_payment_methods", "amount_details"))
    given |= {"amount": amount, "amount_capturable": 0, "amount_received": 0, "capture_method": "automatic_async"}
    given |= {"confirmation_method": "automatic", "currency": currency, "customer": customer, "metadata": {}}
    given |= {"payment_method_options": {}, "payment_method_types": ["card", "paypal", "sepa_debit"]}
    given |= {"payment_details": {"customer_reference": None, "order_reference": None}}
    intent = store.make("payment_intent", **(given | {"status": "requires_payment_method"} | values))
    intent["client_secret"] = f"{intent['id']}_secret_double"
    store.emit("payment_intent.created", intent)
    return intent


def pay_intent(store: Store, intent: Thing, method: Thing | None) -> Thing:
    """Try to pay at once; the charge, failed or succeeded."""
    code = "no_method" if method is None else decline_code(store, method, intent["customer"])
    charge = _new_charge(store, intent, method, "failed" if code else "succeeded")
    intent["payment_method"] = method and method["id"]
    intent["latest_charge"] = charge["id"]
    if code:
        _fail(store, intent, charge, method, code)
    else:
        _succeed(store, intent, charge)
    return charge


def begin_paying(store: Store, intent: Thing, method: Thing) -> Thing:
    """A payment by a bank, which says days later whether it worked: see `end_paying`. The pending charge."""
    charge = _new_charge(store, intent, method, "pending")
    intent |= {"payment_method": method["id"], "latest_charge": charge["id"], "status": "processing"}
    store.emit("payment_intent.processing", intent)
    store.emit("charge.pending", charge)
    return charge


def end_paying(store: Store, intent: Thing, *, succeeded: bool) -> Thing:
    """What the bank says in the end; the charge."""
    charge = store.find("charge", intent["latest_charge"])
    charge["status"] = "succeeded" if succeeded else "failed"
    if succeeded:
        _succeed(store, intent, charge)
    else:
        method = store.tables["payment_method"].get(intent["payment_method"])
        _fail(store, intent, charge, method, "insufficient_funds")
    return charge


def _succeed(store: Store, intent: Thing, charge: Thing) -> None:
    fee = round(charge["amount"] * 0.015) + 25
    charge |= {"paid": True, "captured": True, "amount_captured": charge["amount"]}
    charge["balance_transaction"] = _balance(store, charge["amount"], fee, "charge", charge)["id"]
    intent |= {"status": "succeeded", "amount_received": charge["amount"], "last_payment_error": None}
    store.emit("charge.succeeded", charge)
    store.emit("payment_intent.succeeded", intent)


def _fail(store: Store, intent: Thing, charge: Thing, method: Thing | None, code: str) -> None:
    error = card_error(code, charge=charge["id"]).error if method else dict(NO_METHOD)
    charge |= {"paid": False, "failure_code": error["code"], "failure_message": error["message"]}
    charge["outcome"] |= {"network_status": "declined_by_network", "reason": code, "type": "issuer_declined"}
    intent |= {"status": "requires_payment_method", "payment_method": None}
    intent["last_payment_error"] = error | {"payment_method": method}
    if method:
        store.emit("charge.failed", charge)
    else:
        store.forget(charge)
        intent["latest_charge"] = None
    store.emit("payment_intent.payment_failed", intent)


NO_METHOD: Thing = {
    "type": "invalid_request_error",
    "code": "payment_method_missing",
    "message": "This customer has no attached payment source or default payment method.",
}


def _new_charge(store: Store, intent: Thing, method: Thing | None, status: str) -> Thing:
    words = "application application_fee application_fee_amount balance_transaction calculated_statement_descriptor"
    words += " failure_balance_transaction failure_code failure_message level3 on_behalf_of presentment_details"
    words += " receipt_email receipt_number review shipping source source_transfer statement_descriptor"
    given: Thing = dict.fromkeys((*words.split(), "statement_descriptor_suffix", "transfer_data", "transfer_group"))
    kind = method["type"] if method else "card"
    given |= {"amount": intent["amount"], "amount_captured": 0, "amount_refunded": 0, "captured": False}
    given |= {"billing_details": (method or {}).get("billing_details", {}), "currency": intent["currency"]}
    given |= {"customer": intent["customer"], "description": intent["description"], "disputed": False}
    given |= {"fraud_details": {}, "metadata": dict(intent["metadata"]), "paid": False, "refunded": False}
    given["outcome"] = {"advice_code": None, "network_status": "approved_by_network", "reason": None, "rule": None}
    given["outcome"] |= {"risk_level": "normal", "seller_message": "Payment complete.", "type": "authorized"}
    given |= {"payment_intent": intent["id"], "payment_method": method and method["id"], "radar_options": {}}
    given |= {"payment_method_details": {kind: (method or {}).get(kind, {}), "type": kind}, "status": status}
    charge = store.make("charge", **given)
    charge["receipt_url"] = f"{store.address()}/receipts/{charge['id']}"
    return charge


def modify_intent(store: Store, asked: Asked, intent_id: str) -> Thing:
    """Change a payment intent's metadata and description."""
    intent = store.find("payment_intent", intent_id)
    intent["metadata"] = asked.metadata(intent["metadata"])
    intent["description"] = asked.text("description") if "description" in asked else intent["description"]
    return intent


def cancel_intent(store: Store, asked: Asked, intent_id: str) -> Thing:
    """Give up a payment that was not made."""
    intent = store.find("payment_intent", intent_id)
    if intent["status"] in ("succeeded", "canceled", "processing"):
        message = f"You cannot cancel this PaymentIntent because it has a status of {intent['status']}."
        raise Refused(message, code="payment_intent_unexpected_state", payment_intent=intent)
    reason = asked.text("cancellation_reason")
    with store.changing(intent, "payment_intent.canceled"):
        intent |= {"status": "canceled", "canceled_at": store.now, "cancellation_reason": reason}
    return intent


def modify_charge(store: Store, asked: Asked, charge_id: str) -> Thing:
    """Change a charge's metadata and description."""
    charge = store.find("charge", charge_id)
    with store.changing(charge, "charge.updated"):
        charge["metadata"] = asked.metadata(charge["metadata"])
        charge["description"] = asked.text("description") if "description" in asked else charge["description"]
    return charge


def find_by_payment(store: Store, kind: str, asked: Asked) -> list[Thing]:
    """Charges, refunds or disputes of a charge, a payment intent or a customer."""
    names = [name for name in ("charge", "payment_intent", "customer") if asked.text(name)]
    customer = asked.text("customer") if kind == "charge" else None
    found = store.all_of(kind, customer)
    return [thing for thing in found if all(thing[name] == asked.text(name) for name in names)]


# --- Refunds ----------------------------------------------------------------------------------------------------------


def create_refund(store: Store, asked: Asked) -> Thing:
    """Give money back."""
    charge_id, intent_id = asked.text("charge"), asked.text("payment_intent")
    if not charge_id and not intent_id:
        raise Refused("One of the following params should be provided for this request: payment_intent or charge.")
    if intent_id:
        intent = store.find("payment_intent", intent_id, param="payment_intent")
        charge_id = intent["latest_charge"]
        if intent["status"] != "succeeded" or not charge_id:
            message = "This PaymentIntent does not have a successful charge to refund."
            raise Refused(message, param="payment_intent")
    charge = store.find("charge", charge_id or "", param="charge")
    reason = asked.one_of("reason", ("duplicate", "fraudulent", "requested_by_customer"))
    return refund(store, charge, asked.whole("amount"), reason=reason, metadata=asked.metadata())


def refund(store: Store, charge: Thing, amount: int | None = None, **values: Any) -> Thing:
    """Give back `amount` cents of a charge, or all that is left of it. Raises `Refused`."""
    left = charge["amount_captured"] - charge["amount_refunded"]
    wanted = left if amount is None else amount
    if charge["refunded"]:
        raise Refused(f"Charge {charge['id']} has already been refunded.", code="charge_already_refunded")
    if charge["disputed"] and any(
        found["charge"] == charge["id"] and not found["is_charge_refundable"] for found in store.all_of("dispute")
    ):
        raise Refused(f"Charge {charge['id']} has been charged back; cannot refund.", code="charge_disputed")
    if not charge["paid"] or not 0 < wanted <= left:
        message = f"Refund amount ({wanted}) is greater than unrefunded amount on charge ({left})."
        raise Refused(message, param="amount", code="amount_too_large" if wanted > left else "amount_too_small")
    words = "customer_account description failure_balance_transaction instructions_email next_action pending_reason"
    given: Thing = dict.fromkeys((*words.split(), "reason", "receipt_number", "source_transfer_reversal"))
    given |= {"amount": wanted, "charge": charge["id"], "currency": charge["currency"], "metadata": {}}
    given |= {"customer": charge["customer"], "payment_intent": charge["payment_intent"], "status": "succeeded"}
    given |= {"payment_method": charge["payment_method"], "transfer_reversal": None} | values
    given["destination_details"] = {"card": {"type": "refund"}, "type": "card"}
    made = store.make("refund", **given)
    del made["livemode"]
    made["balance_transaction"] = _balance(store, -wanted, 0, "refund", made)["id"]
    store.emit("refund.created", made)
    with store.changing(charge, "charge.refunded"):
        charge["amount_refunded"] += wanted
        charge["refunded"] = charge["amount_refunded"] == charge["amount"]
    return made


def fail_refund(store: Store, made: Thing) -> Thing:
    """The bank did not take a refund: the money is ours again."""
    charge = store.find("charge", made["charge"])
    with store.changing(made, "refund.updated"):
        made |= {"status": "failed", "failure_reason": "expired_or_canceled_card"}
        made["failure_balance_transaction"] = _balance(store, made["amount"], 0, "refund_failure", made)["id"]
    with store.changing(charge, "charge.updated"):
        charge["amount_refunded"] -= made["amount"]
        charge["refunded"] = False
    store.emit("refund.failed", made)
    return made


def modify_refund(store: Store, asked: Asked, refund_id: str) -> Thing:
    """Change a refund's metadata."""
    made = store.find("refund", refund_id)
    with store.changing(made, "refund.updated"):
        made["metadata"] = asked.metadata(made["metadata"])
    return made


# --- Disputes ---------------------------------------------------------------------------------------------------------


def dispute(store: Store, charge: Thing, amount: int | None = None) -> Thing:
    """The customer's bank takes the money back until it has looked. Raises `Refused`."""
    if charge["disputed"] or not charge["paid"]:
        raise Refused(f"Charge {charge['id']} cannot be disputed.")
    wanted = charge["amount"] if amount is None else amount
    given: Thing = {"amount": wanted, "charge": charge["id"], "currency": charge["currency"], "metadata": {}}
    given |= {"enhanced_eligibility_types": [], "evidence": {}, "is_charge_refundable": False, "reason": "fraudulent"}
    due: Thing = {"due_by": store.now + 9 * DAY, "enhanced_eligibility": {}, "has_evidence": False}
    given["evidence_details"] = due | {"past_due": False, "submission_count": 0}
    given |= {"network_reason_code": "10.4", "payment_intent": charge["payment_intent"], "status": "needs_response"}
    given["payment_method_details"] = {"card": {"brand": "visa", "case_type": "chargeback"}, "type": "card"}
    made = store.make("dispute", **given, balance_transactions=[])
    made["balance_transactions"].append(_balance(store, -wanted, DISPUTE_FEE, "dispute", made))
    with store.changing(charge, "charge.updated"):
        charge["disputed"] = True
    store.emit("charge.dispute.created", made)
    store.emit("charge.dispute.funds_withdrawn", made)
    return made


def modify_dispute(store: Store, asked: Asked, dispute_id: str) -> Thing:
    """Answer a dispute; handed in, it is under review."""
    made = store.find("dispute", dispute_id)
    with store.changing(made, "charge.dispute.updated"):
        made["metadata"] = asked.metadata(made["metadata"])
        if "evidence" in asked:
            made["evidence"] = made["evidence"] | (asked.plain("evidence") or {})
            made["evidence_details"] = made["evidence_details"] | {"has_evidence": True}
            if asked.flag("submit", True) and made["status"] == "needs_response":
                made["status"] = "under_review"
    return made


def give_in(store: Store, asked: Asked, dispute_id: str) -> Thing:
    """Accept a dispute as lost."""
    return close_dispute(store, store.find("dispute", dispute_id), won=False)


def close_dispute(store: Store, made: Thing, *, won: bool) -> Thing:
    """What the bank says in the end. Raises `Refused` where it has said so before."""
    if made["status"] in ("won", "lost"):
        raise Refused("This dispute is already closed.", code="dispute_closed")
    before = made["status"]
    made["status"] = "won" if won else "lost"
    if won:
        back = _balance(store, made["amount"], -DISPUTE_FEE, "dispute_reversal", made)
        made["balance_transactions"].append(back)
        store.emit("charge.dispute.funds_reinstated", made)
    store.emit("charge.dispute.closed", made, {"status": before})
    return made

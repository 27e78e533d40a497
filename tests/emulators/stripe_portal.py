"""The customer portal of the double of Stripe: its sessions, its configurations, and what its buttons do."""

from typing import Any

from tests.emulators.stripe_changes import cancel_at_period_end, switch
from tests.emulators.stripe_collection import UPDATED
from tests.emulators.stripe_people import attach, card_error, decline_code, is_card_number, new_payment_method
from tests.emulators.stripe_schedules import change_at_period_end
from tests.emulators.stripe_store import Refused, Store, Thing
from tests.emulators.stripe_subscriptions import items_of, living
from tests.emulators.stripe_wire import Asked

FEATURES: Thing = {
    "customer_update": {"allowed_updates": ["email", "address", "tax_id"], "enabled": True},
    "invoice_history": {"enabled": True},
    "payment_method_update": {"enabled": True, "payment_method_configuration": None},
    "subscription_cancel": {
        "cancellation_reason": {"enabled": False, "feedback_options": None, "options": []},
        "enabled": True,
        "mode": "at_period_end",
        "proration_behavior": "none",
    },
    "subscription_update": {
        "billing_cycle_anchor": None,
        "default_allowed_updates": ["price"],
        "enabled": True,
        "products": None,
        "proration_behavior": "create_prorations",
        "schedule_at_period_end": {"conditions": []},
        "trial_update_behavior": "end_trial",
    },
}


def _features(asked: Asked) -> Thing:
    given: dict[str, Any] = asked.plain("features") or {}
    off: Thing = {name: feature | {"enabled": False} for name, feature in FEATURES.items()}
    return {name: feature | given.get(name, {}) for name, feature in off.items()}


def create_configuration(store: Store, asked: Asked) -> Thing:
    """What a portal shows and lets people do."""
    if "features" not in asked:
        raise Refused("Missing required param: features.", code="parameter_missing", param="features")
    return _configuration(store, asked, _features(asked), is_default=False)


def _configuration(store: Store, asked: Asked, features: Thing, *, is_default: bool) -> Thing:
    profile: Thing = dict.fromkeys(("headline", "privacy_policy_url", "terms_of_service_url"))
    given: Thing = {"active": True, "application": None, "default_return_url": asked.text("default_return_url")}
    given |= {"business_profile": profile | (asked.plain("business_profile") or {}), "features": features}
    given |= {"is_default": is_default, "login_page": {"enabled": False, "url": None}, "metadata": asked.metadata()}
    return store.make("billing_portal.configuration", **given, name=asked.text("name"), updated=store.now)


def modify_configuration(store: Store, asked: Asked, configuration_id: str) -> Thing:
    """Change what a portal lets people do."""
    found = store.find("billing_portal.configuration", configuration_id)
    given: dict[str, Any] = asked.plain("features") or {}
    found["features"] = {name: feature | given.get(name, {}) for name, feature in found["features"].items()}
    found["active"] = asked.flag("active", found["active"])
    found["metadata"] = asked.metadata(found["metadata"])
    found["business_profile"] = found["business_profile"] | (asked.plain("business_profile") or {})
    if "default_return_url" in asked:
        found["default_return_url"] = asked.text("default_return_url")
    found["updated"] = store.now
    return found


def find_configurations(store: Store, asked: Asked) -> list[Thing]:
    """Those that are asked for."""
    names = [name for name in ("active", "is_default") if name in asked]
    everything = store.all_of("billing_portal.configuration")
    return [found for found in everything if all(found[name] == asked.flag(name) for name in names)]


def create_portal_session(store: Store, asked: Asked) -> Thing:
    """A portal page for a customer."""
    customer = store.find("customer", asked.needed("customer"), param="customer")
    wanted = asked.text("configuration")
    if wanted:
        configuration = store.find("billing_portal.configuration", wanted, param="configuration")
    else:
        # As the dashboard makes it once its settings were saved.
        defaults = [found for found in store.all_of("billing_portal.configuration") if found["is_default"]]
        configuration = defaults[0] if defaults else _configuration(store, Asked({}), dict(FEATURES), is_default=True)
    back = asked.text("return_url") or configuration["default_return_url"]
    flow = asked.plain("flow_data")
    given: Thing = {"configuration": configuration["id"], "customer": customer["id"], "customer_account": None}
    given |= {"flow": flow, "locale": asked.text("locale"), "on_behalf_of": None, "return_url": back}
    session = store.make("billing_portal.session", **given)
    session["url"] = f"{store.address()}/p/session/{session['id']}"
    return session


# --- What the page does -----------------------------------------------------------------------------------------------


def feature(store: Store, session: Thing, name: str) -> Thing:
    """What the portal of a session allows of something."""
    found = store.find("billing_portal.configuration", session["configuration"])
    allowed: Thing = found["features"][name]
    return allowed


def offered(store: Store, session: Thing) -> list[Thing]:
    """The prices among which the customer may switch."""
    allowed = feature(store, session, "subscription_update")
    if not allowed["enabled"]:
        return []
    listed = [price for product in allowed["products"] or () for price in product["prices"]]
    return [
        price
        for price in store.all_of("price")
        if price["active"] and price["recurring"] and (price["id"] in listed or not listed)
    ]


def act(store: Store, session: Thing, form: dict[str, str]) -> None:
    """Do what a button of the page is for. Raises `Refused`."""
    what = form.get("do", "")
    if what == "card":
        _change_card(store, session, form.get("number", "").replace(" ", ""))
        return
    subscription = living(store, form.get("subscription", ""))
    if subscription["customer"] != session["customer"]:
        raise Refused("No such subscription.", status=404)
    if what == "switch":
        prices = {price["id"]: price for price in offered(store, session)}
        if form.get("price", "") not in prices:
            raise Refused("This plan cannot be chosen.")
        rule = feature(store, session, "subscription_update")["proration_behavior"]
        if prices[form["price"]]["id"] != items_of(subscription)[0]["price"]["id"]:
            if _waits(store, session, items_of(subscription)[0]["price"], prices[form["price"]]):
                change_at_period_end(store, subscription, prices[form["price"]])
            else:
                switch(store, subscription, prices[form["price"]], rule)
    elif what in ("cancel", "resume") and feature(store, session, "subscription_cancel")["enabled"]:
        with store.changing(subscription, UPDATED):
            cancel_at_period_end(store, subscription, wanted=what == "cancel")
    else:
        raise Refused("This cannot be done here.")


def _waits(store: Store, session: Thing, now: Thing, then: Thing) -> bool:
    """Whether a change is one of those that the configuration lets wait for the end of the period."""
    rule = feature(store, session, "subscription_update")["schedule_at_period_end"]
    longer = {"day": 1, "week": 7, "month": 30, "year": 365}
    lengths = [longer[price["recurring"]["interval"]] * price["recurring"]["interval_count"] for price in (now, then)]
    holds = {
        "decreasing_item_amount": then["unit_amount"] < now["unit_amount"],
        "shortening_interval": lengths[1] < lengths[0],
    }
    return any(holds[condition["type"]] for condition in rule["conditions"])


def _change_card(store: Store, session: Thing, number: str) -> None:
    if not feature(store, session, "payment_method_update")["enabled"]:
        raise Refused("This cannot be done here.")
    if not is_card_number(number):
        raise Refused("Your card number is invalid.")
    customer = store.find("customer", session["customer"])
    method = new_payment_method(store, "card", number, customer["email"])
    code = decline_code(store, method, None)
    if code:
        store.forget(method)
        raise card_error(code)
    attach(store, method, customer)
    with store.changing(customer, "customer.updated"):
        customer["invoice_settings"]["default_payment_method"] = method["id"]
    for subscription in store.all_of("subscription", customer["id"]):
        if subscription["default_payment_method"]:
            with store.changing(subscription, UPDATED):
                subscription["default_payment_method"] = method["id"]

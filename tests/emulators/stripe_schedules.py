"""Schedules of the double of Stripe: changes of a subscription that wait for the end of what is paid for."""

from tests.emulators.stripe_catalogue import price_at_hand
from tests.emulators.stripe_collection import UPDATED
from tests.emulators.stripe_store import Refused, Store, Thing
from tests.emulators.stripe_subscriptions import items_of, living, period_of, priced
from tests.emulators.stripe_wire import Asked

END_BEHAVIORS = ("cancel", "none", "release", "renew")


def create_schedule(store: Store, asked: Asked) -> Thing:
    """A schedule for a subscription as it is: one phase, its current period."""
    return begin_schedule(store, living(store, asked.needed("from_subscription")))


def begin_schedule(store: Store, subscription: Thing) -> Thing:
    """A subscription is led by a schedule from now on. Raises `Refused` where it is already."""
    if subscription["schedule"]:
        raise Refused("You cannot migrate a subscription that is already attached to a schedule.")
    begun, ends = period_of(subscription)
    schedule = store.make(
        "subscription_schedule",
        customer=subscription["customer"],
        current_phase={"start_date": begun, "end_date": ends},
        end_behavior="release",
        metadata={},
        phases=[_phase(items_of(subscription)[0]["price"]["id"], begun, ends)],
        released_at=None,
        released_subscription=None,
        status="active",
        subscription=subscription["id"],
    )
    with store.changing(subscription, UPDATED):
        subscription["schedule"] = schedule["id"]
    return schedule


def _phase(price_id: str, start: int, end: int) -> Thing:
    items = [{"price": price_id, "plan": price_id, "quantity": 1, "metadata": {}}]
    return {"items": items, "start_date": start, "end_date": end, "proration_behavior": "create_prorations"}


def modify_schedule(store: Store, asked: Asked, schedule_id: str) -> Thing:
    """Let other phases follow each other."""
    schedule = _running(store, schedule_id)
    schedule["end_behavior"] = asked.one_of("end_behavior", END_BEHAVIORS, schedule["end_behavior"])
    rows = asked.rows("phases")
    if not rows:
        return schedule
    current = schedule["current_phase"]
    if rows[0].whole("start_date") != current["start_date"]:
        message = "You can not modify the start date of the current phase."
        raise Refused(message, param="phases[0][start_date]")
    phases: list[Thing] = []
    for row in rows:
        price = price_at_hand(store, row.rows("items")[0])
        start = phases[-1]["end_date"] if phases else row.whole("start_date") or 0
        # The last may say how long it is, or not at all; then it is as long as the first.
        end = row.whole("end_date") or start + current["end_date"] - current["start_date"]
        phases.append(_phase(price["id"], start, end))
    schedule["phases"] = phases
    store.emit("subscription_schedule.updated", schedule)
    return schedule


def release_schedule(store: Store, asked: Asked, schedule_id: str) -> Thing:
    """The subscription stays as it is."""
    schedule = _running(store, schedule_id)
    subscription = store.find("subscription", schedule["subscription"])
    with store.changing(subscription, UPDATED):
        subscription["schedule"] = None
    schedule |= {"status": "released", "released_at": store.now, "released_subscription": subscription["id"]}
    schedule |= {"subscription": None, "current_phase": None}
    store.emit("subscription_schedule.released", schedule)
    return schedule


def _running(store: Store, schedule_id: str) -> Thing:
    schedule = store.find("subscription_schedule", schedule_id)
    if schedule["status"] != "active":
        raise Refused(f"You cannot change a subscription schedule that is {schedule['status']}.")
    return schedule


def change_at_period_end(store: Store, subscription: Thing, price: Thing) -> None:
    """What the portal does with a change that is to wait."""
    if subscription["schedule"]:
        release_schedule(store, Asked({}), subscription["schedule"])
    schedule = begin_schedule(store, subscription)
    begun, ends = period_of(subscription)
    schedule["phases"].append(_phase(price["id"], ends, ends + (ends - begun)))
    store.emit("subscription_schedule.updated", schedule)


def items_from(store: Store, subscription: Thing, at: int) -> list[Thing]:
    """The items with which a subscription goes on at the end of a period: as they are, or as the next phase has them.

    A schedule whose last phase has begun lets the subscription go.
    """
    items = items_of(subscription)
    schedule = store.tables["subscription_schedule"].get(subscription["schedule"] or "")
    following = [phase for phase in schedule["phases"] if phase["start_date"] == at] if schedule else []
    if schedule is None or not following:
        return items
    schedule |= {"status": "released", "released_at": at, "released_subscription": subscription["id"]}
    schedule |= {"subscription": None, "current_phase": None}
    subscription["schedule"] = None
    return [priced(items[0], store.find("price", following[0]["items"][0]["price"]))]

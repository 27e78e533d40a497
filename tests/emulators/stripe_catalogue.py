"""What is sold in the double of Stripe: products, prices, coupons, promotion codes; and reductions that these give."""

import secrets
from typing import Any

from tests.emulators.stripe_store import DAY, Refused, Store, Thing, missing
from tests.emulators.stripe_wire import SHOWN_ONLY_WHEN_ASKED, Asked

INTERVALS = ("day", "week", "month", "year")
TAX_BEHAVIORS = ("exclusive", "inclusive", "unspecified")

SHOWN_ONLY_WHEN_ASKED[("price", "tiers")] = lambda store, price: None
SHOWN_ONLY_WHEN_ASKED[("price", "currency_options")] = lambda store, price: {
    price["currency"]: {name: price[name] for name in ("custom_unit_amount", "tax_behavior", "unit_amount")}
    | {"unit_amount_decimal": price["unit_amount_decimal"]}
}
SHOWN_ONLY_WHEN_ASKED[("coupon", "applies_to")] = lambda store, coupon: store.private[coupon["id"]].get("applies_to")


# --- Products ---------------------------------------------------------------------------------------------------------


def create_product(store: Store, asked: Asked) -> Thing:
    """A product, perhaps with its first price."""
    return _new_product(store, asked)


def _new_product(store: Store, asked: Asked) -> Thing:
    name = asked.needed("name")
    product_id = asked.text("id") or store.new_id("product")
    if product_id in store.tables["product"]:
        raise Refused(f"Product already exists: {product_id}", code="resource_already_exists", param="id")
    given: Thing = {"active": asked.flag("active", True), "attributes": [], "default_price": None, "images": []}
    given |= {"description": asked.text("description"), "marketing_features": [], "metadata": asked.metadata()}
    given |= {"name": name, "package_dimensions": None, "shippable": None, "type": "service", "updated": store.now}
    given |= {word: asked.text(word) for word in ("statement_descriptor", "tax_code", "unit_label", "url")}
    given |= {"images": asked.texts("images"), "marketing_features": asked.plain("marketing_features") or []}
    price = asked.group("default_price_data")
    if "default_price_data" in asked and not price.text("currency"):
        raise Refused("Missing required param: currency.", param=price.param("currency"))
    product = store.make("product", id=product_id, **given)
    if "default_price_data" in asked:
        product["default_price"] = _new_price(store, price, product["id"])["id"]
    store.emit("product.created", product)
    return product


def modify_product(store: Store, asked: Asked, product_id: str) -> Thing:
    """Change a product."""
    product = store.find("product", product_id)
    default = asked.text("default_price")
    if default:
        store.find("price", default, param="default_price")
    with store.changing(product, "product.updated"):
        for word in ("name", "description", "statement_descriptor", "tax_code", "unit_label", "url", "default_price"):
            if word in asked:
                product[word] = asked.text(word)
        product["active"] = asked.flag("active", product["active"])
        if "images" in asked:
            product["images"] = asked.texts("images")
        if "marketing_features" in asked:
            product["marketing_features"] = asked.plain("marketing_features") or []
        product["metadata"] = asked.metadata(product["metadata"])
        product["updated"] = store.now
    return product


def delete_product(store: Store, asked: Asked, product_id: str) -> Thing:
    """Delete a product that has no prices."""
    product = store.find("product", product_id)
    if any(price["product"] == product_id for price in store.all_of("price")):
        raise Refused("This product cannot be deleted because it has one or more user-created prices.")
    store.forget(product)
    store.emit("product.deleted", product)
    return {"id": product_id, "object": "product", "deleted": True}


def find_products(store: Store, asked: Asked) -> list[Thing]:
    """Those that are asked for."""
    ids = asked.texts("ids")
    found = [product for product in store.all_of("product") if not ids or product["id"] in ids]
    if "active" in asked:
        found = [product for product in found if product["active"] == asked.flag("active")]
    return found


# --- Prices -----------------------------------------------------------------------------------------------------------


def create_price(store: Store, asked: Asked) -> Thing:
    """A price of a product."""
    product = asked.text("product")
    if product:
        store.find("product", product, param="product")
    elif "product_data" not in asked:
        raise Refused("Missing required param: product.", code="parameter_missing", param="product")
    check_price(store, asked)
    return _new_price(store, asked, product or _new_product(store, asked.group("product_data"))["id"])


def check_price(store: Store, asked: Asked) -> None:
    """Refuse what no price can be."""
    asked.needed("currency")
    amount = asked.whole("unit_amount")
    if amount is None and asked.number("unit_amount_decimal") is None:
        message = "Prices require an `unit_amount` or `unit_amount_decimal` parameter to be set."
        raise Refused(message, param=asked.param("unit_amount"))
    if amount is not None and amount < 0:
        raise Refused("This value must be greater than or equal to 0.", param=asked.param("unit_amount"))
    if "recurring" in asked:
        recurring = asked.group("recurring")
        recurring.needed("interval")
        recurring.one_of("interval", INTERVALS)
    key = asked.text("lookup_key")
    if key and not asked.flag("transfer_lookup_key") and any(_holders(store, key)):
        message = f"A price (`{_holders(store, key)[0]['id']}`) already uses that lookup key."
        raise Refused(message, param="lookup_key")


def _holders(store: Store, key: str) -> list[Thing]:
    return [price for price in store.all_of("price") if price["lookup_key"] == key]


def _take_key(store: Store, asked: Asked) -> str | None:
    key = asked.text("lookup_key")
    for price in _holders(store, key) if key else ():
        with store.changing(price, "price.updated"):
            price["lookup_key"] = None
    return key


def _new_price(store: Store, asked: Asked, product: str, *, active: bool = True) -> Thing:
    recurring = asked.group("recurring") if "recurring" in asked else None
    amount = asked.whole("unit_amount")
    given: Thing = {"active": asked.flag("active", active), "billing_scheme": "per_unit", "custom_unit_amount": None}
    given |= {"currency": asked.needed("currency").lower(), "lookup_key": _take_key(store, asked), "product": product}
    given |= {"metadata": asked.metadata(), "nickname": asked.text("nickname"), "tiers_mode": None}
    given |= {"tax_behavior": asked.one_of("tax_behavior", TAX_BEHAVIORS, "unspecified"), "transform_quantity": None}
    given |= {"type": "recurring" if recurring else "one_time", "recurring": None, "unit_amount": amount}
    given["unit_amount_decimal"] = asked.text("unit_amount_decimal") or str(amount)
    if amount is None:
        given["unit_amount"] = round(asked.number("unit_amount_decimal") or 0)
    if recurring:
        given["recurring"] = {"interval": recurring.needed("interval"), "meter": None, "trial_period_days": None}
        given["recurring"] |= {"interval_count": recurring.whole("interval_count", 1), "usage_type": "licensed"}
    price = store.make("price", **given)
    store.emit("price.created", price)
    return price


def price_at_hand(store: Store, row: Asked) -> Thing:
    """The price that a line names, or one made for it from `price_data`. Raises `Refused`."""
    if "price_data" not in row:
        price = store.find("price", row.needed("price"), param=row.param("price"))
        if not price["active"]:
            message = f"The price specified is inactive. This field only accepts active prices: {price['id']}"
            raise Refused(message, param=row.param("price"))
        return price
    data = row.group("price_data")
    check_price(store, data)
    product = data.text("product") or _new_product(store, data.group("product_data"))["id"]
    store.find("product", product, param=data.param("product"))
    return _new_price(store, data, product, active=False)


def modify_price(store: Store, asked: Asked, price_id: str) -> Thing:
    """Change what can be changed of a price; its amount cannot."""
    price = store.find("price", price_id)
    key = asked.text("lookup_key")
    others = [holder for holder in _holders(store, key) if holder is not price] if key else []
    if others and not asked.flag("transfer_lookup_key"):
        raise Refused(f"A price (`{others[0]['id']}`) already uses that lookup key.", param="lookup_key")
    if others:
        _take_key(store, asked)
    with store.changing(price, "price.updated"):
        price["active"] = asked.flag("active", price["active"])
        price["metadata"] = asked.metadata(price["metadata"])
        for word in ("nickname", "lookup_key", "tax_behavior"):
            if word in asked:
                price[word] = asked.text(word)
    return price


def find_prices(store: Store, asked: Asked) -> list[Thing]:
    """Those that are asked for."""
    keys, product, kind = asked.texts("lookup_keys"), asked.text("product"), asked.text("type")
    interval = asked.group("recurring").text("interval")
    return [
        price
        for price in store.all_of("price")
        if (not keys or price["lookup_key"] in keys)
        and (not product or price["product"] == product)
        and (not kind or price["type"] == kind)
        and ("active" not in asked or price["active"] == asked.flag("active"))
        and (not asked.text("currency") or price["currency"] == asked.text("currency"))
        and (not interval or (price["recurring"] or {}).get("interval") == interval)
    ]


# --- Reductions -------------------------------------------------------------------------------------------------------


def create_coupon(store: Store, asked: Asked) -> Thing:
    """A coupon."""
    percent, amount = asked.number("percent_off"), asked.whole("amount_off")
    if (percent is None) == (amount is None):
        raise Refused("Must provide either `percent_off` or `amount_off`, and not both.", param="percent_off")
    if percent is not None and not 0 < percent <= 100:
        raise Refused("Invalid percentage: must be above 0 and at most 100.", param="percent_off")
    duration = asked.one_of("duration", ("forever", "once", "repeating"), "once")
    months = asked.whole("duration_in_months")
    if (duration == "repeating") == (months is None):
        raise Refused("`duration_in_months` goes with the duration `repeating`.", param="duration_in_months")
    coupon_id = asked.text("id") or secrets.token_hex(4)
    if coupon_id in store.tables["coupon"]:
        raise Refused("Coupon already exists.", code="resource_already_exists", param="id")
    given: Thing = {"amount_off": amount, "currency": asked.needed("currency") if amount is not None else None}
    given |= {"duration": duration, "duration_in_months": months, "max_redemptions": asked.whole("max_redemptions")}
    given |= {"metadata": asked.metadata(), "name": asked.text("name"), "percent_off": percent, "times_redeemed": 0}
    given |= {"redeem_by": asked.whole("redeem_by"), "valid": True}
    store.private[coupon_id]["applies_to"] = asked.plain("applies_to")
    coupon = store.make("coupon", id=coupon_id, **given)
    store.emit("coupon.created", coupon)
    return coupon


def modify_coupon(store: Store, asked: Asked, coupon_id: str) -> Thing:
    """Change a coupon's name and metadata."""
    coupon = store.find("coupon", coupon_id)
    with store.changing(coupon, "coupon.updated"):
        coupon["metadata"] = asked.metadata(coupon["metadata"])
        coupon["name"] = asked.text("name") if "name" in asked else coupon["name"]
    return coupon


def delete_coupon(store: Store, asked: Asked, coupon_id: str) -> Thing:
    """Delete a coupon; who has its reduction keeps it."""
    coupon = store.find("coupon", coupon_id)
    store.private[coupon_id]["gone"] = coupon
    store.forget(coupon)
    store.emit("coupon.deleted", coupon)
    return {"id": coupon_id, "object": "coupon", "deleted": True}


def create_promotion_code(store: Store, asked: Asked) -> Thing:
    """A word that people type for a coupon."""
    promotion = asked.group("promotion")
    coupon = store.find("coupon", promotion.needed("coupon"), param="promotion[coupon]")
    code = asked.text("code") or secrets.token_hex(4).upper()
    if find_code(store, code) is not None:
        message = "An active promotion code with `code` already exists."
        raise Refused(message, code="resource_already_exists", param="code")
    given: Thing = {"active": asked.flag("active", True), "code": code, "customer": asked.text("customer")}
    given |= {"customer_account": None, "expires_at": asked.whole("expires_at"), "metadata": asked.metadata()}
    given |= {"max_redemptions": asked.whole("max_redemptions"), "times_redeemed": 0}
    given["promotion"] = {"coupon": coupon["id"], "type": "coupon"}
    given["restrictions"] = {"first_time_transaction": False, "minimum_amount": None, "minimum_amount_currency": None}
    promotion_code = store.make("promotion_code", **given)
    store.emit("promotion_code.created", promotion_code)
    return promotion_code


def modify_promotion_code(store: Store, asked: Asked, code_id: str) -> Thing:
    """Switch a promotion code on or off."""
    code = store.find("promotion_code", code_id)
    with store.changing(code, "promotion_code.updated"):
        code["active"] = asked.flag("active", code["active"])
        code["metadata"] = asked.metadata(code["metadata"])
    return code


def find_promotion_codes(store: Store, asked: Asked) -> list[Thing]:
    """Those that are asked for."""
    code, coupon = asked.text("code"), asked.text("coupon")
    return [
        found
        for found in store.all_of("promotion_code")
        if (not code or found["code"].lower() == code.lower())
        and (not coupon or found["promotion"]["coupon"] == coupon)
        and ("active" not in asked or found["active"] == asked.flag("active"))
    ]


def find_code(store: Store, code: str) -> Thing | None:
    """An active promotion code by what people type."""
    wanted = code.strip().lower()
    for found in store.all_of("promotion_code"):
        limit, ends = found["max_redemptions"], found["expires_at"]
        usable = (limit is None or found["times_redeemed"] < limit) and (ends is None or ends > store.now)
        if found["active"] and found["code"].lower() == wanted and usable:
            return found
    return None


def coupon_of(store: Store, row: Asked) -> tuple[Thing, Thing | None]:
    """The coupon, and the promotion code if there is one, that a row of `discounts` names. Raises `Refused`."""
    code_id, coupon_id = row.text("promotion_code"), row.text("coupon")
    code = store.find("promotion_code", code_id, param=row.param("promotion_code")) if code_id else None
    coupon_id = code["promotion"]["coupon"] if code else coupon_id
    if not coupon_id:
        raise Refused("Must provide one of `coupon` or `promotion_code`.", param=row.param("coupon"))
    coupon = store.find("coupon", coupon_id, param=row.param("coupon"))
    ends, limit = coupon["redeem_by"], coupon["max_redemptions"]
    if (ends is not None and ends <= store.now) or (limit is not None and coupon["times_redeemed"] >= limit):
        raise Refused(f"Coupon {coupon_id} is expired or used up.", code="coupon_expired", param=row.param("coupon"))
    return coupon, code


def start_discount(store: Store, coupon: Thing, code: Thing | None, **of: Any) -> Thing:
    """Let a reduction begin for a subscription or a session."""
    for redeemed in filter(None, (coupon, code)):
        redeemed["times_redeemed"] += 1
    end = store.now + 30 * DAY * coupon["duration_in_months"] if coupon["duration"] == "repeating" else None
    given: Thing = {"checkout_session": None, "customer": None, "customer_account": None, "end": end, "invoice": None}
    given |= {"invoice_item": None, "promotion_code": code and code["id"], "start": store.now, "subscription": None}
    given |= {"source": {"coupon": coupon["id"], "type": "coupon"}, "subscription_item": None}
    discount: Thing = {"id": store.new_id("discount"), "object": "discount"} | given | of
    return store.put(discount)


def reduction(store: Store, discount: Thing, amount: int) -> int:
    """What a reduction takes off an amount in cents."""
    coupon_id = discount["source"]["coupon"]
    coupon = store.tables["coupon"].get(coupon_id) or store.private[coupon_id].get("gone")
    if coupon is None:
        raise missing("coupon", coupon_id)
    if coupon["percent_off"] is not None:
        return round(max(0, amount) * float(coupon["percent_off"]) / 100)
    taken: int = min(max(0, amount), coupon["amount_off"])
    return taken


def lasts_once(store: Store, discount: Thing) -> bool:
    """Whether a reduction is for one invoice only."""
    coupon_id = discount["source"]["coupon"]
    coupon = store.tables["coupon"].get(coupon_id) or store.private[coupon_id]["gone"]
    return bool(coupon["duration"] == "once")

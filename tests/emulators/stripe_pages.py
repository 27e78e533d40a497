"""The pages of the double of Stripe: Checkout, the customer portal, an invoice and its PDF. Plain HTML, no script."""

from datetime import UTC, datetime
from html import escape
from urllib.parse import parse_qsl

from tests.emulators.messages import Reply, Request
from tests.emulators.stripe_checkout import items_sold, pay_session, redeem, trial_end_of
from tests.emulators.stripe_collection import collect, unpaid
from tests.emulators.stripe_people import ENDED, is_card_number
from tests.emulators.stripe_portal import act, feature, offered
from tests.emulators.stripe_store import Refused, Store, Thing
from tests.emulators.stripe_subscriptions import items_of, period_of

STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; margin: 0; background: #f5f6f8; color: #1a1d21 }
main { max-width: 34rem; margin: 0 auto; padding: 1.5rem 1rem 4rem }
section { background: #fff; border-radius: .5rem; padding: 1rem; margin: 1rem 0; box-shadow: 0 1px 3px #0002 }
label { display: block; margin: .6rem 0 } fieldset { border: 1px solid #bbc; border-radius: .4rem }
input[type=text], input[type=email], select { display: block; width: 100%; box-sizing: border-box; padding: .5rem }
button { padding: .6rem 1.2rem; border: 0; border-radius: .4rem; background: #3d3bcf; color: #fff; font: inherit }
table { width: 100%; border-collapse: collapse } td { padding: .25rem 0 } td:last-child { text-align: right }
.problem { background: #fde8e8; color: #8a1010; padding: .6rem; border-radius: .4rem }
"""


def money(amount: int, currency: str) -> str:
    """An amount in cents, for people."""
    return f"{amount / 100:,.2f} {currency.upper()}"


def day(moment: int) -> str:
    """A date."""
    return datetime.fromtimestamp(moment, UTC).strftime("%-d %B %Y")


def form_of(request: Request) -> dict[str, str]:
    """What a page sent."""
    return dict(parse_qsl(request.body.decode(), keep_blank_values=True))


def see(address: str) -> Reply:
    """Go elsewhere."""
    return Reply(303, b"", "text/plain", {"Location": address})


def shown(title: str, body: str, *, status: int = 200) -> Reply:
    """A page."""
    head = f"<title>{escape(title)}</title><style>{STYLE}</style>"
    view = '<meta name="viewport" content="width=device-width, initial-scale=1">'
    text = (
        f'<!doctype html><html lang="en"><meta charset="utf-8">{view}{head}<main><h1>{escape(title)}</h1>{body}</main>'
    )
    return Reply(status, text.encode(), "text/html; charset=utf-8")


def _problem(text: str) -> str:
    return f'<p class="problem" role="alert">{escape(text)}</p>' if text else ""


def _rows(rows: list[tuple[str, str]]) -> str:
    cells = "".join(f"<tr><td>{escape(name)}</td><td>{escape(value)}</td></tr>" for name, value in rows)
    return f"<table>{cells}</table>"


# --- Checkout ---------------------------------------------------------------------------------------------------------


def checkout(store: Store, request: Request, session_id: str) -> Reply:
    """The page that sells, and what is sent from it."""
    session = store.tables["checkout.session"].get(session_id)
    if session is None:
        return shown("Page not found", "", status=404)
    if session["status"] == "complete":
        return shown("You are all done here", "<p>This was paid. You can close this page.</p>")
    if session["status"] == "expired":
        return shown("This page has expired", _back(session["cancel_url"]), status=410)
    if request.method != "POST":
        return _checkout_page(store, session)
    form = form_of(request)
    try:
        if form.get("do") == "apply":
            redeem(store, session, form.get("code", ""))
            return _checkout_page(store, session, form=form)
        _pay(store, session, form)
    except Refused as refused:
        return _checkout_page(store, session, form=form, problem=str(refused))
    return see(session["success_url"].replace("{CHECKOUT_SESSION_ID}", session["id"]))


def _pay(store: Store, session: Thing, form: dict[str, str]) -> None:
    email, number = form.get("email", "").strip(), form.get("number", "").replace(" ", "")
    way = form.get("way", "card")
    if "@" not in email:
        raise Refused("Enter your email.")
    if way not in ("card", "paypal", "bank"):
        raise Refused("Choose how to pay.")
    if way == "card" and not is_card_number(number):
        raise Refused("Your card number is invalid.")
    pay_session(store, session, way, email=email, number=number if way == "card" else "")


def _back(address: str | None) -> str:
    return f'<p><a href="{escape(address)}">Back</a></p>' if address else ""


def _checkout_page(store: Store, session: Thing, *, form: dict[str, str] | None = None, problem: str = "") -> Reply:
    sent = form or {}
    customer = store.tables["customer"].get(session["customer"] or "", {})
    email = sent.get("email") or customer.get("email") or session["customer_email"] or ""
    rows = [(f"{item['quantity']} × {item['description']}", _cost(item)) for item in items_sold(store, session)]
    totals = session["total_details"]
    rows += (
        [("Discount", f"−{money(totals['amount_discount'], session['currency'])}")] if totals["amount_discount"] else []
    )
    rows += [("Tax", money(totals["amount_tax"], session["currency"]))] if totals["amount_tax"] else []
    rows.append(("Total due today", money(session["amount_total"], session["currency"])))
    trial = trial_end_of(store, session)
    free = f"<p>Free trial until {day(trial)}.</p>" if trial else ""
    code = ""
    if session["allow_promotion_codes"]:
        code = '<label>Promotion code <input type="text" name="code"></label>'
        code += '<button name="do" value="apply" formnovalidate>Apply</button>'
    ways = {"card": "Card", "paypal": "PayPal", "bank": "Bank (pays later)"}
    chosen = sent.get("way", "card")
    radios = "".join(
        f'<label><input type="radio" name="way" value="{way}"{" checked" * (way == chosen)}> {name}</label>'
        for way, name in ways.items()
    )
    number = escape(sent.get("number", ""))
    word = "Start trial" if trial else "Pay"
    # Sent by Enter, which presses the first button, the form pays.
    body = f"""{_problem(problem)}<section>{_rows(rows)}{free}</section>
<form method="post"><button name="do" value="pay" hidden>{word}</button><section>
<label>Email <input type="email" name="email" value="{escape(email)}" required></label>
<fieldset><legend>Pay with</legend>{radios}</fieldset>
<label>Card number <input type="text" name="number" value="{number}" inputmode="numeric" autocomplete="off"></label>
{code}</section><button name="do" value="pay">{word}</button></form>{_back(session["cancel_url"])}"""
    return shown("Checkout (a double of Stripe)", body)


def _cost(item: Thing) -> str:
    recurring = item["price"]["recurring"]
    every = f" every {recurring['interval_count']} {recurring['interval']}" if recurring else ""
    return money(item["amount_total"], item["currency"]) + every


# --- Customer portal --------------------------------------------------------------------------------------------------


def portal(store: Store, request: Request, session_id: str) -> Reply:
    """The page on which customers mind their subscription, and what its buttons do."""
    session = store.tables["billing_portal.session"].get(session_id)
    if session is None or store.tables["customer"][session["customer"]].get("deleted"):
        return shown("Page not found", "", status=404)
    if request.method != "POST":
        return _portal_page(store, session)
    try:
        act(store, session, form_of(request))
    except Refused as refused:
        return _portal_page(store, session, str(refused))
    after = ((session["flow"] or {}).get("after_completion") or {}).get("redirect") or {}
    return see(after.get("return_url") or session["return_url"] or session["url"])


def _portal_page(store: Store, session: Thing, problem: str = "") -> Reply:
    body = _problem(problem)
    for subscription in store.all_of("subscription", session["customer"]):
        if subscription["status"] not in ENDED:
            body += _portal_subscription(store, session, subscription)
    if feature(store, session, "payment_method_update")["enabled"]:
        field = '<label>Card number <input type="text" name="number" inputmode="numeric" autocomplete="off"></label>'
        body += (
            f'<section><form method="post">{field}<button name="do" value="card">Update card</button></form></section>'
        )
    if feature(store, session, "invoice_history")["enabled"]:
        body += f"<section><h2>Invoices</h2><table>{_portal_invoices(store, session)}</table></section>"
    return shown("Billing (a double of Stripe)", body + _back(session["return_url"]))


def _portal_subscription(store: Store, session: Thing, subscription: Thing) -> str:
    price = items_of(subscription)[0]["price"]
    ends = day(period_of(subscription)[1])
    name = store.find("product", price["product"])["name"]
    text = f"<h2>{escape(name)}</h2><p>{escape(subscription['status'])}, "
    leaving = subscription["cancel_at"] is not None
    text += f"ends on {ends}.</p>" if leaving else f"renews on {ends}.</p>"
    hidden = f'<input type="hidden" name="subscription" value="{subscription["id"]}">'
    if feature(store, session, "subscription_cancel")["enabled"]:
        what, word = ("resume", "Resume plan") if leaving else ("cancel", "Cancel plan")
        text += f'<form method="post">{hidden}<button name="do" value="{what}">{word}</button></form>'
    options = "".join(_option(store, found, current=found["id"] == price["id"]) for found in offered(store, session))
    if options:
        choice = f'<label>Plan <select name="price">{options}</select></label>'
        text += f'<form method="post">{hidden}{choice}<button name="do" value="switch">Switch plan</button></form>'
    return f"<section>{text}</section>"


def _option(store: Store, price: Thing, *, current: bool) -> str:
    recurring = price["recurring"]
    name = store.find("product", price["product"])["name"]
    text = f"{name}: {money(price['unit_amount'], price['currency'])} every {recurring['interval_count']} "
    return f'<option value="{price["id"]}"{" selected" * current}>{escape(text + recurring["interval"])}</option>'


def _portal_invoices(store: Store, session: Thing) -> str:
    text = ""
    for invoice in reversed(store.all_of("invoice", session["customer"])):
        if invoice["status"] != "draft":
            link = f'<a href="{invoice["hosted_invoice_url"]}">{invoice["number"]}</a>, {day(invoice["created"])}'
            cost = f"{money(invoice['total'], invoice['currency'])}, {invoice['status']}"
            text += f"<tr><td>{link}</td><td>{cost}</td></tr>"
    return text


# --- Invoices ---------------------------------------------------------------------------------------------------------


def invoice_page(store: Store, request: Request, invoice_id: str) -> Reply:
    """An invoice, which can be paid while it is open."""
    invoice = store.tables["invoice"].get(invoice_id)
    if invoice is None or invoice["status"] == "draft":
        return shown("Page not found", "", status=404)
    problem = ""
    if request.method == "POST" and invoice["status"] == "open" and not collect(store, invoice):
        problem = str(unpaid(store, invoice))
    rows = _invoice_rows(invoice)
    body = (
        f'{_problem(problem)}<section>{_rows(rows)}</section><p><a href="{invoice["invoice_pdf"]}">Download PDF</a></p>'
    )
    if invoice["status"] == "open":
        body += '<form method="post"><button>Pay</button></form>'
    return shown(f"Invoice {invoice['number']}: {invoice['status']}", body)


def _invoice_rows(invoice: Thing) -> list[tuple[str, str]]:
    currency = invoice["currency"]
    rows = [(line["description"], money(line["amount"], currency)) for line in invoice["lines"]["data"]]
    reduced = sum(part["amount"] for part in invoice["total_discount_amounts"])
    rows += [("Discount", f"-{money(reduced, currency)}")] if reduced else []
    rows += [("Tax", money(part["amount"], currency)) for part in invoice["total_taxes"]]
    return [*rows, ("Total", money(invoice["total"], currency)), ("Paid", money(invoice["amount_paid"], currency))]


def receipt(store: Store, charge_id: str) -> Reply:
    """What was paid by a charge."""
    charge = store.tables["charge"].get(charge_id)
    if charge is None or not charge["paid"]:
        return shown("Page not found", "", status=404)
    rows = [("Paid", charge["amount"]), ("Refunded", charge["amount_refunded"])]
    body = _rows([(name, money(amount, charge["currency"])) for name, amount in rows])
    return shown(f"Receipt of {day(charge['created'])}", f"<section>{body}</section>")


def invoice_pdf(store: Store, invoice_id: str) -> bytes | None:
    """The file of an invoice; None where there is none."""
    invoice = store.tables["invoice"].get(invoice_id)
    if invoice is None or invoice["status"] == "draft":
        return None
    lines = [f"Invoice {invoice['number']}", f"{day(invoice['created'])}, {invoice['status']}", ""]
    return pdf([*lines, *(f"{name}: {value}" for name, value in _invoice_rows(invoice))])


def pdf(lines: list[str]) -> bytes:
    """A PDF of one page with these lines."""
    words = [line.replace("×", "x").encode("latin-1", "replace") for line in lines]
    safe = [word.replace(b"\\", b"\\\\").replace(b"(", b"\\(").replace(b")", b"\\)") for word in words]
    text = b"BT /F1 12 Tf 16 TL 56 780 Td " + b" ".join(b"(%s) Tj T*" % word for word in safe) + b" ET"
    parts = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 5 0 R "
        b"/Resources << /Font << /F1 4 0 R >> >> >>",
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(text), text),
    ]
    file, places = b"%PDF-1.4\n", []
    for number, part in enumerate(parts, 1):
        places.append(len(file))
        file += b"%d 0 obj\n%s\nendobj\n" % (number, part)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    end = b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(parts) + 1, len(file))
    return file + b"xref\n0 %d\n0000000000 65535 f \n%s" % (len(parts) + 1, table) + end

"""From the moment at which a provider is done until the picture stands on an open page, in a real Chromium."""

import os
import time
from argparse import Namespace
from dataclasses import dataclass
from random import Random
from uuid import UUID

from playwright.sync_api import Browser, Page, sync_playwright

from accounts.viewer import Viewer
from bench.figures import options, percentile, publish, say, spread, table
from bench.product import Product, make_viewer, running, session_of
from config.base import realtime
from generation.models import Job, WebhookReceipt
from tests.browser import FLAGS
from tests.chromium import chromium
from tests.emulators.fal import FalEmulator
from tests.emulators.fal_jobs import FalJob

# Kept by the page itself, in milliseconds since 1970: when events came, when a job's card said that it is done, and
# when its picture was drawn.
NOTES = """
window.moments = { heard: {}, carded: {}, drawn: {} };
const now = () => performance.timeOrigin + performance.now();
document.addEventListener("live:job", (event) => { moments.heard[event.detail.id] ??= now(); });
new MutationObserver(() => {
  for (const card of document.querySelectorAll("article.job[data-phase='succeeded']")) {
    const id = card.dataset.job;
    if (moments.carded[id]) continue;
    moments.carded[id] = now();
    const picture = card.querySelector("img");
    picture?.decode().then(() => { moments.drawn[id] = now(); });
  }
}).observe(document, { subtree: true, childList: true, attributes: true });
"""
STEPS = {
    "told": "the provider's webhook is taken",
    "looked": "a worker has looked and found it done",
    "ended": "fetched, decoded, stored and paid for",
    "carded": "**the card on the open page is done**",
    "drawn": "the picture is drawn",
}
EVENT = "*beside it: a bare event, from Redis to the page's script*"


@dataclass(frozen=True)
class Ground:
    """What every job of the run uses."""

    product: Product
    fal: FalEmulator
    viewer: Viewer
    page: Page


def open_page(browser: Browser, product: Product, viewer: Viewer) -> Page:
    """Generate, open in a signed-in browser."""
    context = browser.new_context(base_url=product.base_url)
    cookie = {"name": "sessionid", "value": session_of(viewer.user), "url": product.base_url}
    context.add_cookies([cookie])  # type: ignore[list-item]
    page = context.new_page()
    page.add_init_script(NOTES)
    page.goto("/generate?task=text-to-image&model=flux-schnell")
    # Until the event stream is open.
    page.wait_for_timeout(1500)
    return page


def one_job(ground: Ground, number: int) -> dict[str, float]:
    """Send the form on the page; milliseconds from the provider's end to each step."""
    before = set(ground.fal.jobs)
    # Not always the same, so that it does not always meet the clock's own looks in the same way.
    ground.fal.rendering = Random(number).uniform(0.8, 2.0)
    page = ground.page
    drawn = page.evaluate("Object.keys(moments.drawn).length")
    page.locator("#prompt").fill(f"a lighthouse in the rain, number {number}")
    page.locator("#generate-button").click()
    page.wait_for_function("drawn => Object.keys(moments.drawn).length > drawn", arg=drawn, timeout=60_000)
    made = next(job for key, job in ground.fal.jobs.items() if key not in before)
    return _steps(made, page)


def _steps(made: FalJob, page: Page) -> dict[str, float]:
    done = (time.time() - time.monotonic() + made.done_at) * 1000
    job_id = made.webhook.split("/")[-2]
    job = Job.objects.get(pk=UUID(job_id))
    receipt = WebhookReceipt.objects.get(job=job)
    if job.made_at is None or job.finished_at is None:
        raise RuntimeError(f"The job is {job.state}.")
    moments = page.evaluate("moments")
    return {
        "told": receipt.received_at.timestamp() * 1000 - done,
        "looked": job.made_at.timestamp() * 1000 - done,
        "ended": job.finished_at.timestamp() * 1000 - done,
        "carded": moments["carded"][job_id] - done,
        "drawn": moments["drawn"][job_id] - done,
    }


def bare_event(ground: Ground, number: int) -> float:
    """Milliseconds of an event that nobody on the page minds, from here to the page's script."""
    name = f"nothing-{number}"
    sent = time.time() * 1000
    realtime.publish(company_id=ground.viewer.company.pk, name="job", ids={"id": name})
    ground.page.wait_for_function("name => moments.heard[name]", arg=name)
    return float(ground.page.evaluate("name => moments.heard[name]", name)) - sent


def measure(ground: Ground, wish: Namespace) -> tuple[dict[str, list[list[float]]], list[list[float]]]:
    """All samples by step, one list a round, and those of the bare event."""
    steps: dict[str, list[list[float]]] = {name: [] for name in STEPS}
    events: list[list[float]] = []
    one_job(ground, -1)
    for turn in range(wish.rounds):
        jobs = [one_job(ground, turn * wish.count + number) for number in range(wish.count)]
        for name in STEPS:
            steps[name].append([job[name] for job in jobs])
        events.append([bare_event(ground, turn * wish.count + number) for number in range(wish.count)])
        say(f"finish: round {turn + 1}")
    return steps, events


def section(steps: dict[str, list[list[float]]], events: list[list[float]], wish: Namespace) -> str:
    """What was found, in Markdown."""
    least = [percentile(part, 50) for part in events]
    rows = []
    for title, rounds in [*((STEPS[name], rounds) for name, rounds in steps.items()), (EVENT, events)]:
        p50 = [percentile(part, 50) for part in rounds]
        p95 = [percentile(part, 95) for part in rounds]
        ratios = [mine / event for mine, event in zip(p50, least, strict=True)]
        rows.append([title, spread(p50, 0), spread(p95, 0), spread(ratios)])
    return (
        "## From the provider's end to the open page\n\n"
        f"{table(['until', 'p50, ms', 'p95, ms', 'p50 × bare event'], rows)}\n\n"
        f"{wish.rounds} rounds of {wish.count} jobs sent from Generate in Chromium, one after the other, to the double "
        "of fal, which takes 0.8 to 2 s and tells by webhook; each line counts from the moment at which it is done. As "
        "`make run` serves (DEBUG on, so templates are read anew for each fragment); browser, double and product share "
        "the cores."
    )


def main() -> None:
    """Measure and tell."""
    wish = options(rounds=3, count=20)
    # Playwright runs an event loop under this thread, by which Django would refuse each query.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"
    with FalEmulator() as fal, sync_playwright() as playwright:
        addresses = dict.fromkeys(("FAL_QUEUE_URL", "FAL_REST_URL", "FAL_CDN_URL"), fal.url)
        # A browser gives a cookie for TLS alone back over loopback only if it likes; hence DEBUG.
        with running(**addresses, DEBUG="1") as product:
            viewer = make_viewer("watcher")
            browser = playwright.chromium.launch(executable_path=chromium(), args=FLAGS)
            page = open_page(browser, product, viewer)
            steps, events = measure(Ground(product, fal, viewer, page), wish)
            browser.close()
    publish("finish", section(steps, events, wish), is_written=wish.write)


if __name__ == "__main__":
    main()

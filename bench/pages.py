"""The pages that people open all the time, beside a view that does nothing; and the gallery as it grows."""

import contextlib
from argparse import Namespace

from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.viewer import Viewer
from bench.figures import options, percentile, publish, say, spread, table
from bench.library import fill, fill_history
from bench.product import as_browser, make_viewer, running, session_of
from gallery.models import Asset

BARE = "/health/live"
SIZES = (60, 1_000, 100_000)
# More than the pages show at once.
JOBS = 20
ENTRIES = 60


def queries_of(viewer: Viewer, path: str) -> int:
    """SQL statements of a page, the second time it is opened."""
    client = Client(headers={"host": "127.0.0.1"})
    client.cookies["sessionid"] = session_of(viewer.user)
    client.get(path)
    with CaptureQueriesContext(connection) as captured:
        answer = client.get(path)
    if answer.status_code != 200:
        raise RuntimeError(f"{path}: {answer.status_code}")
    return len(captured)


def deep_in(viewer: Viewer) -> str:
    """The address of a page half-way down a gallery."""
    rows = Asset.objects.visible_to(viewer).kept().order_by("-id").values_list("pk", flat=True)
    return f"{reverse('gallery')}?before={rows[rows.count() // 2]}"


def places(people: dict[int, Viewer]) -> dict[str, tuple[Viewer, str]]:
    """What is opened, and by whom."""
    few = people[SIZES[0]]
    newest = Asset.objects.visible_to(few).order_by("-id")[0]
    found = {
        "bare view": (few, BARE),
        "Generate": (few, reverse("generate")),
        "one picture": (few, reverse("asset", args=[newest.pk])),
        "credits": (few, reverse("credits")),
    }
    for size, viewer in people.items():
        found[f"gallery of {size:,}".replace(",", " ")] = (viewer, reverse("gallery"))
    largest = people[SIZES[-1]]
    return found | {"the same, half-way down": (largest, deep_in(largest))}


def measure(wish: Namespace) -> tuple[dict[str, list[list[float]]], dict[str, int]]:
    """Milliseconds of each page, one list a round, in turns; and the number of queries of each."""
    with contextlib.ExitStack() as stack:
        product = stack.enter_context(running())
        people = {size: make_viewer(f"gallery-{size}") for size in SIZES}
        for size, viewer in people.items():
            fill(viewer, min(size, wish.largest))
        fill_history(people[SIZES[0]], JOBS, ENTRIES)
        say("pages: galleries are filled")
        opened = places(people)
        counts = {name: queries_of(viewer, path) for name, (viewer, path) in opened.items()}
        callers = {name: stack.enter_context(as_browser(product, viewer)) for name, (viewer, _path) in opened.items()}
        product.pause_the_rest()
        taken: dict[str, list[list[float]]] = {name: [] for name in opened}
        for number in range(wish.rounds):
            for name, (_viewer, path) in opened.items():
                callers[name].reconnect()
                callers[name].ask("GET", path)
                taken[name].append([callers[name].seconds("GET", path) * 1000 for _each in range(wish.count)])
            say(f"pages: round {number + 1}")
    return taken, counts


def section(taken: dict[str, list[list[float]]], counts: dict[str, int], wish: Namespace) -> str:
    """What was found, in Markdown."""
    rows = []
    bare = [sum(part) / len(part) for part in taken["bare view"]]
    for name, rounds in taken.items():
        mean = [sum(part) / len(part) for part in rounds]
        ratios = [mine / least for mine, least in zip(mean, bare, strict=True)]
        p50 = [percentile(part, 50) for part in rounds]
        p95 = [percentile(part, 95) for part in rounds]
        rate = [1000 / each for each in mean]
        rows.append([name, counts[name], spread(rate, 0), spread(ratios), spread(p50), spread(p95)])
    heads = ["page", "SQL statements", "answers a second", "bare views in the time of one", "p50, ms", "p95, ms"]
    return (
        "## Pages\n\n"
        f"{table(heads, rows)}\n\n"
        f"{wish.rounds} rounds of {wish.count} whole pages each, in turns, by one signed-in person at a time over a "
        "kept connection; the bare view is `/health/live` behind the same middleware. Statements as Django counts "
        "them. The galleries' rows (with eight renditions each) are written by one SQL statement; the company of "
        f"{min(SIZES[-1], wish.largest):,} lies in the same tables as the others."
    )


def main() -> None:
    """Measure and tell."""
    wish = options(rounds=5, count=60, largest=SIZES[-1])
    taken, counts = measure(wish)
    publish("pages", section(taken, counts, wish), is_written=wish.write)


if __name__ == "__main__":
    main()

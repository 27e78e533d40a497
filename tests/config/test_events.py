"""The event stream: one company's ids, to that company's people only."""

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any
from uuid import uuid4

import pytest

from config import event_ticket, events
from config.base import realtime


class Browser:
    """A client of the ASGI application, without a server between."""

    def __init__(self, *, cookie: str = "", query: str = "", last_event_id: str = "") -> None:
        self.sent: list[dict[str, Any]] = []
        self.left = asyncio.Event()
        headers = [(b"cookie", f"events={cookie}".encode())] if cookie else []
        if last_event_id:
            headers.append((b"last-event-id", last_event_id.encode()))
        self.scope = {"type": "http", "path": "/events/", "query_string": query.encode(), "headers": headers}

    async def receive(self) -> dict[str, Any]:
        await self.left.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Any) -> None:
        self.sent.append(message)

    @property
    def status(self) -> int | None:
        return self.sent[0]["status"] if self.sent else None

    @property
    def text(self) -> str:
        return b"".join(message.get("body", b"") for message in self.sent[1:]).decode()

    async def sees(self, text: str) -> None:
        """Wait until the stream has brought `text`; the test's own limit ends a vain wait."""
        while text not in self.text:
            await asyncio.sleep(0.01)


def send(company: str, name: str = "job", **ids: str) -> None:
    realtime._send(company_id=company, name=name, ids=ids)  # type: ignore[arg-type]


def ticket(company: str, user: str = "") -> str:
    return event_ticket.make_ticket(user_id=user or uuid4(), company_id=company)  # type: ignore[arg-type]


def run(play: Any) -> None:
    """Run a scene with browsers that are closed at its end."""

    async def scene() -> None:
        tasks: list[asyncio.Task[None]] = []

        async def open_(**options: str) -> Browser:
            browser = Browser(**options)
            tasks.append(asyncio.create_task(events.application(browser.scope, browser.receive, browser.send)))
            while browser.status is None:
                await asyncio.sleep(0.01)
            return browser

        async with asyncio.timeout(10):
            await play(open_)
        for task in tasks:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        hub = events._hubs.pop(asyncio.get_running_loop(), None)
        if hub is not None:
            await hub.stop()

    # In a thread of its own: a browser that other tests opened keeps a loop running in this one.
    with ThreadPoolExecutor(1) as pool:
        pool.submit(asyncio.run, scene()).result()


def test_a_company_hears_of_its_own_changes_and_of_no_other() -> None:
    ours, theirs = str(uuid4()), str(uuid4())

    async def play(open_: Any) -> None:
        alice = await open_(cookie=ticket(ours))
        bob = await open_(cookie=ticket(theirs))
        await asyncio.sleep(0.2)  # The reader has found the end of the stream.
        send(ours, id="a-job")
        send(theirs, id="another")
        await alice.sees('event: job\ndata: {"id":"a-job"}')
        await bob.sees('"another"')
        assert "another" not in alice.text
        assert "a-job" not in bob.text

    run(play)


@pytest.mark.parametrize("cookie", ["", "made-up", "x:y:z"])
def test_without_a_ticket_of_ours_there_is_no_stream(cookie: str) -> None:
    async def play(open_: Any) -> None:
        browser = await open_(cookie=cookie)
        assert browser.status == 401

    run(play)


def test_an_old_ticket_opens_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    old = ticket(str(uuid4()))
    later = time.time() + event_ticket.LIFETIME + 5
    monkeypatch.setattr(time, "time", lambda: later)

    assert event_ticket.read_ticket(old) is None


def test_a_program_may_bring_its_ticket_in_the_address() -> None:
    async def play(open_: Any) -> None:
        assert (await open_(query=f"ticket={ticket(str(uuid4()))}")).status == 200

    run(play)


def test_what_was_missed_is_brought_after_a_reconnect_once() -> None:
    company = str(uuid4())

    async def play(open_: Any) -> None:
        first = await open_(cookie=ticket(company))
        await asyncio.sleep(0.2)
        send(company, id="one")
        await first.sees('"one"')
        last = first.text.split("id: ")[-1].split("\n")[0]
        first.left.set()
        send(company, id="two")
        second = await open_(cookie=ticket(company), last_event_id=last)
        await second.sees('"two"')
        send(company, id="three")
        await second.sees('"three"')
        assert second.text.count('"two"') == 1
        assert '"one"' not in second.text

    run(play)


def test_a_made_up_last_event_id_hides_nothing() -> None:
    company = str(uuid4())

    async def play(open_: Any) -> None:
        browser = await open_(cookie=ticket(company), last_event_id="zebra")
        await asyncio.sleep(0.2)
        send(company, id="one")
        await browser.sees('"one"')

    run(play)


def test_a_revoked_persons_stream_ends_and_the_colleagues_goes_on() -> None:
    company, fired, stays = str(uuid4()), str(uuid4()), str(uuid4())

    async def play(open_: Any) -> None:
        gone = await open_(cookie=ticket(company, fired))
        here = await open_(cookie=ticket(company, stays))
        await asyncio.sleep(0.2)
        send(company, "revoked", user=fired)
        await gone.sees("event: revoked")
        send(company, id="later")
        await here.sees('"later"')
        assert "revoked" not in here.text
        while gone.sent[-1].get("more_body", False):
            await asyncio.sleep(0.01)

    run(play)


def test_who_is_put_out_of_a_company_gets_no_further_with_an_old_ticket_until_readmitted() -> None:
    company, gone, colleague = uuid4(), uuid4(), uuid4()
    old = ticket(str(company), user=str(gone))

    async def play(open_: Any) -> None:
        first = await open_(cookie=old)
        other = await open_(cookie=ticket(str(company), user=str(colleague)), last_event_id="1-1")
        await asyncio.sleep(0.2)  # The reader has found the end of the stream.
        realtime._bar(company, gone)
        send(str(company), name="revoked", user=str(gone))
        await first.sees("event: revoked")
        assert (await open_(cookie=old)).status == 401

        again = await open_(cookie=ticket(str(company), user=str(colleague)), last_event_id="1-1")
        send(str(company), id="later")
        await other.sees("later")
        await again.sees("later")
        assert "revoked" not in other.text + again.text

        realtime._unbar(company, gone)
        assert (await open_(cookie=old)).status == 200

    run(play)


def test_a_company_that_is_switched_off_lets_nobody_listen() -> None:
    company = uuid4()
    realtime._bar(company, None)

    async def play(open_: Any) -> None:
        assert (await open_(cookie=ticket(str(company)))).status == 401

    run(play)


def test_a_server_that_stops_at_any_moment_of_its_beginning_does_stop() -> None:
    async def scene() -> None:
        for moment in range(40):
            hub = events.Hub()
            hub.start()
            for _turn in range(moment):
                await asyncio.sleep(0)
            await asyncio.wait_for(hub.stop(), 10)
            assert hub.task is not None
            assert hub.task.done()

    with ThreadPoolExecutor(1) as pool:
        pool.submit(asyncio.run, scene()).result()


def test_an_ended_session_loses_its_stream_and_the_others_keep_theirs() -> None:
    company, user = uuid4(), uuid4()

    def ticket_of(session: str) -> str:
        return event_ticket.make_ticket(user_id=user, company_id=company, session=session)

    async def play(open_: Any) -> None:
        ended, kept = await open_(cookie=ticket_of("one")), await open_(cookie=ticket_of("two"))
        await asyncio.sleep(0.2)  # The reader has found the end of the stream.
        send(str(company), "revoked", session="one")
        realtime._set_bar(realtime.session_bar_key("one"))
        await ended.sees("event: revoked")
        send(str(company), id="later")
        await kept.sees('"later"')
        assert "revoked" not in kept.text
        assert "later" not in ended.text
        assert (await open_(cookie=ticket_of("one"))).status == 401
        assert (await open_(cookie=ticket_of("two"))).status == 200

    run(play)

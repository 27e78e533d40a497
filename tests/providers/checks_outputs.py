"""What comes back: only what it claims to be, never too much, whole, and without our key going where it comes from."""

import logging
import traceback
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from generation.providers.base import ProviderError, Retryable
from tests.providers.bench import Bench, intake_refuses
from tests.providers.checks import Checks

OUTPUTS = Checks()
ALL_FAULTS = ("429", "500", "key_refused", "balance_exhausted", "accept_then_drop", "garbled", "redirect_post", "hang")


@OUTPUTS.check()
def takes_nothing_oversized(bench: Bench) -> None:
    """An output larger than the limit is not read to its end."""
    bench.case.oversized.strike(bench.double)
    with pytest.raises(ProviderError):
        bench.whole(bench.call())
    assert bench.posts()[0] == 1


@OUTPUTS.check()
def passes_on_nothing_that_is_no_picture(bench: Bench) -> None:
    """An output that is not what it claims to be reaches nobody."""
    bench.case.no_picture.strike(bench.double)
    try:
        made = bench.whole(bench.call())
    except ProviderError:
        return
    assert made
    assert all(intake_refuses(content) for content in made.values())


@OUTPUTS.check()
def passes_on_nothing_truncated(bench: Bench) -> None:
    """An output that breaks off reaches nobody, and is not ordered again."""
    bench.case.truncated.strike(bench.double)
    try:
        made = bench.whole(bench.call())
    except ProviderError:
        made = {}
    assert all(intake_refuses(content) for content in made.values())
    assert bench.posts() == (1, 1)


@OUTPUTS.check()
def keeps_its_key_from_file_hosts(bench: Bench) -> None:
    """The key is never sent to where outputs are downloaded from."""
    if bench.case.as_url is not None:
        bench.case.as_url.strike(bench.double)
    assert bench.whole(bench.call())
    assert (bench.double.downloads, bench.double.leaks) == (1, 0)


@OUTPUTS.check()
def keeps_its_key_from_texts(bench: Bench) -> None:
    """The key is in no error, no log and no representation of the adapter."""
    texts = [repr(bench.provider), str(vars(bench.provider))]
    with logged() as lines:
        bench.whole(bench.call())
        bench.hurry()
        for fault in ALL_FAULTS:
            bench.double.fail_next(fault)
            with pytest.raises(ProviderError) as caught:
                bench.send(bench.call())
            texts += traceback.format_exception(caught.value)
            texts += [repr(error) for error in _chain(caught.value)]
    secret = bench.double.key.rpartition(":")[2]
    assert secret not in "\n".join([*texts, *lines])


@contextmanager
def logged() -> Iterator[list[str]]:
    """Everything that any library logs meanwhile, down to the smallest detail."""
    lines: list[str] = []

    class Collector(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(self.format(record))

    root, collector = logging.getLogger(), Collector()
    level = root.level
    root.addHandler(collector)
    root.setLevel(logging.DEBUG)
    try:
        yield lines
    finally:
        root.setLevel(level)
        root.removeHandler(collector)


def _chain(error: BaseException | None) -> list[BaseException]:
    found = []
    while error is not None:
        found.append(error)
        error = error.__cause__ or error.__context__
    return found


@OUTPUTS.check(kind="direct", is_local_too=True)
def tells_that_it_is_at_work(bench: Bench) -> None:
    """While it works there are signs of life, from 0 towards 1."""
    if bench.double is not None:
        setattr(bench.double, bench.case.slowness[0], 0.7)
    reports: list[float] = []
    assert list(bench.direct.make(bench.call(), reports.append))
    assert reports == sorted(reports)
    assert reports[0] >= 0
    assert 0 < reports[-1] <= 1


@OUTPUTS.check(kind="direct", is_local_too=True)
def lets_itself_be_stopped(bench: Bench) -> None:
    """Who waits can stop waiting, and nothing is sent again."""

    class Stop(Exception):
        """Somebody cancelled."""

    def stop(_fraction: float) -> None:
        raise Stop

    if bench.double is not None:
        setattr(bench.double, bench.case.slowness[0], 0.7)
    with pytest.raises(Stop):
        list(bench.direct.make(bench.call(), stop))
    if bench.double is not None:
        assert bench.posts()[0] == 1


@OUTPUTS.check(kind="direct", needs="partial")
def delivers_a_part(bench: Bench) -> None:
    """What was made before a fault is delivered."""
    partial = bench.case.partial
    assert partial is not None
    making = bench.direct.make(bench.call(count=2), lambda _fraction: None)
    made = []
    if bench.case.posts_per == "output":
        made.append(next(making))
        partial.strike(bench.double)
        with pytest.raises(ProviderError):
            next(making)
    else:
        partial.strike(bench.double)
        made += list(making)
    assert [artifact.index for artifact in made] == [0]
    assert made[0].stream.read()


@OUTPUTS.check(kind="queued")
def tries_a_download_again(bench: Bench) -> None:
    """A download that stumbles is tried again without ordering anew."""
    submitted, call = bench.done()
    for fault in ("truncated", "html", "500"):
        bench.double.fail_next(fault, on="download")
        bench.refusal(Retryable, lambda: bench.fetched(submitted, call))
    assert bench.fetched(submitted, call)
    assert bench.posts() == (1, 1)


@OUTPUTS.check(kind="queued")
def follows_no_download_elsewhere(bench: Bench) -> None:
    """A download that is sent on to another host is not followed."""
    submitted, call = bench.done()
    bench.double.fail_next("redirect", on="download")
    with pytest.raises(ProviderError):
        bench.fetched(submitted, call)
    assert bench.double.leaks == 0

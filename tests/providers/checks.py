"""The checks of the conformance suite: each a function whose docstring is its line in docs/providers.md."""

from collections.abc import Callable
from dataclasses import dataclass

from tests.providers.bench import Bench
from tests.providers.case import Case

Run = Callable[[Bench], None]

NO_QUEUE = "It answers in one go: there is no queue to look into."
NOT_IN_ONE_GO = "It renders elsewhere: the answer to the submit holds no outputs."
NOTHING_SENT = "It works on this machine: nothing is sent to anybody, so nothing is lost, refused or billed on the way."


@dataclass(frozen=True, slots=True)
class Check:
    """One check. `kind` is "" for both; `needs` is a field of the case without which it makes no sense."""

    name: str
    title: str
    run: Run
    kind: str = ""
    is_local_too: bool = False
    needs: str = ""

    def why_not(self, case: Case) -> str:
        """Why it is not made for a provider; "" when it is."""
        if self.name in case.not_checked:
            return case.not_checked[self.name]
        if case.name == "local" and not self.is_local_too:
            return NO_QUEUE if self.kind == "queued" else NOTHING_SENT
        if self.kind and self.kind != case.kind:
            return NO_QUEUE if self.kind == "queued" else NOT_IN_ONE_GO
        if self.needs and not getattr(case, self.needs):
            raise AssertionError(
                f"{case.name} has no {self.needs}: add it, or say in not_checked why {self.name} fails"
            )
        return ""


class Checks(list[Check]):
    """Checks on one subject, in the order in which they are written."""

    def check(self, *, kind: str = "", is_local_too: bool = False, needs: str = "") -> Callable[[Run], Run]:
        """Make a function one of them."""

        def add(run: Run) -> Run:
            title = (run.__doc__ or "").strip().splitlines()[0].rstrip(".")
            self.append(Check(run.__name__, title, run, kind, is_local_too, needs))
            return run

        return add

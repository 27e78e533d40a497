"""How a service says no: a sentence that says what is wrong and what to do, a code, a status.

Pages show the sentence; the API makes a problem document of it (`config.base.problem`).
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar


@dataclass(frozen=True, slots=True)
class Allowance:
    """The limit that a refusal is about: how much of it is used, and when it starts again (None: not by itself)."""

    used: int
    limit: int
    resets_at: datetime | None = None

    def as_members(self) -> dict[str, Any]:
        """For a problem document: `used`, `limit`, `resets_at` (ISO 8601 or None)."""
        at = self.resets_at.isoformat().replace("+00:00", "Z") if self.resets_at else None
        return {"used": self.used, "limit": self.limit, "resets_at": at}


class Refusal(Exception):
    """Something that we do not do, for a reason that the person can understand; nothing was changed.

    `code` is for programs, `status` the HTTP status, `field` the name of the input at fault if there is one,
    `retry_after` the seconds until it may work, `allowance` the limit that was met. The message is the sentence shown
    to the person (translated).
    """

    code: ClassVar[str] = "refused"
    status: ClassVar[int] = 422
    # The page that shows it.
    template: ClassVar[str] = "refused.html"

    def __init__(
        self,
        sentence: str,
        *,
        field: str = "",
        code: str = "",
        retry_after: int | None = None,
        allowance: Allowance | None = None,
    ) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.field = field
        self.problem_code = code or self.code
        self.retry_after = retry_after
        self.allowance = allowance

"""How a service says no: a sentence that says what is wrong and what to do, a code, a status.

Pages show the sentence; the API makes a problem document of it (`config.base.problem`).
"""

from typing import ClassVar


class Refusal(Exception):
    """Something that we do not do, for a reason that the person can understand; nothing was changed.

    `code` is for programs, `status` the HTTP status, `field` the name of the input at fault if there is one, and
    `retry_after` the seconds until it may work. The message is the sentence shown to the person (translated).
    """

    code: ClassVar[str] = "refused"
    status: ClassVar[int] = 422
    # The page that shows it.
    template: ClassVar[str] = "refused.html"

    def __init__(self, sentence: str, *, field: str = "", code: str = "", retry_after: int | None = None) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.field = field
        self.problem_code = code or self.code
        self.retry_after = retry_after

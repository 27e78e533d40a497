"""The providers that the conformance suite runs over.

To add one: write `tests/providers/case_<name>.py` with a `Case` (`case.py` explains each field; `case_together.py` is a
direct provider, `case_fal.py` one with a queue), and add it to `CASES` here, in the order of the docs. The suite then
tells what is missing. A check that makes no sense for a provider is named in the case's `not_checked` with a reason,
which is printed in docs/providers.md; a check that fails is a bug in the adapter or in the double.
"""

from tests.providers.case import Case
from tests.providers.case_fal import FAL_CASE
from tests.providers.case_local import LOCAL_CASE
from tests.providers.case_openai import CUSTOM_CASE, OPENAI_CASE
from tests.providers.case_replicate import REPLICATE_CASE
from tests.providers.case_stability import STABILITY_CASE
from tests.providers.case_together import TOGETHER_CASE

CASES: tuple[Case, ...] = (
    FAL_CASE,
    REPLICATE_CASE,
    OPENAI_CASE,
    STABILITY_CASE,
    TOGETHER_CASE,
    CUSTOM_CASE,
    LOCAL_CASE,
)

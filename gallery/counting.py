"""Whether the storage that is counted for each company is what its assets add up to; what disagrees is mended.

Both move in the same transactions (`gallery.keeping`), so they disagree only after a back-up was restored in part, rows
were written by hand, or before anything was counted.
"""

import logging
from collections.abc import Iterable
from uuid import UUID

from django.core.cache import cache
from django.db import connection, transaction
from django.utils.translation import gettext as _

from billing.models import UsageCounter
from billing.storage import NO_PERIOD, STORAGE
from config.base.ids import uuid7

logger = logging.getLogger(__name__)

# Seconds; a little less than a day, so that the clock's turn of tomorrow finds it over.
PAUSE = 20 * 60 * 60

_DISAGREEING = """
SELECT COALESCE(kept.company_id, counter.company_id), COALESCE(counter.used, 0), COALESCE(kept.bytes, 0)
FROM (SELECT company_id, sum(bytes) AS bytes FROM gallery_asset WHERE kind <> 'mask' GROUP BY company_id) AS kept
FULL JOIN (
    SELECT company_id, used FROM billing_usagecounter WHERE name = %(storage)s AND period = %(no_period)s
) AS counter ON counter.company_id = kept.company_id
WHERE COALESCE(counter.used, 0) <> COALESCE(kept.bytes, 0)
ORDER BY 1
"""

_COUNT = """
UPDATE billing_usagecounter SET used = (
    SELECT COALESCE(sum(bytes), 0) FROM gallery_asset WHERE company_id = %(company)s AND kind <> 'mask'
)
WHERE company_id = %(company)s AND name = %(storage)s AND period = %(no_period)s
"""

_NAMES = {"storage": STORAGE, "no_period": NO_PERIOD}


def wrong_storage() -> Iterable[str]:
    """One sentence for every company whose counted storage is not the sum of its assets. One statement."""
    for company_id, used, kept in _disagreeing():
        yield _("Company %(company)s: storage counted %(used)s, assets add up to %(kept)s.") % {
            "company": company_id,
            "used": used,
            "kept": kept,
        }


def recount_storage() -> int:
    """Mend what disagrees, one company a transaction; return how many did."""
    wrong = _disagreeing()
    for company_id, used, kept in wrong:
        logger.warning("company %s: storage counted %s, assets add up to %s", company_id, used, kept)
        recount_company(company_id)
    return len(wrong)


def recount_company(company_id: UUID) -> None:
    """Count one company's assets anew.

    The counter is locked first, in a statement of its own: whoever keeps or forgets an asset at this moment has either
    committed both row and count, which the next statement sees, or waits for us with its count.
    """
    with transaction.atomic():
        counter = UsageCounter(id=uuid7(), company_id=company_id, name=STORAGE, period=NO_PERIOD)
        UsageCounter.objects.bulk_create([counter], ignore_conflicts=True)
        UsageCounter.objects.select_for_update().get(company=company_id, name=STORAGE, period=NO_PERIOD)
        with connection.cursor() as cursor:
            cursor.execute(_COUNT, {"company": company_id, **_NAMES})


def recount_when_due() -> int:
    """What the clock does: once a day, however many clocks ask and however often they are started."""
    return recount_storage() if cache.add("gallery.recount", 1, timeout=PAUSE) else 0


def _disagreeing() -> list[tuple[UUID, int, int]]:
    with connection.cursor() as cursor:
        cursor.execute(_DISAGREEING, _NAMES)
        rows: list[tuple[UUID, int, int]] = cursor.fetchall()
    return rows

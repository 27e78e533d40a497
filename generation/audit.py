"""What `audit_ledger` proves about jobs."""

from collections.abc import Iterator

from django.db import connection

# Each returns one text for every row that breaks the rule.
_CHECKS = {
    "job without exactly one hold": """
        SELECT j.id FROM generation_job j LEFT JOIN billing_hold h ON h.key = 'job:' || j.id
        GROUP BY j.id HAVING count(h.id) <> 1""",
    "ended job with an open hold, or job under way with a closed one": """
        SELECT j.id FROM generation_job j JOIN billing_hold h ON h.key = 'job:' || j.id
        WHERE (j.finished_at IS NULL) <> (h.state = 'open')""",
    "job paid differently from what was delivered": """
        SELECT j.id FROM generation_job j JOIN billing_hold h ON h.key = 'job:' || j.id
        WHERE j.finished_at IS NOT NULL AND h.settled <> (j.credits / j.count) *
            (SELECT count(*) FROM generation_joboutput o WHERE o.job_id = j.id AND o.state = 'delivered')""",
    "ended job with outputs to come": """
        SELECT DISTINCT j.id FROM generation_job j JOIN generation_joboutput o ON o.job_id = j.id
        WHERE j.finished_at IS NOT NULL AND o.state = 'pending'""",
}


def check_jobs() -> Iterator[str]:
    """Yield a sentence for every job whose money and state do not agree."""
    with connection.cursor() as cursor:
        for rule, statement in _CHECKS.items():
            cursor.execute(statement)
            for (job_id,) in cursor.fetchall():
                yield f"{rule}: job {job_id}"

"""What Dramatiq calls for the gallery: work that takes longer than the clock may."""

import dramatiq

from gallery import sweeping


@dramatiq.actor(actor_name="gallery.sweep_files", queue_name="bulk", max_retries=0, time_limit=6 * 3_600_000)
def sweep_files() -> None:
    """Look for files without rows and rows without files."""
    sweeping.sweep_files()


def sweep_when_due() -> None:
    """Have a worker sweep once a day, however many clocks ask."""
    if sweeping.is_due():
        sweep_files.send()

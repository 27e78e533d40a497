"""`/metrics` for Prometheus: what this process counted, and what the database and the queue say at this moment."""

import hmac
import os
import time
from collections import defaultdict
from collections.abc import Iterator
from typing import cast

import redis
from django.conf import settings
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from config.base import registry
from config.base.client_address import client_address
from config.base.realtime import connection
from config.worker import QUEUES, WORKERS


@require_GET
@never_cache
def metrics(request: HttpRequest) -> HttpResponse:
    """For who sends METRICS_TOKEN as a bearer, or comes from a private address; 403 for others."""
    if not _may_read(request):
        return HttpResponse("Not for you: see METRICS_TOKEN.\n", status=403, content_type="text/plain")
    now = CollectorRegistry(auto_describe=False)
    now.register(_Now())
    return HttpResponse(generate_latest(_counted()) + generate_latest(now), content_type=CONTENT_TYPE_LATEST)


def _may_read(request: HttpRequest) -> bool:
    given = request.headers.get("Authorization", "").encode()
    if settings.METRICS_TOKEN and hmac.compare_digest(given, f"Bearer {settings.METRICS_TOKEN}".encode()):
        return True
    address = client_address(request)
    return address is not None and (address.is_loopback or address.is_private)


def _counted() -> CollectorRegistry:
    """The counts of this process; of all web processes where they share a folder of counts."""
    # The library itself reads this variable when it is imported.
    if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
        return REGISTRY
    together = CollectorRegistry()
    MultiProcessCollector(together)  # type: ignore[no-untyped-call]
    return together


class _Now(Collector):
    """Gauges that are looked up when asked for; a part that does not answer is left out and shows as down."""

    def collect(self) -> Iterator[GaugeMetricFamily]:
        up = GaugeMetricFamily("darkroom_up", "Whether a part answers.", labels=["part"])
        for part, read in (("redis", _queues), ("database", _apps)):
            try:
                families = list(read())
            except (redis.RedisError, DatabaseError):
                up.add_metric([part], 0)
            else:
                up.add_metric([part], 1)
                yield from families
        yield up


def _queues() -> Iterator[GaugeMetricFamily]:
    depth = GaugeMetricFamily("darkroom_queue_messages", "Messages that wait.", labels=["queue", "kind"])
    for queue in QUEUES:
        depth.add_metric([queue, "ready"], connection().llen(f"dramatiq:{queue}"))
        depth.add_metric([queue, "delayed"], connection().llen(f"dramatiq:{queue}.DQ"))
        depth.add_metric([queue, "dead"], connection().zcard(f"dramatiq:{queue}.XQ"))
    yield depth
    age = GaugeMetricFamily(
        "darkroom_worker_heartbeat_age_seconds",
        "Since a worker of the queue last said that it lives.",
        labels=["queue"],
    )
    rows = cast(list[tuple[bytes, float]], connection().zrange(WORKERS, 0, -1, withscores=True))
    for name, at in rows:
        age.add_metric([name.decode()], max(0.0, time.time() - at))
    yield age


def _apps() -> Iterator[GaugeMetricFamily]:
    """What each app registered in `registry.gauges`, put together by name."""
    found: dict[str, list[registry.Gauge]] = defaultdict(list)
    for gauges in registry.gauges():
        for gauge in gauges:
            found[gauge.name].append(gauge)
    for name, rows in found.items():
        family = GaugeMetricFamily(name, rows[0].help, labels=list(rows[0].labels))
        for row in rows:
            family.add_metric(list(row.labels.values()), row.value)
        yield family

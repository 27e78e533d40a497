#!/bin/sh
# Pages and API: granian over WSGI. Several processes put their counts for /metrics together in a folder, which must not
# hold those of processes that are gone.
set -eu
if [ -n "${PROMETHEUS_MULTIPROC_DIR:-}" ]; then
	mkdir -p "$PROMETHEUS_MULTIPROC_DIR"
	rm -f "$PROMETHEUS_MULTIPROC_DIR"/*.db
fi
exec granian --interface wsgi --host 0.0.0.0 --port "${PORT:-8000}" --workers "${WEB_WORKERS:-2}" \
	--blocking-threads "${WEB_THREADS:-8}" --backpressure 4096 --no-ws --respawn-failed-workers \
	--workers-kill-timeout 10 config.wsgi:application

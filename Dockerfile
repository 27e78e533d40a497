# syntax=docker/dockerfile:1
FROM python:3.11-slim-bookworm AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /app
RUN python -m venv /venv
COPY requirements.txt .
RUN /venv/bin/pip install -r requirements.txt
COPY . .
# Collecting needs settings, and settings a key; this one signs nothing.
RUN DEBUG=0 SECRET_KEY=only-for-collecting-static-files-at-build /venv/bin/python manage.py collectstatic --noinput --verbosity 0

FROM python:3.11-slim-bookworm
ARG RELEASE=unknown
ENV PATH=/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    DJANGO_SETTINGS_MODULE=config.settings \
    DATA_DIR=/data \
    STATIC_BUILT=1 \
    RELEASE=$RELEASE \
    dramatiq_worker_timeout=50
RUN groupadd --gid 10001 darkroom \
    && useradd --uid 10001 --gid darkroom --no-create-home --shell /usr/sbin/nologin darkroom \
    && mkdir -p /data/media /run/metrics \
    && chown -R darkroom:darkroom /data /run/metrics
COPY --from=build /venv /venv
COPY --from=build /app /app
WORKDIR /app
USER darkroom
VOLUME /data
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=5s --start-period=20s --retries=3 \
    CMD ["python", "-c", "import http.client as h; c = h.HTTPConnection('127.0.0.1', 8000, timeout=4); c.request('GET', '/health/live', headers={'Host': 'localhost'}); raise SystemExit(c.getresponse().status != 200)"]
CMD ["sh", "deploy/web.sh"]

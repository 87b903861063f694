# One image for every part: web, relay, worker, beat and migrate differ by their command alone.
FROM python:3.13-slim AS packages
COPY requirements.txt /
RUN python -m venv /venv && /venv/bin/pip install --no-cache-dir --require-hashes -r /requirements.txt

FROM python:3.13-slim
RUN useradd --system --uid 10001 --no-create-home --shell /usr/sbin/nologin careloop \
    && install --directory --owner careloop --mode 700 /attachments
COPY --from=packages /venv /venv
COPY portal /app/portal
COPY workers /app/workers
COPY migrations /app/migrations
COPY wsgi.py /app/
ENV PATH=/venv/bin:$PATH PYTHONPATH=/app PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
WORKDIR /app
USER careloop
EXPOSE 8000
CMD ["python", "-m", "gunicorn", "-c", "python:portal.web.gunicorn_conf", "wsgi:app"]

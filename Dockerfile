# The program without demo, simulators and build tools. One image, four roles: see the Procfile.
FROM python:3.11-slim AS build
COPY requirements.txt .
# The finished environment needs no pip of its own.
RUN python -m venv --without-pip /opt/venv \
    && pip --python /opt/venv/bin/python install --no-cache-dir --require-hashes -r requirements.txt

FROM python:3.11-slim
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    MINISPOD_ENV=production \
    MALLOC_ARENA_MAX=2 \
    TZ=UTC \
    PORT=5000
COPY --from=build /opt/venv /opt/venv
WORKDIR /app
COPY . .
RUN python -m compileall -q minispod wsgi.py
# Owns nothing and writes nothing: the root file system may be read-only.
USER 10001:10001
EXPOSE 5000
STOPSIGNAL SIGTERM
CMD ["sh", "-c", "exec gunicorn --no-control-socket --preload -k gthread -w 2 --threads ${WEB_THREADS:-16} --worker-tmp-dir /dev/shm -b 0.0.0.0:${PORT} wsgi:app"]

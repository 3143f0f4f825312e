# Build arguments: BASE_IMAGE, a Debian image with Python 3.11 or newer and no other one; PIP_INDEX_URL, a mirror of the
# Python packages, whose hashes are in the lock wherever they come from; BUILD_ID. No Debian package is installed.
# Behind TLS inspection: --secret id=certificates,src=FILE, the certificates to trust, which the image does not keep.
ARG BASE_IMAGE=python:3.14-slim

FROM ${BASE_IMAGE} AS build
ARG PIP_INDEX_URL
WORKDIR /app
COPY pyproject.toml requirements.lock README.md LICENSE ./
COPY scripts/setup scripts/setup
COPY gateway gateway
COPY schema schema
RUN --mount=type=secret,id=certificates \
    if [ -e /run/secrets/certificates ]; then export PIP_CERT=/run/secrets/certificates; fi; scripts/setup

FROM ${BASE_IMAGE}
RUN useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin gateway \
    && install -d -o gateway -m 0700 /var/lib/wanjia-gateway
# To the same place: a virtual environment knows its own path.
COPY --from=build /app /app
# The base image has no byte code, and this user cannot keep any. What does not compile there, no gateway imports.
RUN stdlib=$(/app/.venv/bin/python -c 'import sysconfig; print(sysconfig.get_path("stdlib"))') \
    && /app/.venv/bin/python -m compileall -q -x '/(site|dist)-packages/' "$stdlib" || true
# Names the build in `gateway --version`, logs and metrics: a commit, or the number of a pipeline.
ARG BUILD_ID=
ENV PATH=/app/.venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    GATEWAY_ENV=production \
    GATEWAY_HOST=0.0.0.0 \
    GATEWAY_PORT=8000 \
    GATEWAY_DATA_DIR=/var/lib/wanjia-gateway \
    GATEWAY_BUILD_ID=$BUILD_ID
USER gateway
WORKDIR /var/lib/wanjia-gateway
VOLUME /var/lib/wanjia-gateway
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s \
    CMD ["python", "-m", "gateway.commands.health_check"]
ENTRYPOINT ["gateway"]
CMD ["serve"]

# gitopsd as an image: `docker build -t gitopsd .`, for each architecture with `--platform`.
# Where your registry mirrors python, pin the base by digest: PYTHON=python:3.11-slim-bookworm@sha256:...
ARG PYTHON=python:3.11-slim-bookworm

FROM ${PYTHON} AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /src
RUN python -m venv /opt/gitopsd
# Requirements first: they change less often than the code. Every file is checked against its hash.
COPY requirements.lock requirements-build.lock ./
RUN /opt/gitopsd/bin/pip install --no-deps --require-hashes -r requirements.lock \
 && pip install --no-deps --require-hashes -r requirements-build.lock
COPY pyproject.toml README.md LICENSE CHANGELOG.md ./
COPY gitopsd gitopsd
RUN pip wheel --no-deps --no-build-isolation --wheel-dir /wheels . \
 && /opt/gitopsd/bin/pip install --no-deps --no-index /wheels/*.whl \
 && /opt/gitopsd/bin/python -m pip uninstall --yes pip setuptools

FROM ${PYTHON}
LABEL org.opencontainers.image.title="gitopsd" \
      org.opencontainers.image.description="A GitOps agent: renders, diffs, applies and remembers" \
      org.opencontainers.image.licenses="Apache-2.0"
# Helm charts need the program `helm`, which is not in here: an image of yours that builds on this one adds it,
#   FROM alpine/helm:4.3.1 AS helm
#   FROM gitopsd
#   COPY --from=helm /usr/bin/helm /usr/local/bin/helm
# and its configuration says `helm: {enabled: true}`.
# All that is written lies in /var/lib/gitopsd and /tmp: the rest may be read-only.
RUN mkdir -p /var/lib/gitopsd && chown 65532:65532 /var/lib/gitopsd
COPY --from=build /opt/gitopsd /opt/gitopsd
ENV PATH=/opt/gitopsd/bin:/usr/local/bin:/usr/bin:/bin \
    HOME=/var/lib/gitopsd \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
USER 65532:65532
WORKDIR /var/lib/gitopsd
EXPOSE 8080 9090
STOPSIGNAL SIGTERM
ENTRYPOINT ["gitopsd"]
CMD ["run", "--config", "/etc/gitopsd/config/config.yaml"]

# docker build --target worker -t loa-worker .     docker build --target gateway -t loa-gateway .
# The context has no git: --build-arg VERSION="$(.venv/bin/loa --version)" says which version it is.

FROM python:3.11-slim AS build
WORKDIR /src
COPY requirements/uv.txt requirements/light.txt requirements/
RUN pip install --no-cache-dir --require-hashes -r requirements/uv.txt \
 && python -m venv --without-pip /opt/loa \
 && uv pip sync --no-cache --python /opt/loa/bin/python --require-hashes requirements/light.txt
COPY pyproject.toml README.md LICENSE NOTICE ./
COPY models models
COPY storage storage
COPY streams streams
ARG VERSION=0.1.dev0
RUN SETUPTOOLS_SCM_PRETEND_VERSION_FOR_LOA_TTS=$VERSION \
    uv pip install --no-cache --python /opt/loa/bin/python --no-deps --no-build-isolation .

FROM python:3.11-slim AS base
# A volume mounted on /data takes its owner from here.
RUN useradd --system --uid 10001 loa && install --directory --owner=loa --group=loa /data
COPY --from=build /opt/loa /opt/loa
ENV PATH=/opt/loa/bin:$PATH PYTHONUNBUFFERED=1 HOME=/tmp TTS_STORAGE_DIR=/data/audio
USER loa
WORKDIR /data
VOLUME /data
ENTRYPOINT ["loa"]

FROM base AS gateway
EXPOSE 8080
CMD ["gateway", "--host", "0.0.0.0", "--port", "8080"]

FROM base AS worker
CMD ["worker"]

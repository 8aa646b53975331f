# docker build --target worker -t loa-worker .          engines that need no GPU
# docker build --target worker-gpu -t loa-worker-gpu .  and torch with CUDA, for dia and vits: several GB
# docker build --target gateway -t loa-gateway .        gateway, webhooks, reconcile
#
# The context has no git: --build-arg VERSION="$(.venv/bin/loa --version)" says which version it is.
# For builds that can be repeated, name the base by its digest: --build-arg BASE=python:3.11-slim@sha256:…

ARG BASE=python:3.11-slim

FROM ${BASE} AS tools
WORKDIR /src
COPY requirements/uv.txt requirements/
RUN pip install --no-cache-dir --require-hashes -r requirements/uv.txt \
 && python -m venv --without-pip /opt/loa
# Compiled here: who runs an image may not write into it, and would compile all packages at every start.
ENV UV_COMPILE_BYTECODE=1 UV_NO_CACHE=1 VIRTUAL_ENV=/opt/loa

FROM tools AS build
COPY requirements/image.txt requirements/
RUN uv pip sync --require-hashes requirements/image.txt
COPY pyproject.toml README.md LICENSE NOTICE ./
COPY models models
COPY storage storage
COPY streams streams
ARG VERSION=0.1.dev0
RUN SETUPTOOLS_SCM_PRETEND_VERSION=$VERSION uv pip install --no-deps --no-build-isolation .

FROM build AS build-gpu
COPY requirements/gpu.txt requirements/
RUN uv pip install --no-deps --require-hashes -r requirements/gpu.txt

FROM ${BASE} AS base
# A volume mounted on /data takes its owner from here.
RUN useradd --system --uid 10001 loa && install --directory --owner=loa --group=loa /data
ENV PATH=/opt/loa/bin:$PATH PYTHONUNBUFFERED=1 HOME=/tmp TTS_STORAGE_DIR=/data/audio
# By number, so that Kubernetes can see that it is not root.
USER 10001
WORKDIR /data
VOLUME /data
ENTRYPOINT ["loa"]

FROM base AS gateway
COPY --from=build /opt/loa /opt/loa
EXPOSE 8080
CMD ["gateway", "--host", "0.0.0.0", "--port", "8080"]

FROM base AS worker-gpu
COPY --from=build-gpu /opt/loa /opt/loa
ENV NVIDIA_VISIBLE_DEVICES=all NVIDIA_DRIVER_CAPABILITIES=compute,utility
CMD ["worker"]

FROM base AS worker
COPY --from=build /opt/loa /opt/loa
CMD ["worker"]

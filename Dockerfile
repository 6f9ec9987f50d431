# syntax=docker/dockerfile:1
# GPU (default):  docker build -t fastestimator-lite .
#                 docker run --rm --gpus all fastestimator-lite
# CPU:            docker build --build-arg DEVICE=cpu -t fastestimator-lite:cpu .
#                 (--build-arg TORCH_INDEX=<the index of CPU builds that pytorch.org names> leaves CUDA out)
# In the GPU image PyTorch runs on the GPU and TensorFlow on the CPU: their wheels want different CUDA versions.

ARG DEVICE=gpu

FROM pytorch/pytorch:2.13.0-cuda13.0-cudnn9-runtime AS base-gpu

FROM python:3.11-slim-bookworm AS base-cpu

# hadolint ignore=DL3006
FROM base-${DEVICE} AS image

ENV NO_ALBUMENTATIONS_UPDATE=1 \
    TF_CPP_MIN_LOG_LEVEL=2 \
    TF_FORCE_GPU_ALLOW_GROWTH=true \
    MPLBACKEND=Agg \
    PIP_BREAK_SYSTEM_PACKAGES=1 \
    PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PYTHONUNBUFFERED=1

# Dependencies first: this layer changes only with requirements.txt. The GPU base brings the pinned PyTorch with it.
ARG TORCH_INDEX=
WORKDIR /opt/fastestimator-lite
COPY requirements.txt ./
RUN --mount=type=cache,target=/root/.cache/pip \
    if [ -n "${TORCH_INDEX}" ]; then \
        pip install --index-url "${TORCH_INDEX}" "$(grep '^torch==' requirements.txt)"; \
    fi \
    && pip install -r requirements.txt

COPY setup.py pyproject.toml README.md LICENSE NOTICE ./
COPY fastestimator_lite ./fastestimator_lite
RUN --mount=type=cache,target=/root/.cache/pip \
    pip install --no-deps .

RUN useradd --create-home --uid 10001 fastestimator
USER 10001
WORKDIR /home/fastestimator
COPY --chown=10001 apphub ./apphub

CMD ["fastestimator-lite", "doctor"]

ARG CUDA=12.4.1
ARG FLAVOUR=runtime
ARG IMAGE=nvidia/cuda:${CUDA}-cudnn-${FLAVOUR}-ubuntu22.04
FROM ${IMAGE}
COPY --link --from=ghcr.io/astral-sh/uv:0.4.18 /uv /usr/local/bin/
RUN <<-SCRIPT cat <<'CONFIG' > /etc/viz.conf
	set -e
	FROM scratch
	SCRIPT
COPY --from=not-an-image:1 / /
CONFIG
COPY <<EOT /usr/share/greeting
FROM also-no-image
EOT

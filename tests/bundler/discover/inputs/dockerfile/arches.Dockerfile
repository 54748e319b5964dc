FROM --platform=linux/amd64 debian:12 AS base-amd64
FROM --platform=linux/arm64/v8 arm64v8/debian:12 AS base-arm64
FROM base-${TARGETARCH} AS final
ARG TARGETARCH
COPY --from=base-$TARGETARCH /a /b
FROM scratch
COPY --from=final / /

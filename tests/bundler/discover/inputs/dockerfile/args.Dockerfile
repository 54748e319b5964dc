ARG REGISTRY=docker.io
ARG BASE
FROM ${REGISTRY}/${BASE:-library/alpine:3.20} AS first
ARG REGISTRY
ARG EXTRA=${REGISTRY}/tools:1
COPY --from=$EXTRA /t /t
FROM ${REGISTRY:+$REGISTRY/}library/python:${PYTHON:-3.12}-slim
COPY --from=first / /

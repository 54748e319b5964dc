ARG TAG
RUN true
FROM nginx:$TAG AS web
ARG LATE=1
FROM alpine:${LATE}
FROM $GIVEN
FROM ${OOPS
FROM busybox latest
FROM debian AS 1st
COPY --from=web / /
COPY --from=1 / /
COPY --from=2 / /
COPY --from=3 / /
COPY --from=4 / /
COPY --from=$LATE / /
RUN --mount=type=bind,"from=x"y true
FORM typo

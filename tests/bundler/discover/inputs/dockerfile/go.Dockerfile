# syntax=docker/dockerfile:1.7

ARG GO_VERSION=1.22
ARG ALPINE=3.20

FROM --platform=$BUILDPLATFORM golang:${GO_VERSION}-alpine${ALPINE%.*} AS build
ARG TARGETOS TARGETARCH
WORKDIR /src
RUN --mount=type=cache,target=/go/pkg/mod \
    # the linter is only mounted
    --mount=type=bind,from=golangci/golangci-lint:v1.59,source=/usr/bin/golangci-lint,target=/usr/bin/lint \

    lint run && GOOS=$TARGETOS GOARCH=$TARGETARCH go build -o /out/app .

FROM build AS test
RUN go test ./...

from gcr.io/distroless/static:nonroot
COPY --from=BUILD --chown=65532 /out/app /app
COPY --from=1 /etc/nothing /etc/nothing
ENTRYPOINT ["/app"]

FROM node:20-slim
ONBUILD COPY --from=example.com/assets:3 /assets /app/assets
ONBUILD RUN --mount=from=tools,target=/tools /tools/check
ONBUILD COPY . /app
HEALTHCHECK CMD curl -f http://localhost/ || exit 1

# The gateway; with another command, the demo service: `docker run … node dist/examples/goods/main.js`.
ARG NODE_IMAGE=node:24-slim

FROM ${NODE_IMAGE} AS build
WORKDIR /app
# Dependencies first: they change less often than the code, so that their layer is kept.
COPY package.json package-lock.json ./
RUN npm ci --no-audit --no-fund
COPY tsconfig.json tsconfig.build.json ./
COPY scripts scripts
COPY src src
COPY examples examples
RUN npm run build

FROM ${NODE_IMAGE} AS dependencies
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --omit=dev --ignore-scripts --no-audit --no-fund

FROM ${NODE_IMAGE}
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="watchgate" \
      org.opencontainers.image.description="HTTP API gateway that watches a service registry" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
ENV NODE_ENV=production \
    WATCHGATE_HEALTH_URL=http://127.0.0.1:9901/healthz
WORKDIR /app
COPY --from=dependencies /app/node_modules node_modules
COPY --from=build /app/dist dist
COPY package.json LICENSE ./
COPY routes.yaml /etc/watchgate/routes.yaml
# By number, so that Kubernetes can see that it is not root. It owns none of the files above.
USER 1000:1000
EXPOSE 8080 9901
STOPSIGNAL SIGTERM
# The image has no curl. Another command than `start` sets WATCHGATE_HEALTH_URL to an address of its own.
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s --retries=3 \
  CMD ["node", "-e", "fetch(process.env.WATCHGATE_HEALTH_URL).then((response) => process.exit(response.ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["node", "dist/main.js"]
CMD ["start", "-c", "/etc/watchgate/routes.yaml"]

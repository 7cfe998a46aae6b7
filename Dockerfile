# Build:  docker build --build-arg RELAY_GIT_COMMIT="$(git rev-parse --short=12 HEAD)" --tag relay-pulse .
# Run:    see compose.yaml; a configuration folder is mounted at /config, the database lives in the volume /data.
FROM rust:1.95.0-bookworm AS build
# What is in the image, not what rust-toolchain.toml would fetch.
ENV RUSTUP_TOOLCHAIN=1.95.0
# The history is not copied; these say what the program should tell of its commit.
ARG RELAY_GIT_COMMIT=""
ARG RELAY_BUILD_TIME=""
WORKDIR /src
COPY Cargo.toml Cargo.lock ./
COPY .cargo .cargo
COPY bins bins
COPY crates crates
COPY xtask xtask
COPY migrations migrations
COPY config config
RUN cargo build --locked --profile dist --package relay-server --target-dir target
RUN install -D -m 0755 target/dist/relay-server out/usr/local/bin/relay-server
RUN install -d -m 0750 out/config out/data

FROM debian:12.12-slim
# The authorities that PostgreSQL's `verify-full` and probes trust; SSL_CERT_FILE names another list.
RUN apt-get update && apt-get install --yes --no-install-recommends ca-certificates && rm -rf /var/lib/apt/lists/*
COPY --from=build /src/out/usr/local/bin/relay-server /usr/local/bin/relay-server
# Named volumes take their owner from these folders.
COPY --from=build --chown=65532:65532 /src/out/config /config
COPY --from=build --chown=65532:65532 /src/out/data /data
# The configuration is a folder, so that replacing a file in it is seen and `data/` beside it can be included.
ENV MONITOR_CONFIG=/config/config.yaml MONITOR_SQLITE_PATH=/data/monitor.db
USER 65532:65532
WORKDIR /data
VOLUME /data
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s --retries=3 CMD ["relay-server", "healthcheck"]
ENTRYPOINT ["relay-server"]
CMD ["run", "--log-format", "json"]

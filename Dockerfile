# Two images from one build, by the scripts that CI runs too:
#   docker build --target postgres -t fluxbase-postgres .   PostgreSQL 15 with the extension, preloaded
#   docker build -t fluxbase .                              the server; `docker run … fluxbase migrate` first

FROM rust:1.95-bookworm AS builder
WORKDIR /src
COPY . .
RUN deploy/packages \
 && root=$(deploy/extension 15 --release) \
 && cargo build --release --locked -p fluxbase --bin fluxbase \
 && install -D "$("$root/bin/pg_config" --pkglibdir)/fluxbase.so" /out/lib/fluxbase.so \
 && mkdir -p /out/extension /out/bin \
 && cp "$("$root/bin/pg_config" --sharedir)"/extension/fluxbase* /out/extension/ \
 && cp target/release/fluxbase /out/bin/

# A library built on one minor version of PostgreSQL loads into every other of the same major.
FROM postgres:15-bookworm AS postgres
COPY --from=builder /out/lib/fluxbase.so /usr/lib/postgresql/15/lib/
COPY --from=builder /out/extension/ /usr/share/postgresql/15/extension/
CMD ["postgres", "-c", "shared_preload_libraries=fluxbase"]

FROM debian:bookworm-slim AS server
# Authorities that mail servers show certificates of.
RUN apt-get update && apt-get install -y --no-install-recommends ca-certificates && rm -rf /var/lib/apt/lists/*
COPY --from=builder /out/bin/fluxbase /usr/local/bin/fluxbase
COPY server/fluxbase.yaml /etc/fluxbase/fluxbase.yaml
# In a container the loopback address would reach nobody.
ENV FLUXBASE_CONFIG=/etc/fluxbase/fluxbase.yaml FLUXBASE_SERVER_ADDRESS=:8080
EXPOSE 8080
# Neither root nor anybody who owns a file here.
USER 65534:65534
ENTRYPOINT ["fluxbase"]
CMD ["serve"]

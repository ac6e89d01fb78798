# One image for every service of docker-compose.yaml except Postgres.
# Segment's library for browsers (MIT), which the collector gives to the snippet of a web page; the
# version is that of include/analytics_js.py.
FROM node:22-slim AS browser
RUN npm pack @segment/analytics-next@1.84.3 && tar -xzf segment-analytics-next-*.tgz \
    && rm package/dist/umd/*.map package/dist/umd/*.gz

FROM python:3.12-slim

ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
WORKDIR /app

# Dependencies first: they change less often than the code. The file names all of them.
COPY requirements.txt .
RUN pip install --no-cache-dir "$(grep '^uv==' requirements.txt)" \
    && uv pip install --system --no-cache --compile-bytecode --no-deps \
        --requirement requirements.txt

COPY --from=browser /package/LICENSE.MD /package/package.json /usr/local/share/analytics-next/
COPY --from=browser /package/dist/umd /usr/local/share/analytics-next/dist/umd

COPY include include
COPY dags dags
COPY plugins plugins
COPY dbt_project dbt_project

# Nothing runs as root. What the services keep is in /data, a volume.
RUN useradd --create-home --uid 10001 planhat && mkdir -p /data/exports && chown -R planhat /data
USER planhat
ENV DATA_DIR=/data
VOLUME /data

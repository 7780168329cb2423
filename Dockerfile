# The pipeline on its embedded data, run once while the image is built:
#   docker build -t ionsieve . && docker run --rm ionsieve window Li3YCl6
FROM python:3.11-slim
RUN apt-get update \
    && apt-get install --yes --no-install-recommends git libgomp1 make \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /ionsieve
COPY . .
RUN make .venv/.synced
RUN make screen
ENTRYPOINT [".venv/bin/ionsieve"]

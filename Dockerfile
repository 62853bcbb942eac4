# One image for every role: `pulseops migrate`, `pulseops api`, `pulseops worker`.
FROM python:3.11-slim AS build
ENV UV_PROJECT_ENVIRONMENT=/opt/pulseops UV_PYTHON_DOWNLOADS=never UV_LINK_MODE=copy UV_COMPILE_BYTECODE=1
RUN pip install --no-cache-dir uv
WORKDIR /src
COPY . .
RUN uv sync --no-cache --no-dev --no-editable --extra s3

FROM python:3.11-slim
# git: for workers that publish what they sign to a repository.
RUN apt-get update \
 && apt-get install --yes --no-install-recommends git \
 && rm -rf /var/lib/apt/lists/*
RUN useradd --system --uid 10001 --user-group --no-create-home --home-dir /nonexistent pulseops
# Volumes that are mounted here are made for whom they find here.
RUN install --directory --owner=10001 --group=10001 --mode=0700 /audit \
 && install --directory --owner=10001 --group=10001 --mode=0755 /published
COPY --from=build /opt/pulseops /opt/pulseops
ENV PATH=/opt/pulseops/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
USER 10001:10001
EXPOSE 8000
ENTRYPOINT ["pulseops"]
CMD ["api"]

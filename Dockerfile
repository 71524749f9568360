# The service in a container: docker build -t moderation .  ·  deploy/compose.yaml puts all of it together.
#
# BASE can be pinned to the very bytes, so that a rebuild never changes under you. Look the digest up, then name it:
#   docker buildx imagetools inspect python:3.13-slim
#   docker build --build-arg BASE=python:3.13-slim@sha256:... -t moderation .
ARG BASE=python:3.13-slim

FROM ${BASE} AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /src
# What changes seldom comes first: a change of the code leaves this layer as it is.
# requirements-language: with what tells languages apart, for rules that ask for comment.language.
ARG PACKAGES=requirements
COPY deploy/requirements.txt deploy/requirements-language.txt deploy/requirements-build.txt deploy/
RUN python -m venv /opt/build \
    && /opt/build/bin/pip install --require-hashes -r deploy/requirements-build.txt \
    && python -m venv --without-pip /opt/moderation \
    && pip --python /opt/moderation/bin/python install --require-hashes -r "deploy/${PACKAGES}.txt"
COPY pyproject.toml README.md LICENSE NOTICE ./
COPY src src
RUN /opt/build/bin/python -m hatchling build -t wheel -d /dist \
    && pip --python /opt/moderation/bin/python install --no-deps --no-index /dist/*.whl

FROM ${BASE}
COPY --from=build /opt/moderation /opt/moderation
# /state holds the database, the keys and the rules: the only folder that is written to, besides /tmp and /dev/shm.
RUN install -d -o 10001 -g 10001 -m 0700 /state
ENV PATH=/opt/moderation/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    MODERATION_HOST=0.0.0.0 \
    MODERATION_PORT=8080 \
    MODERATION_STATE=/state
USER 10001:10001
WORKDIR /state
VOLUME /state
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request as r; r.urlopen(f'http://127.0.0.1:{os.environ[\"MODERATION_PORT\"]}/livez', timeout=4)"]
ENTRYPOINT ["moderation"]
CMD ["serve"]

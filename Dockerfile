# The daemon on Linux servers, from the same lock as everything else. Each RUN is a make target that .ci/run runs too.
# docker build -t bazaarwatch .
# docker run -v bazaarwatch:/data -e BAZAARWATCH_FETCH__CONTACT=you@studio.example bazaarwatch

FROM python:3.13 AS build
WORKDIR /build
COPY Makefile ./
COPY requirements requirements
RUN make image-dependencies PREFIX=/opt/bazaarwatch
COPY pyproject.toml README.md LICENSE ./
COPY monitor monitor
COPY storage storage
COPY detectors detectors
COPY config config
COPY migrations migrations
RUN make image-project PREFIX=/opt/bazaarwatch

FROM python:3.13-slim
COPY --from=build /opt/bazaarwatch /opt/bazaarwatch
# An empty folder that belongs to the user below: a new volume at /data takes its owner from here.
COPY --from=build --chown=10001:10001 /opt/bazaarwatch/data /data
ENV PATH=/opt/bazaarwatch/bin:$PATH BAZAARWATCH_DATA_DIR=/data HOME=/data
USER 10001:10001
WORKDIR /data
VOLUME /data
HEALTHCHECK --interval=5m --timeout=60s --start-period=2m CMD ["bazaarwatch", "doctor", "--json"]
ENTRYPOINT ["bazaarwatch"]
CMD ["run"]

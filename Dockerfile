# The image holds a Node runtime and one bundle, nothing else:
#     npm run build && docker build --file Dockerfile --tag signet dist
ARG BASE=gcr.io/distroless/nodejs24-debian12:nonroot
FROM ${BASE}
COPY signet.mjs /app/signet.mjs
COPY chunks /app/chunks
ENV NODE_ENV=production
USER 65532:65532
WORKDIR /app
ENTRYPOINT ["/nodejs/bin/node", "/app/signet.mjs"]

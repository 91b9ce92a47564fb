#!/bin/sh
# Runs all checks, for CI and `make ci`: lint, tests, image build, and a smoke test of the container.
# `bin/ci.sh code` runs lint and the tests. `bin/ci.sh container` builds the image and tests the container.
set -eu
cd "$(dirname "$0")/.."
export CI=true
case ${1:-code} in
code | container) ;;
*) echo "usage: bin/ci.sh [code|container]" >&2 && exit 2 ;;
esac

# A separate compose project on free ports, so that the containers and data of `docker compose up` are kept.
compose() { PORT=0 docker compose --project-name="my-flask-api-ci" "$@"; }
finish() {
    status=$?
    command -v docker >/dev/null || exit $status
    [ $status = 0 ] || compose logs --tail=100 || true
    compose down --volumes || [ $status != 0 ]
    exit $status
}
trap 'exit 130' INT TERM
trap finish EXIT
await() {
    curl --noproxy "*" --silent --output /dev/null --retry 30 --retry-delay 1 --retry-all-errors "http://$1/" ||
        { echo "http://$1/ did not respond within 30 seconds" >&2 && return 1; }
}
# The address of a port that the Docker engine publishes; the engine may be on another machine.
published() {
    address=$(compose port "$@")
    case ${DOCKER_HOST:-} in
    tcp://*) engine=${DOCKER_HOST#tcp://} && address=${engine%:*}:${address##*:} ;;
    esac
    echo "$address"
}

code() {
    make lint
    make test
}

container() {
    make image IMAGE="my-flask-api"
    compose up --detach --no-build
    api=$(published api 8080)
    await "$api"
    bin/smoke.sh "http://$api"
}

for part in ${1:-code container}; do "$part"; done

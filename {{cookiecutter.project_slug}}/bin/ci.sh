#!/bin/sh
# Runs all checks, for CI and `make ci`: lint, tests, image build, and a smoke test of the container.
set -eu
cd "$(dirname "$0")/.."
export CI=true

# A separate compose project on free ports, so that the containers and data of `docker compose up` are kept.
compose() { PORT=0 docker compose --project-name="{{ cookiecutter.project_slug }}-ci" "$@"; }
finish() {
    status=$?
    [ $status = 0 ] || compose logs --tail=100 || true
    compose down --volumes || [ $status != 0 ]
    exit $status
}
trap 'exit 130' INT TERM
trap finish EXIT
await() {
    curl --noproxy "*" --silent --output /dev/null --retry 30 --retry-delay 1 --retry-all-errors "http://$1/"
}

make lint
# % if cookiecutter.datastore == "sql"
compose up --detach --wait postgres
postgres=$(compose port postgres 5432)
TEST_DATABASE_URL=postgresql://api:api@$postgres/api make test
# % elif cookiecutter.datastore == "firestore"
compose up --detach emulator
emulator=$(compose port emulator 8200)
await "$emulator"
FIRESTORE_EMULATOR_HOST=$emulator make test
# % else
make test
# % endif
make image IMAGE="{{ cookiecutter.project_slug }}"
compose up --detach --no-build
api=$(compose port api 8080)
await "$api"
bin/smoke.sh "http://$api"

#!/bin/sh
# Starts the server: the one way to, on a laptop and in the container. With arguments: another
# command, with the same settings.
set -eu
cd "$(dirname "$0")/.."
PATH=$PWD/.venv/bin:$PATH

# .env is for local runs. What is in the environment already wins over it.
if [ -f .env ]; then
    environment=$(export -p)
    set -a
    . ./.env
    set +a
    eval "$environment"
fi

# % if cookiecutter.datastore == "sql"
# A database server is migrated by whoever deploys; the file of SQLite, by nobody but this.
case ${DATABASE_URL:-sqlite:} in sqlite:*) alembic upgrade head ;; esac

# % endif
# % if cookiecutter.datastore == "firestore"
# Where there are neither credentials nor Google's metadata server, that is to be known in seconds.
export GCE_METADATA_DETECT_RETRIES="${GCE_METADATA_DETECT_RETRIES:-1}"
# To the library an empty address is one, to which it cannot connect.
[ -n "${FIRESTORE_EMULATOR_HOST:-}" ] || unset FIRESTORE_EMULATOR_HOST

# % endif
[ $# -gt 0 ] || set -- gunicorn wsgi:app
# exec: the server gets the signals sent to this process, SIGTERM above all.
exec "$@"

#!/bin/sh
# Starts the server: the one way to, on a laptop and in the container.
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

# exec: the server gets the signals sent to this process, SIGTERM above all.
exec gunicorn wsgi:app

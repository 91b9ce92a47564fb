#!/bin/sh
# Starts the server, on a laptop and in the container. With arguments, runs that command instead, with
# the same settings.
set -eu
cd "$(dirname "$0")/.."
PATH=$PWD/.venv/bin:$PATH

# .env is for local runs, in the format of `docker run --env-file`: a value is everything after the =.
# A variable that is already set in the environment takes precedence. The script starts itself again with
# the variables that it adds; the second time it finds none to add, and continues.
if [ -f .env ]; then
    set -- bin/run.sh "$@"
    arguments=$#
    while IFS= read -r line; do
        name=${line%%=*}
        case $name in
        "#"*) continue ;;
        "" | [!A-Za-z_]* | *[!A-Za-z0-9_]*)
            # Print only the beginning of the line, because it may be part of a secret of several lines.
            [ -z "$line" ] ||
                { printf ".env: '%.8s…' does not begin with a name: write NAME=value\n" "$name" >&2 && exit 1; }
            ;;
        "$line") ;; # only a name: the variable is already in the environment, if it is set
        *) printenv "$name" >/dev/null || set -- "$line" "$@" ;;
        esac
    done <<EOF
$(tr -d '\r' <.env | sed -e 's/^[[:space:]]*//' -e '1!G;h;$!d')
EOF
    [ $# = $arguments ] || exec env "$@"
    shift
fi

command -v "${1:-gunicorn}" >/dev/null || {
    echo "${1:-gunicorn} is not installed; to install the requirements, run: make develop" >&2 && exit 127
}

# For Flask's commands: bin/run.sh flask routes
export FLASK_APP=wsgi FLASK_SKIP_DOTENV=1 FLASK_RUN_PORT="${PORT:-8080}"
[ $# -gt 0 ] || set -- gunicorn wsgi:app
# exec: signals such as SIGTERM reach the server.
exec "$@"

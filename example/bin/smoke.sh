#!/bin/sh
# Calls a running service, and stops at the first unexpected response.
set -eu
[ -n "${1:-}" ] || { echo "usage: bin/smoke.sh URL" >&2 && exit 2; }
url=${1%/}

call() { curl "$@"; }

# A proxy of the environment cannot reach this machine's own addresses.
case $url/ in
http*://localhost[:/]* | http*://127.[0-9]* | http*://0.0.0.0[:/]* | http*://\[::*) export no_proxy="*" ;;
esac

expect() {
    got=$(call --silent --show-error --max-time 60 --output /dev/null \
        --write-out '%{http_code} %{content_type}' "$url$1") || got="no response"
    case $got in
    "$2"*) echo "GET $1: $got" ;;
    *) echo "GET $url$1: expected $2, got $got" >&2 && exit 1 ;;
    esac
}

expect /health "200 application/json"
expect /openapi.json "200 application/json"
expect /no-such-page "404 application/problem+json"

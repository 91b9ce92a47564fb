#!/bin/sh
# Calls a running service, and stops at the first unexpected response.
set -eu
[ -n "${1:-}" ] || { echo "usage: bin/smoke.sh URL" >&2 && exit 2; }
url=${1%/}

# % if cookiecutter.deploy == "cloud-run"
# A private service requires an identity token: IDENTITY_TOKEN, or one from gcloud. A service account's
# token needs the service as its audience; a user's token cannot have one. The identity token is sent
# over TLS only.
token=
case $url in https://*)
    token=${IDENTITY_TOKEN:-$(gcloud auth print-identity-token --audiences="$url" 2>/dev/null ||
        gcloud auth print-identity-token 2>/dev/null)} || true
    ;;
esac

# % endif
# % if cookiecutter.auth == "jwt"
# With TOKEN (a token of the API's issuer), an unknown page gets 404; without it, 401. TOKEN is sent over
# TLS only, except to this machine.
api_token= unknown=401
case $url in https://* | http://localhost:* | http://127.0.0.1:*) api_token=${TOKEN:-} ;; esac
[ -z "$api_token" ] || unknown=404

# % endif
# % if cookiecutter.deploy == "cloud-run" and cookiecutter.auth == "jwt"
# Cloud Run checks X-Serverless-Authorization, and passes Authorization on.
call() {
    printf '%s\n' ${token:+"header = \"X-Serverless-Authorization: Bearer $token\""} \
        ${api_token:+"header = \"Authorization: Bearer $api_token\""} | curl --config - "$@"
}

# % elif cookiecutter.auth == "jwt"
call() {
    printf '%s\n' ${api_token:+"header = \"Authorization: Bearer $api_token\""} | curl --config - "$@"
}

# % elif cookiecutter.deploy == "cloud-run"
call() {
    printf '%s\n' ${token:+"header = \"Authorization: Bearer $token\""} | curl --config - "$@"
}

# % else
call() { curl "$@"; }

# % endif
# A proxy of the environment cannot reach this machine's own addresses.
case $url/ in
http*://localhost[:/]* | http*://127.[0-9]* | http*://0.0.0.0[:/]* | http*://\[::*) export no_proxy="*" ;;
esac

expect() {
    got=$(call --silent --show-error --max-time 60 --output /dev/null \
        --write-out '%{http_code} %{content_type}' "$url$1") || got="no response"
    case $got in
    "$2"*) echo "GET $1: $got" ;;
# % if cookiecutter.deploy == "cloud-run"
    *) echo "GET $url$1: expected $2, got $got${token:+, with a token}" >&2 && exit 1 ;;
# % else
    *) echo "GET $url$1: expected $2, got $got" >&2 && exit 1 ;;
# % endif
    esac
}

expect /health "200 application/json"
expect /openapi.json "200 application/json"
# % if cookiecutter.auth == "jwt"
expect /no-such-page "$unknown application/problem+json"
# % else
expect /no-such-page "404 application/problem+json"
# % endif

#!/bin/sh
# Makes the files that compose.yaml hands to the containers, with new passwords, where they are not
# there yet: `sh deploy/make_secrets.sh`. Containers have users of their own, so the files can be
# read by all and the folder only by its owner.
set -eu
umask 022
folder=${1:-$(dirname "$0")/secrets}
mkdir -p "$folder"
chmod 700 "$folder"
cd "$folder"

make() {
    # Read in any case: a program that nobody reads from complains.
    if [ -e "$1" ]; then cat >/dev/null; else cat >"$1"; fi
}

openssl rand -hex 24 | make database_password
openssl rand -hex 24 | make broker_password
printf 'postgresql+psycopg2://bj:%s@postgres:5432/bj' "$(cat database_password)" | make BJ_DATABASE_URL
printf 'redis://:%s@broker:6379/0' "$(cat broker_password)" | make BJ_CELERY_BROKER
# Of the object store that compose.yaml can start; with another one, put its keys here.
printf 'bj-pipeline' | make AWS_ACCESS_KEY_ID
openssl rand -hex 24 | make AWS_SECRET_ACCESS_KEY
printf 'ROOT_ACCESS_KEY=%s\nROOT_SECRET_KEY=%s\n' \
    "$(cat AWS_ACCESS_KEY_ID)" "$(cat AWS_SECRET_ACCESS_KEY)" | make objects.env
# Empty until they are filled in: where alerts go, the token of Tushare, and the keys of Aliyun's store.
make BJ_ALERT_URLS </dev/null
make BJ_TUSHARE_TOKEN </dev/null
make FSSPEC_OSS_KEY </dev/null
make FSSPEC_OSS_SECRET </dev/null
# Who may do what: a line NAME:HASH each, which `openssl passwd -6` makes. Nobody at first.
make operators </dev/null
make readers </dev/null
# Until there is a certificate that browsers trust.
if ! [ -e tls.crt ]; then
    openssl req -x509 -newkey rsa:2048 -nodes -days 365 -subj /CN=localhost \
        -addext subjectAltName=DNS:localhost,IP:127.0.0.1 -keyout tls.key -out tls.crt 2>/dev/null
fi
chmod 644 ./*

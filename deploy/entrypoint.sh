#!/bin/sh
# Secrets come as files; the programs read variables. A secret that is empty is not set.
set -eu
for file in /run/secrets/*_*; do
    name=$(basename "$file")
    case $name in
    [A-Z]*) [ ! -s "$file" ] || export "$name=$(cat "$file")" ;;
    esac
done
exec "$@"

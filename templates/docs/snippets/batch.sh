#!/usr/bin/env bash
# bash batch.sh: sends events.ndjson, which has one event a line, in lists of 500.
# It ends at the first list that isn't stored, with the exit status of deliver.sh.
set -euo pipefail
# Keys are made of the whole file and the number of the list: sending the file again
# stores nothing twice, and two lists that are alike are two events.
file=$(openssl dgst -sha256 -r events.ndjson | cut -c1-64)
lists=$(mktemp -d)
trap 'rm -rf "$lists"' EXIT
split -a 6 -l 500 events.ndjson "$lists/part-"
for part in "$lists"/part-*; do
  [ -e "$part" ] || break
  { printf '['; paste -s -d , "$part"; printf ']'; } > "$lists/list.json"
  bash deliver.sh "$lists/list.json" "$file-$(basename "$part")"
done

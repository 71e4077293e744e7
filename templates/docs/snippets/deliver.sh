#!/usr/bin/env bash
# bash deliver.sh EVENT.json [KEY]: sends a JSON file as one event, until it is stored.
# Exit status: 0 stored; 1 this event is refused, don't send it again;
# 75 not stored yet, try later with the same key; 77 nothing would be stored
# as things are: a wrong password or address, a redirect, or an unreadable file.
set -u
event=$1
[ -r "$event" ] || { echo "not sent: $event can't be read" >&2; exit 77; }
key=${2:-$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')}
files=$(mktemp -d) || exit 77
trap 'rm -rf "$files"' EXIT

for longest_wait in 1 2 4 8 16 32 60 60 60 0; do
  : >"$files/headers"
  # The password goes through a pipe: anyone on the machine can read a command line.
  # curl follows no redirect, unless told to: it would turn the POST into a GET.
  answer=$(printf 'user = "%s:%s"\n' "{{ username }}" "${WEBHOOK_PASSWORD:-}" |
    curl "{{ endpoint }}" --config - --silent --show-error --connect-timeout 5 --max-time 15 \
      --header "Content-Type: application/json" --header "Idempotency-Key: $key" \
      --data-binary @"$event" \
      --dump-header "$files/headers" --output "$files/answer" --write-out '%{http_code} %{redirect_url}')
  read -r status target <<<"$answer"

  case $status in
    200) grep '^{"status":"ok"' "$files/answer" && exit 0
      echo "not stored: 200 from something else" >&2; cat "$files/answer" >&2; exit 77 ;;
    3??) echo "not stored: $status the address redirects to $target" >&2; exit 77 ;;
    000 | 408 | 429 | 502 | 503 | 504) echo "not stored yet: $status" >&2 ;;
    400 | 413 | 422) cat "$files/answer" >&2; exit 1 ;;
    *) echo "refused: $status" >&2; cat "$files/answer" >&2; exit 77 ;;
  esac

  [ "$longest_wait" = 0 ] && break
  asked=$(awk 'tolower($1) == "retry-after:" { s = $2 } END { print int(s) }' "$files/headers")
  milliseconds=$((asked * 1000 + (RANDOM * 32768 + RANDOM) % (longest_wait * 1000 + 1)))
  sleep "$((milliseconds / 1000)).$(printf '%03d' $((milliseconds % 1000)))"
done
echo "gave up; key: $key" >&2
exit 75

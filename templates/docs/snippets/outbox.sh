# Your program writes an event to outbox/NAME.tmp, then renames it to outbox/NAME.json.
# Names sort by time, and are the idempotency keys. This sends the oldest first.
for event in outbox/*.json; do
  [ -e "$event" ] || break
  bash deliver.sh "$event" "$(basename "$event" .json)"
  status=$?
  case $status in
    0) rm "$event" || exit ;;
    1) mkdir -p refused && mv "$event" refused/ || exit ;;
    *) exit "$status" ;; # the next one would fare no better: all stay where they are
  esac
done

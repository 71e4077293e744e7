# Your program writes an event to outbox/NAME.tmp, then renames it to outbox/NAME.json.
# Names sort by time, and are the idempotency keys. This sends the oldest first.
for event in outbox/*.json; do
  [ -e "$event" ] || break
  bash deliver.sh "$event" "$(basename "$event" .json)"
  case $? in
    0) rm "$event" ;;
    1) mkdir -p refused && mv "$event" refused/ ;;
    *) break ;;
  esac
done

apprise --verbose --title "Backup" --body "Finished in 42 minutes" \
  "{{ json_scheme }}://{{ username }}:$WEBHOOK_PASSWORD@{{ authority }}/"

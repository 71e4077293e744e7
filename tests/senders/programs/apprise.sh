apprise --title "Backup" --body "Finished in 42 minutes" \
  "{{ apprise }}://{{ username }}:$WEBHOOK_PASSWORD@{{ authority }}/"

chmod 600 ~/.webhook-netrc
curl {{ endpoint }} --netrc-file ~/.webhook-netrc \
  --fail-with-body --location --max-redirs 0 \
  --header "Content-Type: application/json" \
  --data '{"message": "Hello from webhook!"}'

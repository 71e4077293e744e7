chmod 600 ~/.webhook-netrc
curl {{ endpoint }} --netrc-file ~/.webhook-netrc \
  --header "Content-Type: application/json" \
  --data '{"message": "Hello from webhook!"}'

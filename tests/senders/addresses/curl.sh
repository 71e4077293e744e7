curl --silent --fail "{{ address }}" --header "Content-Type: application/json" --data '{}'

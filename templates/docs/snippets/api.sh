# sh api.sh METHOD PATH [JSON]
curl --request "$1" "{{ public_url }}/api/v1$2" \
  --fail-with-body --max-time 90 \
  --header "Authorization: Bearer $API_TOKEN" \
  --header "Content-Type: application/json" ${3:+--data "$3"}

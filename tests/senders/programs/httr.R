library(httr)
login <- authenticate("{{ username }}", Sys.getenv("WEBHOOK_PASSWORD"))
answer <- POST("{{ endpoint }}", login, content_type_json(), body = upload_file("event.json"))
stop_for_status(answer)

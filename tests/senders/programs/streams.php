<?php
$login = base64_encode("{{ username }}:" . getenv("WEBHOOK_PASSWORD"));
echo file_get_contents("{{ endpoint }}", false, stream_context_create(["http" => [
    "method" => "POST",
    "header" => "Authorization: Basic $login\r\nContent-Type: application/json",
    "content" => file_get_contents("event.json"),
]]));

<?php
require "GuzzleHttp/autoload.php";

$client = new GuzzleHttp\Client(["timeout" => 15, "allow_redirects" => false]);
$answer = $client->post("{{ endpoint }}", [
    "auth" => ["{{ username }}", getenv("WEBHOOK_PASSWORD")],
    "json" => ["message" => "Hello from webhook!"],
]);
echo $answer->getBody(), "\n";

<?php
$curl = curl_init("{{ endpoint }}");
curl_setopt_array($curl, [
    CURLOPT_USERPWD => "{{ username }}:" . getenv("WEBHOOK_PASSWORD"),
    CURLOPT_HTTPHEADER => ["Content-Type: application/json"],
    CURLOPT_POSTFIELDS => json_encode(["message" => "Hello from webhook!"]),
    CURLOPT_RETURNTRANSFER => true,
    CURLOPT_TIMEOUT => 15,
]);
$answer = curl_exec($curl);
$status = curl_getinfo($curl, CURLINFO_RESPONSE_CODE);
$redirect = curl_getinfo($curl, CURLINFO_REDIRECT_URL); // is not followed
echo $status, " ", $redirect ?: $answer ?: curl_error($curl), "\n";
$stored = $status === 200 && (json_decode($answer)->status ?? null) === "ok";
echo $stored ? "" : "not stored\n";
exit($stored ? 0 : 1);

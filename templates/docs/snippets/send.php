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
echo $status, " ", $answer === false ? curl_error($curl) : $answer, "\n";
exit($status === 200 ? 0 : 1);

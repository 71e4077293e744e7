<?php
[, $method, $path] = $argv;
$curl = curl_init("{{ public_url }}/api/v1" . $path);
curl_setopt_array($curl, [
    CURLOPT_CUSTOMREQUEST => $method,
    CURLOPT_HTTPHEADER => [
        "Authorization: Bearer " . getenv("API_TOKEN"),
        "Content-Type: application/json",
    ],
    CURLOPT_RETURNTRANSFER => true,
    CURLOPT_TIMEOUT => 90,
]);
if (isset($argv[3])) {
    curl_setopt($curl, CURLOPT_POSTFIELDS, $argv[3]);
}
$answer = curl_exec($curl);
echo $answer ?: curl_error($curl), "\n";
$status = curl_getinfo($curl, CURLINFO_RESPONSE_CODE);
exit($status >= 200 && $status < 300 ? 0 : 1);

<?php
// php deliver.php EVENT.json [KEY]: sends a JSON file as one event, until it is stored.
// Exit status: 0 stored; 1 this event is refused, don't send it again;
// 75 not stored yet, try later with the same key; 77 nothing would be stored
// as things are: a wrong password or address, a redirect, or an unreadable file.
const ENDPOINT = "{{ endpoint }}";
const USERNAME = "{{ username }}";
const RETRY = [0, 408, 429, 502, 503, 504];
const REFUSED = [400, 413, 422]; // what is wrong is the event
const ATTEMPTS = 10;
const LONGEST_WAIT = 60; // seconds

/** One attempt: status (0: no answer), text, and how long the answer asks to wait. */
function post(string $body, string $key): array
{
    $asked = 0;
    $curl = curl_init(ENDPOINT);
    curl_setopt_array($curl, [
        CURLOPT_USERPWD => USERNAME . ":" . getenv("WEBHOOK_PASSWORD"),
        CURLOPT_HTTPHEADER => ["Content-Type: application/json", "Idempotency-Key: $key"],
        CURLOPT_POSTFIELDS => $body,
        CURLOPT_RETURNTRANSFER => true,
        CURLOPT_CONNECTTIMEOUT => 5,
        CURLOPT_TIMEOUT => 15,
        CURLOPT_HEADERFUNCTION => function ($curl, $line) use (&$asked) {
            if (stripos($line, "retry-after:") === 0) {
                $asked = (int) substr($line, strlen("retry-after:"));
            }
            return strlen($line);
        },
    ]);
    $text = curl_exec($curl);
    if ($text === false) {
        return [0, curl_error($curl), 0];
    }
    $target = curl_getinfo($curl, CURLINFO_REDIRECT_URL);
    if ($target) { // following it would turn the POST into a GET
        $text = "not stored: the address redirects to $target";
    }
    return [curl_getinfo($curl, CURLINFO_RESPONSE_CODE), $text, $asked];
}

function isStored(int $status, string $text): bool
{
    return $status === 200 && (json_decode($text)->status ?? null) === "ok";
}

function deliver(string $body, string $key): int
{
    for ($attempt = 1; ; $attempt++) {
        [$status, $text, $asked] = post($body, $key);
        if (isStored($status, $text)) {
            echo $text, "\n";
            return 0;
        }
        fwrite(STDERR, "attempt $attempt failed: $status $text\n");
        if (!in_array($status, RETRY, true)) {
            return in_array($status, REFUSED, true) ? 1 : 77;
        }
        if ($attempt === ATTEMPTS) {
            fwrite(STDERR, "gave up; key: $key\n");
            return 75;
        }
        $longest = min(LONGEST_WAIT, 2 ** ($attempt - 1));
        usleep($asked * 1_000_000 + random_int(0, $longest * 1_000_000));
    }
}

$event = is_readable($argv[1] ?? "") ? file_get_contents($argv[1]) : false;
if ($event === false) {
    fwrite(STDERR, "not sent: the file can't be read\n");
    exit(77);
}
exit(deliver($event, $argv[2] ?? bin2hex(random_bytes(16))));

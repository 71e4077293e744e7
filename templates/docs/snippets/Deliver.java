// java Deliver.java EVENT.json [KEY]: sends a JSON file as one event, until it is stored.
// Exit status: 0 stored; 1 this event is refused, don't send it again;
// 75 not stored yet, try later with the same key; 77 nothing would be stored
// as things are: a wrong password or address, a redirect, or an unreadable file.
import java.io.IOException;
import java.net.URI;
import java.net.http.*;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.*;
import java.time.Duration;
import java.util.*;
import java.util.concurrent.ThreadLocalRandom;

class Deliver {
    static final URI ENDPOINT = URI.create("{{ endpoint }}");
    static final String LOGIN = "{{ username }}:" + System.getenv("WEBHOOK_PASSWORD");
    static final Set<Integer> RETRY = Set.of(0, 408, 429, 502, 503, 504);
    static final Set<Integer> REFUSED = Set.of(400, 413, 422); // what is wrong is the event
    static final int ATTEMPTS = 10;
    static final long LONGEST_WAIT_MS = 60_000;
    // It follows no redirects, which would turn the POST into a GET.
    static final HttpClient CLIENT =
        HttpClient.newBuilder().connectTimeout(Duration.ofSeconds(5)).build();

    // Status 0: no answer. `asked`: how many seconds the answer asks to wait.
    record Answer(int status, String text, long asked) {
        boolean isStored() {
            return status == 200 && text.startsWith("{\"status\":\"ok\"");
        }
    }

    static Answer post(byte[] body, String key) throws InterruptedException {
        var basic = Base64.getEncoder().encodeToString(LOGIN.getBytes());
        var request = HttpRequest.newBuilder(ENDPOINT)
            .timeout(Duration.ofSeconds(15))
            .header("Authorization", "Basic " + basic)
            .header("Content-Type", "application/json")
            .header("Idempotency-Key", key)
            .POST(BodyPublishers.ofByteArray(body))
            .build();
        try {
            var answer = CLIENT.send(request, BodyHandlers.ofString());
            var asked = answer.headers().firstValue("Retry-After")
                .filter(text -> text.matches("\\d{1,9}")).map(Long::parseLong).orElse(0L);
            var text = answer.headers().firstValue("Location")
                .map(target -> "not stored: the address redirects to " + target)
                .orElse(answer.body());
            return new Answer(answer.statusCode(), text, asked);
        } catch (IOException error) {
            return new Answer(0, error.toString(), 0);
        }
    }

    static int deliver(byte[] body, String key) throws InterruptedException {
        for (int attempt = 1; ; attempt++) {
            var answer = post(body, key);
            if (answer.isStored()) {
                System.out.println(answer.text());
                return 0;
            }
            System.err.println(
                "attempt " + attempt + " failed: " + answer.status() + " " + answer.text());
            if (!RETRY.contains(answer.status())) {
                return REFUSED.contains(answer.status()) ? 1 : 77;
            }
            if (attempt == ATTEMPTS) {
                System.err.println("gave up; key: " + key);
                return 75;
            }
            long longest = Math.min(LONGEST_WAIT_MS, 1_000L << (attempt - 1));
            Thread.sleep(answer.asked() * 1_000 + ThreadLocalRandom.current().nextLong(longest));
        }
    }

    public static void main(String[] args) {
        var key = args.length > 1 ? args[1] : UUID.randomUUID().toString();
        try {
            System.exit(deliver(Files.readAllBytes(Path.of(args[0])), key));
        } catch (Exception error) {
            System.err.println("not sent: " + error);
            System.exit(77);
        }
    }
}

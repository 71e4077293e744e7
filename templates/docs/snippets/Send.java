import java.net.URI;
import java.net.http.*;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse.BodyHandlers;
import java.time.Duration;
import java.util.Base64;

class Send {
    public static void main(String[] args) throws Exception {
        var login = "{{ username }}:" + System.getenv("WEBHOOK_PASSWORD");
        var basic = Base64.getEncoder().encodeToString(login.getBytes());
        var request = HttpRequest.newBuilder(URI.create("{{ endpoint }}"))
            .timeout(Duration.ofSeconds(15))
            .header("Authorization", "Basic " + basic)
            .header("Content-Type", "application/json")
            .POST(BodyPublishers.ofString("{\"message\": \"Hello from webhook!\"}"))
            .build();
        var answer = HttpClient.newHttpClient().send(request, BodyHandlers.ofString());
        var redirect = answer.headers().firstValue("Location"); // is not followed
        System.out.println(answer.statusCode() + " " + redirect.orElse(answer.body()));

        var stored = answer.statusCode() == 200 && answer.body().startsWith("{\"status\":\"ok\"");
        System.exit(stored ? 0 : 1);
    }
}

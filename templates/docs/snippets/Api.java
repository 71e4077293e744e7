import java.net.URI;
import java.net.http.*;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse.BodyHandlers;
import java.time.Duration;

class Api {
    public static void main(String[] args) throws Exception {
        var body = args.length > 2
            ? BodyPublishers.ofString(args[2])
            : BodyPublishers.noBody();
        var request = HttpRequest.newBuilder(URI.create("{{ public_url }}/api/v1" + args[1]))
            .timeout(Duration.ofSeconds(90))
            .header("Authorization", "Bearer " + System.getenv("API_TOKEN"))
            .header("Content-Type", "application/json")
            .method(args[0], body)
            .build();
        var answer = HttpClient.newHttpClient().send(request, BodyHandlers.ofString());
        System.out.println(answer.body());
        System.exit(answer.statusCode() < 300 ? 0 : 1);
    }
}

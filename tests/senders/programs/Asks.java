import java.net.Authenticator;
import java.net.PasswordAuthentication;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Path;

class Asks {
    public static void main(String[] args) throws Exception {
        var login = new Authenticator() {
            protected PasswordAuthentication getPasswordAuthentication() {
                return new PasswordAuthentication("{{ username }}", System.getenv("WEBHOOK_PASSWORD").toCharArray());
            }
        };
        var client = HttpClient.newBuilder().authenticator(login).build();
        var request = HttpRequest.newBuilder(URI.create("{{ endpoint }}")).header("Content-Type", "application/json")
            .POST(HttpRequest.BodyPublishers.ofFile(Path.of("event.json"))).build();
        var answer = client.send(request, HttpResponse.BodyHandlers.ofString());
        if (answer.statusCode() != 200) throw new Exception(answer.body());
    }
}

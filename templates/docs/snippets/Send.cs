using System;
using System.Net.Http;
using System.Net.Http.Headers;
using System.Text;
using System.Threading.Tasks;

class Send
{
    static int Main() => Run().GetAwaiter().GetResult();

    static async Task<int> Run()
    {
        var password = Environment.GetEnvironmentVariable("WEBHOOK_PASSWORD");
        var login = "{{ username }}:" + password;
        var basic = Convert.ToBase64String(Encoding.UTF8.GetBytes(login));

        // Following a redirect would turn the POST into a GET.
        var handler = new HttpClientHandler { AllowAutoRedirect = false };
        var client = new HttpClient(handler) { Timeout = TimeSpan.FromSeconds(15) };
        client.DefaultRequestHeaders.Authorization =
            new AuthenticationHeaderValue("Basic", basic);
        var json = "{\"message\": \"Hello from webhook!\"}";
        var body = new StringContent(json, Encoding.UTF8, "application/json");
        var answer = await client.PostAsync("{{ endpoint }}", body);

        var text = await answer.Content.ReadAsStringAsync();
        var status = (int)answer.StatusCode;
        Console.WriteLine(status + " " + answer.ReasonPhrase + " " + text);
        var isOk = text.StartsWith("{\"status\":\"ok\"", StringComparison.Ordinal);
        return status == 200 && isOk ? 0 : 1;
    }
}

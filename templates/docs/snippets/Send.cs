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

        var client = new HttpClient { Timeout = TimeSpan.FromSeconds(15) };
        client.DefaultRequestHeaders.Authorization =
            new AuthenticationHeaderValue("Basic", basic);
        var json = "{\"message\": \"Hello from webhook!\"}";
        var body = new StringContent(json, Encoding.UTF8, "application/json");
        var answer = await client.PostAsync("{{ endpoint }}", body);

        var text = await answer.Content.ReadAsStringAsync();
        Console.WriteLine((int)answer.StatusCode + " " + text);
        return answer.IsSuccessStatusCode ? 0 : 1;
    }
}

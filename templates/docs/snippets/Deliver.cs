// Deliver EVENT.json [KEY]: sends a JSON file as one event, until it is stored.
// Exit status: 0 stored; 1 this event is refused, don't send it again;
// 75 not stored yet, try later with the same key; 77 nothing would be stored
// as things are: a wrong password or address, a redirect, or an unreadable file.
using System;
using System.IO;
using System.Linq;
using System.Net.Http;
using System.Net.Http.Headers;
using System.Text;
using System.Threading.Tasks;

class Deliver
{
    const string Endpoint = "{{ endpoint }}";
    const string Username = "{{ username }}";
    const int Attempts = 10;
    const double LongestWait = 60; // seconds
    static readonly int[] Retry = { 0, 408, 429, 502, 503, 504 };
    static readonly int[] Refused = { 400, 413, 422 }; // what is wrong is the event
    // Following a redirect would turn the POST into a GET.
    static readonly HttpClient Client =
        new HttpClient(new HttpClientHandler { AllowAutoRedirect = false })
        {
            Timeout = TimeSpan.FromSeconds(15)
        };

    // One attempt: status (0: no answer), text, and how long the answer asks to wait.
    static async Task<(int, string, double)> Post(byte[] body, string key)
    {
        var login = Username + ":" + Environment.GetEnvironmentVariable("WEBHOOK_PASSWORD");
        var basic = Convert.ToBase64String(Encoding.UTF8.GetBytes(login));
        var request = new HttpRequestMessage(HttpMethod.Post, Endpoint);
        request.Headers.Authorization = new AuthenticationHeaderValue("Basic", basic);
        request.Headers.Add("Idempotency-Key", key);
        request.Content = new ByteArrayContent(body);
        request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
        try
        {
            var answer = await Client.SendAsync(request);
            var asked = answer.Headers.RetryAfter?.Delta?.TotalSeconds ?? 0;
            var text = await answer.Content.ReadAsStringAsync();
            var target = answer.Headers.Location;
            if (target != null) text = "not stored: the address redirects to " + target;
            return ((int)answer.StatusCode, text, asked);
        }
        catch (Exception error) when (error is HttpRequestException || error is TaskCanceledException)
        {
            return (0, error.Message, 0);
        }
    }

    static bool IsStored(int status, string text) =>
        status == 200 && text.StartsWith("{\"status\":\"ok\"", StringComparison.Ordinal);

    static async Task<int> Send(byte[] body, string key)
    {
        var random = new Random();
        for (var attempt = 1; ; attempt++)
        {
            var (status, text, asked) = await Post(body, key);
            if (IsStored(status, text))
            {
                Console.WriteLine(text);
                return 0;
            }
            Console.Error.WriteLine($"attempt {attempt} failed: {status} {text}");
            if (!Retry.Contains(status)) return Refused.Contains(status) ? 1 : 77;
            if (attempt == Attempts)
            {
                Console.Error.WriteLine($"gave up; key: {key}");
                return 75;
            }
            var jitter = random.NextDouble() * Math.Min(LongestWait, Math.Pow(2, attempt - 1));
            await Task.Delay(TimeSpan.FromSeconds(asked + jitter));
        }
    }

    static int Main(string[] args)
    {
        var key = args.Length > 1 ? args[1] : Guid.NewGuid().ToString();
        try
        {
            return Send(File.ReadAllBytes(args[0]), key).GetAwaiter().GetResult();
        }
        catch (Exception error)
        {
            Console.Error.WriteLine("not sent: " + error.Message);
            return 77;
        }
    }
}

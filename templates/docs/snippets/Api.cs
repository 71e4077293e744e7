using System;
using System.Net.Http;
using System.Net.Http.Headers;
using System.Text;
using System.Threading.Tasks;

class Api
{
    static int Main(string[] args) => Run(args).GetAwaiter().GetResult();

    static async Task<int> Run(string[] args)
    {
        var token = Environment.GetEnvironmentVariable("API_TOKEN");
        var client = new HttpClient { Timeout = TimeSpan.FromSeconds(90) };
        client.DefaultRequestHeaders.Authorization =
            new AuthenticationHeaderValue("Bearer", token);
        var url = "{{ public_url }}/api/v1" + args[1];
        var request = new HttpRequestMessage(new HttpMethod(args[0]), url);
        if (args.Length > 2)
        {
            request.Content = new StringContent(args[2], Encoding.UTF8, "application/json");
        }
        var answer = await client.SendAsync(request);
        Console.WriteLine(await answer.Content.ReadAsStringAsync());
        return answer.IsSuccessStatusCode ? 0 : 1;
    }
}

using System;
using System.IO;
using System.Net;
using System.Net.Http;

class Asks {
    static int Main() {
        var login = new NetworkCredential("{{ username }}", Environment.GetEnvironmentVariable("WEBHOOK_PASSWORD"));
        var client = new HttpClient(new HttpClientHandler { Credentials = login });
        var content = new ByteArrayContent(File.ReadAllBytes("event.json"));
        content.Headers.Add("Content-Type", "application/json");
        var answer = client.PostAsync("{{ endpoint }}", content).Result;
        Console.WriteLine(answer.Content.ReadAsStringAsync().Result);
        return answer.IsSuccessStatusCode ? 0 : 1;
    }
}

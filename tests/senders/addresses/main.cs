using System.Net.Http;
using System.Text;

class Program {
    static int Main() {
        var content = new StringContent("{}", Encoding.UTF8, "application/json");
        return new HttpClient().PostAsync("{{ address }}", content).Result.IsSuccessStatusCode ? 0 : 1;
    }
}

//! Programs for the command line, and libraries.

use crate::web::docs::tools::tool::{Sends, Setting, Tool};

const PLAIN: Tool = Tool { is_run: true, ..Tool::EMPTY };

const SHELL: &str = "In a shell";

pub(super) const TOOLS: &[Tool] = &[
    Tool {
        id: "curl",
        title: "curl",
        text: "`--json` needs curl 7.82 or newer. In an older one, `--header \"Content-Type: application/json\" --data` do the same. With `--anyauth` curl waits to be asked for the password and sends each event twice: leave it out.",
        file: "connect-curl.sh",
        goes_to: SHELL,
        refused: "\"status\":401",
        ..PLAIN
    },
    Tool {
        id: "wget",
        title: "wget",
        text: "`--auth-no-challenge` sends the password at once. Without it, wget first sends the event without a password, gets 401, and sends it again.",
        file: "connect-wget.sh",
        goes_to: SHELL,
        refused: "Authentication Failed",
        ..PLAIN
    },
    Tool {
        id: "wget2",
        title: "wget2",
        text: "Always adds the content type of a form beside yours, so its events are refused with 415 until you change the setting below. `--no-http2` is needed: over HTTP/2 it sends a GET without the body.",
        file: "connect-wget2.sh",
        goes_to: SHELL,
        password: Sends::WhenAsked,
        settings: &[Setting::AnyContentType],
        refused: "HTTP ERROR response 401",
        ..PLAIN
    },
    Tool {
        id: "httpie",
        title: "HTTPie",
        text: "Makes JSON of `name=value`. `--check-status` makes it fail when the event is refused; `--ignore-stdin` is for scripts.",
        file: "connect-httpie.sh",
        goes_to: SHELL,
        refused: "HTTP 401 Unauthorized",
        ..PLAIN
    },
    Tool {
        id: "powershell",
        title: "PowerShell",
        text: "Build the header yourself: `-Credential` waits to be asked for the password.",
        file: "send.ps1",
        goes_to: "In PowerShell 5.1 or newer",
        is_run: false,
        ..PLAIN
    },
    Tool {
        id: "python-urllib",
        title: "Python: urllib",
        text: "Build the header yourself. `HTTPBasicAuthHandler` works too, but waits to be asked for the password.",
        file: "send.py",
        goes_to: "send.py",
        refused: "HTTP Error 401: Unauthorized",
        ..PLAIN
    },
    Tool {
        id: "requests",
        title: "Python: requests",
        text: "`auth=` sends the password at once. Say `json=`, not `data=`: that one sends a form.",
        file: "connect-requests.py",
        goes_to: "send.py",
        refused: "401 Client Error: Unauthorized",
        ..PLAIN
    },
    Tool {
        id: "httpx",
        title: "Python: httpx",
        text: "`auth=` sends the password at once.",
        file: "connect-httpx.py",
        goes_to: "send.py",
        refused: "Client error '401 Unauthorized'",
        ..PLAIN
    },
    Tool {
        id: "aiohttp",
        title: "Python: aiohttp",
        text: "Keep one session for all events.",
        file: "connect-aiohttp.py",
        goes_to: "send.py",
        refused: "401, message='Unauthorized'",
        ..PLAIN
    },
    Tool {
        id: "node-fetch",
        title: "Node: fetch",
        text: "Build the header yourself: `fetch` refuses an address that has a password in it.",
        file: "send.mjs",
        goes_to: "send.mjs",
        refused: "401 {",
        ..PLAIN
    },
    Tool {
        id: "axios",
        title: "Node: axios",
        text: "Hand it an object. A string is sent as a form, which is refused with 415 unless you set the content type.",
        file: "connect-axios.mjs",
        goes_to: "send.mjs",
        refused: "Request failed with status code 401",
        ..PLAIN
    },
    Tool {
        id: "got",
        title: "Node: got",
        text: "`json:` sets the content type. got doesn’t repeat a POST by itself.",
        file: "connect-got.mjs",
        goes_to: "send.mjs",
        refused: "status code 401",
        ..PLAIN
    },
    Tool {
        id: "go",
        title: "Go: net/http",
        text: "`SetBasicAuth` sends the password at once.",
        file: "send.go",
        goes_to: "send.go",
        refused: "401 Unauthorized",
        ..PLAIN
    },
    Tool {
        id: "guzzle",
        title: "PHP: Guzzle",
        text: "`auth` sends the password at once, and `json` sets the content type.",
        file: "connect-guzzle.php",
        goes_to: "send.php",
        refused: "401 Unauthorized",
        ..PLAIN
    },
    Tool {
        id: "ruby",
        title: "Ruby: Net::HTTP",
        text: "`basic_auth` sends the password at once. A password in the address is dropped.",
        file: "send.rb",
        goes_to: "send.rb",
        refused: "401",
        ..PLAIN
    },
    Tool {
        id: "lwp",
        title: "Perl: LWP",
        text: "`authorization_basic` sends the password at once. The method `credentials` waits to be asked for it.",
        file: "connect-lwp.pl",
        goes_to: "send.pl",
        refused: "401 Unauthorized",
        ..PLAIN
    },
    Tool {
        id: "java",
        title: "Java: HttpClient",
        text: "Set the header yourself. An `Authenticator` works too, but waits to be asked for the password.",
        file: "Send.java",
        goes_to: "Send.java",
        refused: "401",
        ..PLAIN
    },
    Tool {
        id: "dotnet",
        title: ".NET: HttpClient",
        text: "Set the header yourself. `Credentials` of a handler waits to be asked for the password.",
        file: "Send.cs",
        goes_to: "Send.cs",
        refused: "401",
        ..PLAIN
    },
];

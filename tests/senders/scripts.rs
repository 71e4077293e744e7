//! The HTTP libraries of languages.

use reasoner_webhooks::web::docs::tools::tool::Sends;

use crate::program::{
    Body, COMPACT, MESSAGE, Needs, PLAIN, Program, Text, documented, is_stored, programs, says_that_it_is_refused,
};
use crate::scene::Way;

/// A tool of the documentation.
const fn tool(id: &'static str, sends: &'static str, file: &'static str, run: &'static str) -> Program {
    Program { file, text: Text::OfTool(id), run, sends: Body::Is(sends), ..PLAIN }
}

const fn written(text: &'static str, file: &'static str, run: &'static str) -> Program {
    Program { file, text: Text::Written(text), run, ..PLAIN }
}

/// With the packages in tests/senders/python.
const PYTHON: &str = "$SENDERS_PYTHON/bin/python3 send.py";
/// With the packages in tests/senders/node.
const NODE: &str = "ln -s $SENDERS_NODE/node_modules && node send.mjs";
/// Mono looks for authorities below the home.
const CSHARP: &str = "mkdir -p .config && ln -s {{ authority_of_mono }} .config/.mono && \
                      mcs -langversion:latest -r:System.Net.Http.dll -out:send.exe send.cs && mono send.exe";

const fn python(text: &'static str) -> Program {
    written(text, "send.py", PYTHON)
}

const fn node(text: &'static str) -> Program {
    written(text, "send.mjs", NODE)
}

const fn ruby(text: &'static str) -> Program {
    written(text, "send.rb", "ruby send.rb")
}

const fn perl(text: &'static str) -> Program {
    written(text, "send.pl", "perl send.pl")
}

const fn asked(program: Program) -> Program {
    Program { password: Sends::WhenAsked, ..program }
}

const fn says(body: &'static str, program: Program) -> Program {
    Program { sends: Body::Is(body), ..program }
}

const fn takes_long(program: Program) -> Program {
    Program { needs: Needs::Much, ..program }
}

documented! {
    python_urllib: tool("python-urllib", MESSAGE, "send.py", "python3 send.py");
    python_requests: tool("requests", MESSAGE, "send.py", PYTHON);
    python_httpx: tool("httpx", COMPACT, "send.py", PYTHON);
    python_aiohttp: tool("aiohttp", MESSAGE, "send.py", PYTHON);
    node_fetch: tool("node-fetch", COMPACT, "send.mjs", "node send.mjs");
    node_axios: tool("axios", COMPACT, "send.mjs", NODE);
    node_got: tool("got", COMPACT, "send.mjs", NODE);
    node_opentelemetry: Program {
        sends: Body::Has("Finished in 42 minutes"),
        ..tool("opentelemetry-js", "", "send.mjs", NODE)
    };
    node_cloudevents: Program { sends: Body::Has("com.example.order.paid"), ..tool("cloudevents", "", "send.mjs", NODE) };
    php_guzzle: tool("guzzle", COMPACT, "send.php", "php send.php");
    ruby_net_http: tool("ruby", COMPACT, "send.rb", "ruby send.rb");
    perl_lwp: tool("lwp", MESSAGE, "send.pl", "perl send.pl");
    go_net_http: tool("go", MESSAGE, "send.go", "go run send.go");
    java_http_client: tool("java", MESSAGE, "Send.java", "java Send.java");
    csharp_http_client: tool("dotnet", MESSAGE, "send.cs", CSHARP);
}

programs! {
    python_urllib_that_is_asked: asked(python(include_str!("programs/urllib_asks.py")));
    python_http_client_in_chunks: python(include_str!("programs/http_client.py"));
    python_urllib3: python(include_str!("programs/urllib3.py"));
    node_http: node(include_str!("programs/node-http.mjs"));
    node_undici: node(include_str!("programs/undici.mjs"));
    node_node_fetch_in_chunks: node(include_str!("programs/node-fetch.mjs"));
    node_superagent: says(COMPACT, node(include_str!("programs/superagent.mjs")));
    node_needle: says(COMPACT, node(include_str!("programs/needle.mjs")));
    php_curl: Program {
        text: Text::OnPage("quick-start", "send-php"),
        ..says(COMPACT, written("", "send.php", "php send.php"))
    };
    php_streams: written(include_str!("programs/streams.php"), "send.php", "php send.php");
    ruby_faraday: ruby(include_str!("programs/faraday.rb"));
    ruby_rest_client: ruby(include_str!("programs/rest-client.rb"));
    ruby_httparty: ruby(include_str!("programs/httparty.rb"));
    perl_lwp_that_is_asked: asked(perl(include_str!("programs/lwp-asks.pl")));
    perl_http_tiny: perl(include_str!("programs/http-tiny.pl"));
    java_http_client_that_is_asked: asked(written(include_str!("programs/Asks.java"), "Asks.java", "java Asks.java"));
    csharp_http_client_that_is_asked: asked(written(include_str!("programs/asks.cs"), "send.cs", CSHARP));
    c_libcurl: says(MESSAGE, written(include_str!("programs/libcurl.c"), "send.c", "cc -o send send.c -lcurl && ./send"));
    erlang_httpc: written(
        include_str!("programs/httpc.escript"),
        "send.escript",
        "sed -i '1i #!/usr/bin/escript' send.escript && escript send.escript"
    );
    lua_socket: written(include_str!("programs/socket.lua"), "send.lua", "lua5.3 send.lua");
    tcl_http: written(include_str!("programs/http.tcl"), "send.tcl", "tclsh send.tcl");
    r_httr: takes_long(written(include_str!("programs/httr.R"), "send.R", "Rscript send.R"));
    emacs_url: takes_long(written(include_str!("programs/url.el"), "send.el", "emacs -Q --batch -l send.el"));
}

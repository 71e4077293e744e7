//! The HTTP libraries of languages.

use crate::program::{Body, COMPACT, MESSAGE, Needs, PLAIN, Password, Program, Text, is_stored, programs};
use crate::scene::Way;

/// A short example of the quick start.
const fn example(id: &'static str, file: &'static str, run: &'static str) -> Program {
    Program { file, text: Text::OnPage("quick-start", id), run, sends: Body::Is(MESSAGE), ..PLAIN }
}

const fn written(text: &'static str, file: &'static str, run: &'static str) -> Program {
    Program { file, text: Text::Written(text), run, ..PLAIN }
}

/// Of Python, with the packages in tests/senders/python.
const fn python(text: &'static str) -> Program {
    written(text, "sender.py", "$SENDERS_PYTHON/bin/python3 sender.py")
}

/// Of Node, with the packages in tests/senders/node.
const fn node(text: &'static str) -> Program {
    written(text, "sender.mjs", "ln -s $SENDERS_NODE/node_modules && node sender.mjs")
}

const fn asked(program: Program) -> Program {
    Program { password: Password::WhenAsked, ..program }
}

const fn says(body: &'static str, program: Program) -> Program {
    Program { sends: Body::Is(body), ..program }
}

programs! {
    python_urllib: example("send-py", "send.py", "python3 send.py");
    python_urllib_that_is_asked: asked(python(include_str!("programs/urllib_asks.py")));
    python_http_client_in_chunks: python(include_str!("programs/http_client.py"));
    python_requests: says(MESSAGE, python(include_str!("programs/requests.py")));
    python_httpx: says(COMPACT, python(include_str!("programs/httpx.py")));
    python_aiohttp: says(MESSAGE, python(include_str!("programs/aiohttp.py")));
    python_urllib3: python(include_str!("programs/urllib3.py"));
    node_fetch: says(COMPACT, example("send-mjs", "send.mjs", "node send.mjs"));
    node_http: node(include_str!("programs/node-http.mjs"));
    node_axios: says(COMPACT, node(include_str!("programs/axios.mjs")));
    node_got: says(COMPACT, node(include_str!("programs/got.mjs")));
    node_undici: node(include_str!("programs/undici.mjs"));
    node_node_fetch_in_chunks: node(include_str!("programs/node-fetch.mjs"));
    node_superagent: says(COMPACT, node(include_str!("programs/superagent.mjs")));
    node_needle: says(COMPACT, node(include_str!("programs/needle.mjs")));
    opentelemetry: Program { sends: Body::Has("Finished in 42 minutes"), ..node(include_str!("programs/opentelemetry.mjs")) };
    cloudevents: Program { sends: Body::Has("com.example.order.paid"), ..node(include_str!("programs/cloudevents.mjs")) };
    php_curl: says(COMPACT, example("send-php", "send.php", "php send.php"));
    php_streams: written(include_str!("programs/streams.php"), "sender.php", "php sender.php");
    php_guzzle: says(COMPACT, written(include_str!("programs/guzzle.php"), "sender.php", "php sender.php"));
    ruby_net_http: says(COMPACT, example("send-rb", "send.rb", "ruby send.rb"));
    ruby_faraday: written(include_str!("programs/faraday.rb"), "sender.rb", "ruby sender.rb");
    ruby_rest_client: written(include_str!("programs/rest-client.rb"), "sender.rb", "ruby sender.rb");
    ruby_httparty: written(include_str!("programs/httparty.rb"), "sender.rb", "ruby sender.rb");
    perl_lwp: says(MESSAGE, written(include_str!("programs/lwp.pl"), "sender.pl", "perl sender.pl"));
    perl_lwp_that_is_asked: asked(written(include_str!("programs/lwp-asks.pl"), "sender.pl", "perl sender.pl"));
    perl_http_tiny: written(include_str!("programs/http-tiny.pl"), "sender.pl", "perl sender.pl");
    go_net_http: example("send-go", "send.go", "go run send.go");
    java_http_client: example("send-java", "Send.java", "java Send.java");
    java_http_client_that_is_asked: asked(written(include_str!("programs/Asks.java"), "Asks.java", "java Asks.java"));
    csharp_http_client: example("send-cs", "send.cs", CSHARP);
    csharp_http_client_that_is_asked: asked(written(include_str!("programs/asks.cs"), "send.cs", CSHARP));
    c_libcurl: says(MESSAGE, written(include_str!("programs/libcurl.c"), "sender.c", "cc -o sender sender.c -lcurl && ./sender"));
    erlang_httpc: written(include_str!("programs/httpc.escript"), "sender.escript", "sed -i '1i #!/usr/bin/escript' sender.escript && escript sender.escript");
    lua_socket: written(include_str!("programs/socket.lua"), "sender.lua", "lua5.3 sender.lua");
    tcl_http: written(include_str!("programs/http.tcl"), "sender.tcl", "tclsh sender.tcl");
    r_httr: Program { needs: Needs::Much, ..written(include_str!("programs/httr.R"), "sender.R", "Rscript sender.R") };
    emacs_url: Program { needs: Needs::Much, ..written(include_str!("programs/url.el"), "sender.el", "emacs -Q --batch -l sender.el") };
}

/// Mono looks for authorities below the home.
const CSHARP: &str = "mkdir -p .config && ln -s {{ authority_of_mono }} .config/.mono && \
                      mcs -langversion:latest -r:System.Net.Http.dll -out:send.exe send.cs && mono send.exe";

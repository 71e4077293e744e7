//! Programs for the command line.

use reasoner_webhooks::web::docs::tools::tool::Sends;

use crate::program::{Body, MESSAGE, PLAIN, Program, Text, documented, is_stored, programs, says_that_it_is_refused};
use crate::scene::Way;

/// A script of another page of the documentation.
const fn on_page(page: &'static str, id: &'static str) -> Program {
    Program { file: "send.sh", text: Text::OnPage(page, id), run: "bash send.sh", sends: Body::Is(MESSAGE), ..PLAIN }
}

/// A tool of the documentation.
const fn tool(id: &'static str) -> Program {
    Program { file: "send.sh", text: Text::OfTool(id), run: "bash -e send.sh", sends: Body::Is(MESSAGE), ..PLAIN }
}

/// One that is a Python package.
const fn python_tool(id: &'static str) -> Program {
    Program { run: "PATH=$SENDERS_PYTHON/bin:$PATH bash -e send.sh", ..tool(id) }
}

/// A script that is here.
const fn written(text: &'static str) -> Program {
    Program { file: "send.sh", text: Text::Written(text), run: "bash -e send.sh", ..PLAIN }
}

const fn asked(program: Program) -> Program {
    Program { password: Sends::WhenAsked, ..program }
}

/// The playbook without the line that has Ansible send its password at once.
const ANSIBLE_THAT_IS_ASKED: &str =
    "sed -i /force_basic_auth/d play.yml && $SENDERS_PYTHON/bin/ansible-playbook play.yml";

programs! {
    curl_of_the_quick_start: on_page("quick-start", "send-sh");
    curl_with_a_username: on_page("quick-start", "send-user-sh");
    curl_through_a_pipe: on_page("advanced-usage", "config-sh");
    curl_that_is_asked: asked(written(include_str!("programs/curl-anyauth.sh")));
    curl_http2: written(include_str!("programs/curl-http2.sh"));
    curl_netrc: written(include_str!("programs/curl-netrc.sh"));
    curl_in_chunks: written(include_str!("programs/curl-chunked.sh"));
    curl_with_the_password_in_the_address: written(include_str!("programs/curl-userinfo.sh"));
    wget_that_is_asked: asked(written(include_str!("programs/wget-asks.sh")));
    socat: written(include_str!("programs/socat.sh"));
    ncat: written(include_str!("programs/ncat.sh"));
    ansible_that_is_asked: asked(Program {
        file: "play.yml",
        text: Text::OnPage("connect-automation", "connect-ansible-yml"),
        run: ANSIBLE_THAT_IS_ASKED,
        ..tool("")
    });
}

documented! {
    curl: tool("curl");
    wget: tool("wget");
    wget2: tool("wget2");
    httpie: python_tool("httpie");
    apprise: Program { sends: Body::Has("Finished in 42 minutes"), ..python_tool("apprise") };
    ansible: Program { file: "play.yml", run: "$SENDERS_PYTHON/bin/ansible-playbook play.yml", ..tool("ansible") };
}

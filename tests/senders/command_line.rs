//! Programs for the command line.

use crate::program::{Body, MESSAGE, PLAIN, Password, Program, Text, is_stored, programs};
use crate::scene::Way;

/// A script of the documentation.
const fn on_page(page: &'static str, id: &'static str, run: &'static str, file: &'static str) -> Program {
    Program { file, text: Text::OnPage(page, id), run, sends: Body::Is(MESSAGE), ..PLAIN }
}

/// A script that is here.
const fn written(text: &'static str) -> Program {
    Program { file: "sender.sh", text: Text::Written(text), run: "bash -e sender.sh", ..PLAIN }
}

const fn asked(program: Program) -> Program {
    Program { password: Password::WhenAsked, ..program }
}

programs! {
    curl: on_page("quick-start", "send-sh", "bash send.sh", "send.sh");
    curl_with_a_username: on_page("quick-start", "send-user-sh", "bash send.sh", "send.sh");
    curl_through_a_pipe: on_page("advanced-usage", "config-sh", "bash send.sh", "send.sh");
    curl_json: Program { sends: Body::Is(MESSAGE), ..written(include_str!("programs/curl-json.sh")) };
    curl_that_is_asked: asked(written(include_str!("programs/curl-anyauth.sh")));
    curl_http2: written(include_str!("programs/curl-http2.sh"));
    curl_netrc: written(include_str!("programs/curl-netrc.sh"));
    curl_in_chunks: written(include_str!("programs/curl-chunked.sh"));
    curl_with_the_password_in_the_address: written(include_str!("programs/curl-userinfo.sh"));
    wget: Program { sends: Body::Is(MESSAGE), ..written(include_str!("programs/wget.sh")) };
    wget_that_is_asked: asked(written(include_str!("programs/wget-asks.sh")));
    httpie: Program { sends: Body::Is(MESSAGE), run: "PATH=$SENDERS_PYTHON/bin:$PATH bash -e sender.sh", ..written(include_str!("programs/httpie.sh")) };
    socat: written(include_str!("programs/socat.sh"));
    ncat: written(include_str!("programs/ncat.sh"));
    apprise: Program { sends: Body::Has("Finished in 42 minutes"), run: "PATH=$SENDERS_PYTHON/bin:$PATH bash -e sender.sh", ..written(include_str!("programs/apprise.sh")) };
    ansible: Program { file: "play.yml", run: "$SENDERS_PYTHON/bin/ansible-playbook play.yml", sends: Body::Is(MESSAGE), ..written(include_str!("programs/ansible.yml")) };
    ansible_that_is_asked: asked(Program { file: "play.yml", run: "$SENDERS_PYTHON/bin/ansible-playbook play.yml", sends: Body::Is(MESSAGE), ..written(include_str!("programs/ansible-asks.yml")) });
}

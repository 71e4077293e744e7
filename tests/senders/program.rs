//! What is known of a program that sends, and how that is tried.

use crate::scene::{EVENT, Scene, Way, tools};
use crate::support::not_tried::say_not_tried;
use crate::support::workplace::said;

/// The body of the examples.
pub const MESSAGE: &str = "{\"message\": \"Hello from webhook!\"}";
/// The same, as most libraries write it.
pub const COMPACT: &str = "{\"message\":\"Hello from webhook!\"}";

/// One program.
pub struct Program {
    /// The name of the file that its text is saved as.
    pub file: &'static str,
    pub text: Text,
    /// The line of shell that runs it.
    pub run: &'static str,
    pub ends: Ends,
    pub sends: Body,
    pub password: Password,
    pub needs: Needs,
}

/// Where the text of a program is.
pub enum Text {
    /// In the documentation: a page and the id of the example.
    OnPage(&'static str, &'static str),
    /// Here.
    Written(&'static str),
}

/// What has to be stored.
pub enum Body {
    Is(&'static str),
    /// JSON that the program makes by itself, with this in it.
    Has(&'static str),
}

/// When a program sends its password.
pub enum Password {
    AtOnce,
    /// After a 401 has asked for it.
    WhenAsked,
}

pub enum Ends {
    ByItself,
    /// It goes on; this line of shell, if there is one, gives it something to send.
    WhenStopped(&'static str),
}

/// What has to be installed.
pub enum Needs {
    /// What `scripts/ensure-senders` installs.
    Usual,
    /// What it installs with SLOW_SENDERS=1 only.
    Much,
}

/// A program that reads event.json, sends it with its password, and ends.
pub const PLAIN: Program = Program {
    file: "",
    text: Text::Written(""),
    run: "",
    ends: Ends::ByItself,
    sends: Body::Is(EVENT),
    password: Password::AtOnce,
    needs: Needs::Usual,
};

/// Where a program that goes on says what it says.
const LOG: &str = "output";

/// Why a program cannot be tried on this machine, if it cannot.
fn why_not_tried(program: &Program) -> Option<String> {
    if matches!(program.needs, Needs::Much) && std::env::var_os("SLOW_SENDERS").is_none() {
        return Some("it takes long to install. SLOW_SENDERS=1 has it installed and tried.".to_owned());
    }
    std::fs::read_to_string(tools().join("missing")).ok()
}

/// Sends with the program, and looks at what is stored then.
pub async fn is_stored(name: &str, program: &Program, way: Way) {
    if let Some(reason) = why_not_tried(program) {
        say_not_tried(name, &reason);
        return;
    }
    let scene = Scene::set(way).await;
    let text = match program.text {
        Text::OnPage(page, id) => scene.example(page, id).await,
        Text::Written(text) => text.to_owned(),
    };
    scene.place.write(program.file, scene.fill_in(&text));
    let line = scene.fill_in(program.run);
    let (bodies, told) = match program.ends {
        Ends::ByItself => {
            let output = scene.run(&line).await;
            assert!(output.status.success(), "{name}: {}", said(&output));
            (scene.bodies().await, said(&output))
        }
        Ends::WhenStopped(trigger) => {
            let mut running = scene.start(&format!("exec >{LOG} 2>&1\n{line}"));
            let output = scene.run(&scene.fill_in(trigger)).await;
            let bodies = scene.first_bodies(&mut running).await;
            let told = format!("{}{}", said(&output), scene.place.read(LOG));
            assert!(output.status.success(), "{name}: {told}");
            (bodies, told)
        }
    };
    let Some(body) = bodies.first() else { panic!("{name} stored nothing: {told}") };
    match program.sends {
        Body::Is(sent) => assert_eq!(bodies, [sent], "{name}: once, and byte for byte"),
        Body::Has(mark) => {
            let json: serde_json::Value = serde_json::from_str(body).unwrap();
            assert!(json.to_string().contains(mark), "{name}: {mark} is not in {body}");
        }
    }
    let refused = scene.outcomes("unauthorized");
    match program.password {
        Password::AtOnce => assert_eq!(refused, 0, "{name} sends its password at once"),
        Password::WhenAsked => assert!(refused > 0, "{name} waits until it is asked for its password"),
    }
}

/// Two tests for each program, in a module of its name.
macro_rules! programs {
    ($($name:ident: $program:expr;)*) => {
        $(
            mod $name {
                use super::*;

                const PROGRAM: Program = $program;

                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn stores_an_event_directly() {
                    is_stored(stringify!($name), &PROGRAM, Way::Directly).await;
                }

                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn stores_an_event_behind_nginx_with_tls() {
                    is_stored(stringify!($name), &PROGRAM, Way::BehindNginx).await;
                }
            }
        )*
    };
}
pub(crate) use programs;

//! What is known of a program that sends, and how that is tried.

use reasoner_webhooks::web::docs::tools::groups::GROUPS;
use reasoner_webhooks::web::docs::tools::tool::{Sends, Tool};

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
    pub password: Sends,
    pub needs: Needs,
}

/// Where the text of a program is.
pub enum Text {
    /// In the documentation: a page and the id of the example.
    OnPage(&'static str, &'static str),
    /// In "Connect your tool", under the id of the tool. What the page says of its password and its words holds too.
    OfTool(&'static str),
    /// Here.
    Written(&'static str),
}

impl Text {
    /// The tool, and the page that it is on.
    pub fn tool(&self) -> Option<(&'static Tool, &'static str)> {
        let Self::OfTool(id) = self else { return None };
        let all = GROUPS.iter().flat_map(|group| group.tools.iter().map(|tool| (tool, group.page)));
        Some(all.into_iter().find(|(tool, _)| tool.id == *id).unwrap_or_else(|| panic!("{id} is no tool")))
    }
}

/// What has to be stored.
pub enum Body {
    Is(&'static str),
    /// JSON that the program makes by itself, with this in it.
    Has(&'static str),
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
    password: Sends::AtOnce,
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
    let settings = program.text.tool().map_or(&[][..], |(tool, _)| tool.settings);
    scene.accept(settings).await;
    let line = prepare(&scene, program).await;
    let (bodies, told) = match program.ends {
        Ends::ByItself => {
            let output = scene.run(&line).await;
            assert!(output.status.success(), "{name}: {}", said(&output));
            (scene.bodies().await, said(&output))
        }
        Ends::WhenStopped(trigger) => {
            let mut running = scene.start(&format!("set -e\nexec >{LOG} 2>&1\n{line}"));
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
    match program.text.tool().map_or(program.password, |(tool, _)| tool.password) {
        Sends::AtOnce => assert_eq!(refused, 0, "{name} sends its password at once"),
        Sends::WhenAsked => assert!(refused > 0, "{name} waits until it is asked for its password"),
        other => panic!("{name} is run with a password, and {other:?} is none"),
    }
}

/// Puts the text of a program into its file, and gives back the line that runs it.
async fn prepare(scene: &Scene, program: &Program) -> String {
    let text = match program.text {
        Text::OnPage(page, id) => scene.example(page, id).await + "\n",
        Text::OfTool(_) => {
            let (tool, page) = program.text.tool().unwrap();
            scene.example(page, &tool.file.to_lowercase().replace('.', "-")).await + "\n"
        }
        Text::Written(text) => text.to_owned(),
    };
    scene.place.write(program.file, scene.fill_in(&text));
    scene.fill_in(program.run)
}

/// With a wrong password the program says what the documentation says that it says.
pub async fn says_that_it_is_refused(name: &str, program: &Program) {
    if let Some(reason) = why_not_tried(program) {
        say_not_tried(name, &reason);
        return;
    }
    let mut scene = Scene::set(Way::Directly).await;
    scene.forget_password();
    let line = prepare(&scene, program).await;
    let (tool, _) = program.text.tool().unwrap();
    let told = match program.ends {
        Ends::ByItself => said(&scene.run(&line).await),
        Ends::WhenStopped(trigger) => {
            let _running = scene.start(&format!("set -e\nexec >{LOG} 2>&1\n{line}"));
            let triggered = scene.run(&scene.fill_in(trigger)).await;
            assert!(triggered.status.success(), "{name}: {}", said(&triggered));
            scene.read_until(LOG, tool.refused).await
        }
    };
    assert!(told.contains(tool.refused), "{name} doesn't say {}: {told}", tool.refused);
    assert!(scene.bodies().await.is_empty(), "{name}");
}

/// Two tests for each program, in a module of its name.
macro_rules! programs {
    ($($name:ident: $program:expr;)*) => {
        $(
            mod $name {
                use super::*;

                pub(super) const PROGRAM: Program = $program;

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

/// Three tests for each tool of "Connect your tool", in a module of its name, and the list of those tools.
macro_rules! documented {
    ($($name:ident: $program:expr;)*) => {
        programs! { $($name: $program;)* }

        /// The programs whose texts are of the documentation.
        pub const TOOLS: &[&Text] = &[$(&$name::PROGRAM.text),*];

        mod refused {
            use super::*;

            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $name() {
                    says_that_it_is_refused(stringify!($name), &super::$name::PROGRAM).await;
                }
            )*
        }
    };
}
pub(crate) use documented;

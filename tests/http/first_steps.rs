//! Somebody who has never seen the program follows the README, line by line, and sees what it says.

use reasoner_webhooks::config::checked::Config;

use crate::home::{Home, PROGRAM};
use crate::support::postgres;
use crate::support::server::options;

const README: &str = include_str!("../../README.md");
const MAKEFILE: &str = include_str!("../../Makefile");
/// The address that the README's lines send to.
const ADDRESS: &str = "http://127.0.0.1:8080/";

/// The blocks of shell below a heading, up to the next one.
fn blocks(heading: &str) -> Vec<&'static str> {
    let start = README.find(&format!("\n{heading}\n")).unwrap_or_else(|| panic!("the README has no {heading}"));
    let section = &README[start + heading.len() + 2..];
    let section = section.find("\n#").map_or(section, |end| &section[..end]);
    section.split("```sh\n").skip(1).map(|rest| rest.split("```").next().unwrap()).collect()
}

/// A value that a command has printed beside its name.
fn printed(name: &str, by: &str) -> String {
    let mut lines = by.lines().filter_map(|line| line.strip_prefix(name));
    lines.next_back().unwrap_or_else(|| panic!("no {name} in {by}")).trim().to_owned()
}

/// Does in a second terminal what stands there, while `serve` goes on in the first.
fn follow(home: &Home) {
    let [first, second] = blocks("## Start it")[..] else { panic!("two blocks of shell") };
    assert_eq!(first, "make run\n");
    assert!(MAKEFILE.contains("-- serve $(ARGS)"), "that is what it runs");
    let program = "P=target/release/reasoner-webhooks\n";
    let second = second.strip_prefix(program).expect("the program has a short name");
    let (create, send) = second.split_at(second.find("curl ").unwrap());
    let created = home.run(&format!("P={PROGRAM}\n{create}"), &[]);
    let (username, password) = (printed("Username", &created), printed("Password", &created));
    assert!(send.contains(ADDRESS) && send.contains("'USERNAME:PASSWORD'"), "{send}");
    let send = send
        .replace(ADDRESS, &format!("{}/", home.url))
        .replace("USERNAME:PASSWORD", &format!("{username}:{password}"));
    let listed = home.run(&format!("P={PROGRAM}\n{send}"), &[]);
    assert!(listed.contains("\"status\":\"ok\""), "{listed}");
    let rows: Vec<&str> = listed.lines().skip_while(|line| !line.contains("RECEIVED")).skip(1).collect();
    assert!(rows.len() == 1 && rows[0].contains(&username), "the list has the event: {listed}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_follows_the_readme_sees_the_first_event() {
    let home = Home::start(&[]);
    assert!(home.has_database_of_its_own());
    follow(&home);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_follows_the_readme_with_a_database_at_hand_sees_the_first_event_there() {
    let [block, roles] = blocks("### An existing database")[..] else { panic!("two blocks of shell") };
    let [user, database, export, "make run"] = block.lines().collect::<Vec<_>>()[..] else { panic!("{block}") };
    let documented = export.strip_prefix("export DATABASE_URL=").expect("for the commands in the second terminal too");
    assert!(Config::check(options(documented)).is_ok(), "{documented}");
    let parsed: tokio_postgres::Config = documented.parse().unwrap();
    assert_eq!((parsed.get_user(), parsed.get_dbname()), (Some("reasoner"), Some("webhooks")));

    // The same on the server of the tests, under a name that nobody else there has.
    let name = format!("newcomer_{}", std::process::id());
    let server: tokio_postgres::Config = postgres::empty_database().await.parse().unwrap();
    let tokio_postgres::config::Host::Unix(socket) = &server.get_hosts()[0] else { panic!("a socket") };
    let here = [("PGHOST", socket.to_str().unwrap()), ("PGUSER", server.get_user().unwrap())];
    let [program, owner_url, url] = roles.lines().collect::<Vec<_>>()[..] else { panic!("{roles}") };
    assert_eq!(owner_url, export.replace("DATABASE_URL", "DATABASE_OWNER_URL"), "the first role");
    assert_eq!(url, export.replace("reasoner:", "reasoner_program:"), "the second");
    for (line, ends) in
        [(user, " --pwprompt reasoner"), (database, " webhooks"), (program, " --pwprompt reasoner_program")]
    {
        assert!(line.starts_with("sudo -u postgres create") && line.ends_with(ends), "{line}");
        // Nobody is there to type the password.
        let line = line.trim_start_matches("sudo -u postgres ").replace("--pwprompt ", "");
        let line = line.replace("reasoner", &name).replace(" webhooks", &format!(" {name}"));
        let output = std::process::Command::new("sh").args(["-ec", &line]).envs(here).output().unwrap();
        assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
    }
    for role in [&name, &format!("{name}_program")] {
        let owner = format!("host='{}' user=reasoner dbname={name}", socket.display());
        postgres::query(&owner, &format!("alter role {role} password 'typed'")).await;
    }
    let url = format!("postgresql:///{name}?host={}&user={name}&password=typed", socket.display());
    let home = Home::start(&[("DATABASE_URL", &url)]);
    follow(&home);
    assert!(!home.has_database_of_its_own(), "all of it went to the same place");
    assert_eq!(postgres::query(&url, "select count(*) from events").await[0][0].as_deref(), Some("1"));
    drop(home);

    // And with a role for the daily work, which is given its rights in the database that is there.
    let daily = url.replace(&format!("user={name}"), &format!("user={name}_program"));
    let home = Home::start(&[("DATABASE_URL", &daily), ("DATABASE_OWNER_URL", &url)]);
    assert!(home.run(&format!("{PROGRAM} events list ben@example.com"), &[]).contains("rw_"), "the event is there");
}

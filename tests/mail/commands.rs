//! The operator's commands about mail, and a server that wants STARTTLS and a sign-in.

use std::process::Output;

use serde_json::Value;

use crate::inbox::Inbox;
use crate::serving::Program;

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// With the right password for a server that wants one, and trusting its certificate.
async fn program(inbox: &Inbox) -> Program {
    let mut program = Program::with_mail(format!("smtp://hooks:ca%2Fna%20ry@localhost:{}", inbox.port)).await;
    program.set("SMTP_PLAIN", "false");
    program.set("SSL_CERT_FILE", &inbox.authority());
    program
}

// holds issue 18, section 1: STARTTLS required, AUTH, `mail test`, `doctor`, and the password is never told
#[tokio::test(flavor = "multi_thread")]
async fn a_mail_goes_through_starttls_and_a_sign_in_or_not_at_all() {
    let inbox = Inbox::guarded().await;
    let mut program = program(&inbox).await;
    let tested = program.run(&["mail", "test", "maya@example.com"]);
    assert!(tested.status.success(), "{}", said(&tested));
    let mail = inbox.first("maya@example.com", "Test mail").await;
    assert_eq!((&mail.0["tls"], &mail.0["signed_in"]), (&Value::Bool(true), &Value::Bool(true)));
    program.run(&["migrate"]);
    let doctor = said(&program.run(&["doctor"]));
    let line = format!("ok    mail: localhost:{} lets the program in, with STARTTLS, signed in", inbox.port);
    assert!(doctor.contains(&line), "{doctor}");

    program.set("SMTP_URL", &format!("smtp://hooks:canary@localhost:{}", inbox.port));
    let wrong = program.run(&["mail", "test", "maya@example.com"]);
    assert!(wrong.status.code() == Some(1) && said(&wrong).contains("535"), "{}", said(&wrong));
    let doctor = program.run(&["doctor"]);
    assert!(doctor.status.code() == Some(1) && said(&doctor).contains("FAIL  mail: localhost"), "{}", said(&doctor));
    let help = program.run(&["--help"]);
    for output in [&wrong, &doctor, &help] {
        assert!(!said(output).contains("canary"), "{}", said(output));
    }
    program.set("SMTP_PLAIN", "true");
    assert!(!program.run(&["mail", "test", "maya@example.com"]).status.success(), "the server wants STARTTLS");
    program.set("SMTP_PLAIN", "false");
    program.set("SSL_CERT_FILE", "/nowhere");
    let untrusted = program.run(&["mail", "test", "maya@example.com"]);
    assert!(!untrusted.status.success(), "nobody vouches for it: {}", said(&untrusted));
    assert_eq!(inbox.mails().len(), 1);
}

// holds issue 18, section 1: STARTTLS required
#[tokio::test(flavor = "multi_thread")]
async fn a_server_without_starttls_gets_no_mail_and_no_password() {
    let inbox = Inbox::open().await;
    for login in ["", "hooks:canary@"] {
        let mut program = Program::with_mail(format!("smtp://{login}localhost:{}", inbox.port)).await;
        program.set("SMTP_PLAIN", "false");
        let refused = program.run(&["mail", "test", "maya@example.com"]);
        assert!(refused.status.code() == Some(1) && !said(&refused).contains("canary"), "{}", said(&refused));
        program.set("SMTP_PLAIN", "true");
        let sent = program.run(&["mail", "test", "maya@example.com"]);
        assert_eq!(sent.status.success(), login.is_empty(), "the server itself is well: {}", said(&sent));
    }
    assert_eq!(inbox.mails().len(), 1);
}

// holds issue 18, section 1: a wrong SMTP password is mended, and no mail is lost by it
#[tokio::test(flavor = "multi_thread")]
async fn mails_wait_while_the_server_lets_the_program_not_in() {
    let inbox = Inbox::guarded().await;
    let mut program = program(&inbox).await;
    program.set("SMTP_URL", &format!("smtp://hooks:wrong@localhost:{}", inbox.port));
    assert!(program.run(&["account", "create", "maya@example.com"]).status.success());
    program.start().await;
    // The operator's commands leave mails to be sent, whatever they know of the server.
    assert!(program.run(&["account", "password", "maya@example.com"]).status.success());
    program.wait_until("select bool_or(last_error is not null) from outgoing_mails").await;
    let listed = said(&program.run(&["mail", "list"]));
    assert!(listed.contains("maya@example.com  password_changed  waiting  1") && listed.contains("535"), "{listed}");
    let json: Value = serde_json::from_slice(&program.run(&["mail", "list", "--json"]).stdout).unwrap();
    let id = json[0]["id"].as_str().unwrap();
    assert!(json[0]["next_try_at"].is_string() && json.as_array().unwrap().len() == 1, "{json}");
    let older = program.run(&["mail", "list", "--before", id]);
    assert!(said(&older).contains("There are no mails."), "{}", said(&older));
    program.kill();
    program.set("SMTP_URL", &format!("smtp://hooks:ca%2Fna%20ry@localhost:{}", inbox.port));
    program.query("update outgoing_mails set next_try_at = now()").await;
    program.start().await;
    program.wait_until("select bool_and(state = 'sent') from outgoing_mails").await;
    assert!(inbox.first("maya@example.com", "Your password was changed").await.0["tls"] == true);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_mail_server_the_command_says_what_is_missing() {
    let mut program = Program::with_mail(String::new()).await;
    let refused = program.run(&["mail", "test", "maya@example.com"]);
    assert!(said(&refused).contains("no mail is sent: SMTP_URL"), "{}", said(&refused));
    program.set("SMTP_URL", "smtp://localhost:1");
    program.set("PUBLIC_URL", "");
    let refused = program.run(&["doctor"]);
    assert!(
        refused.status.code() == Some(2) && said(&refused).contains("(PUBLIC_URL) is missing"),
        "{}",
        said(&refused)
    );
}

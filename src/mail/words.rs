//! The words of mails: one content, written as plain text and as HTML.

use std::borrow::Cow;

use askama::Template;
use jiff::Timestamp;

use crate::domain::alert_message::{AlertItem, subject_line};
use crate::domain::installation::InstallationKeys;
use crate::domain::mail::{DueMail, LinkPurpose, Mail, link_token};
use crate::domain::time::full;

/// What a mail says. It has no words but those of this file and of alerts, the names of browsers and credentials, addresses and times.
#[derive(Debug)]
pub(crate) struct Words {
    pub(crate) subject: Cow<'static, str>,
    paragraphs: Vec<String>,
    /// What the button says, and where it leads.
    link: Option<(&'static str, String)>,
    /// What to do if it was somebody else.
    otherwise: String,
    /// The origin of the pages.
    origin: String,
}

#[derive(Template)]
#[template(path = "mail.txt")]
struct Text<'a> {
    mail: &'a Words,
}

#[derive(Template)]
#[template(path = "mail.html")]
struct Html<'a> {
    mail: &'a Words,
}

impl Words {
    /// Of a mail to a user. Links lead to `origin`, which is configured, and nowhere else.
    pub(crate) fn of(due: &DueMail, origin: &str, keys: &InstallationKeys) -> Self {
        if let Mail::Alerts { items, more } = &due.mail {
            return Self::of_alerts((items, *more), &due.address, origin);
        }
        let (subject, first, otherwise) = content(due, origin);
        let link = due.mail.link().map(|purpose| {
            let token = link_token(keys, due.id);
            (label(purpose), format!("{origin}/links/{}?token={}", purpose.as_str(), token.reveal()))
        });
        let ends = due.mail.link().map(|purpose| format!("The link works once, for {}.", purpose.lasts_words()));
        let paragraphs = std::iter::once(first).chain(ends).collect();
        Self { subject: subject.into(), paragraphs, link, otherwise, origin: origin.to_owned() }
    }

    /// Of the mail that `mail test` sends.
    pub(crate) fn of_test(origin: &str, now: Timestamp) -> Self {
        Self {
            subject: "Test mail".into(),
            paragraphs: vec![format!("Mail works. This was sent by `reasoner-webhooks mail test` on {}.", full(now))],
            link: None,
            otherwise: "You needn’t do anything.".to_owned(),
            origin: origin.to_owned(),
        }
    }

    /// Of a message about alerts.
    fn of_alerts((items, more): (&[AlertItem], u64), address: &str, origin: &str) -> Self {
        let is_one = matches!(items, [_]);
        let said = |item: &AlertItem| match is_one {
            true => item.sentence(),
            false => format!("{}. {}", item.title(), item.sentence()),
        };
        let rest = (more > 0).then(|| format!("And {more} more."));
        let otherwise =
            format!("You get this because alerts of your account go to {address}. The page of alerts says which do.");
        Self {
            subject: subject_line(items).into(),
            paragraphs: items.iter().map(said).chain(rest).collect(),
            link: Some(("See your alerts", format!("{origin}/settings/alerts"))),
            otherwise,
            origin: origin.to_owned(),
        }
    }

    pub(crate) fn text(&self) -> Result<String, askama::Error> {
        Text { mail: self }.render()
    }

    pub(crate) fn html(&self) -> Result<String, askama::Error> {
        Html { mail: self }.render()
    }
}

fn label(purpose: LinkPurpose) -> &'static str {
    match purpose {
        LinkPurpose::NewPassword => "Choose a new password",
        LinkPurpose::Confirmation => "Confirm your address",
        LinkPurpose::Undo => "Take your address back",
    }
}

/// The subject, what happened, and what to do if it was somebody else.
fn content(due: &DueMail, origin: &str) -> (&'static str, String, String) {
    let (address, at) = (&due.address, full(due.created_at));
    let take_back = format!("If it wasn’t you, choose a new password now: {origin}/forgot-password");
    match &due.mail {
        Mail::PasswordLink => (
            "Choose a new password",
            format!("Somebody asked on {at} for a link to choose a new password for {address}."),
            "If it wasn’t you, ignore this mail. Your password stays as it is.".to_owned(),
        ),
        Mail::AddressConfirmation => (
            "Confirm your email address",
            format!("{address} was entered on {at} as the email address of an account."),
            "If it wasn’t you, ignore this mail.".to_owned(),
        ),
        Mail::AddressChanged => (
            "Your email address was changed",
            format!("Your account’s email address was changed on {at}. You can no longer sign in with {address}."),
            "If it wasn’t you, take your address back. You choose a new password, and everybody else is signed out."
                .to_owned(),
        ),
        Mail::PasswordChanged => {
            ("Your password was changed", format!("The password of {address} was changed on {at}."), take_back)
        }
        Mail::SecondFactorTurnedOn => (
            "Two-step sign-in was turned on",
            format!("Two-step sign-in of {address} was turned on, on {at}."),
            take_back,
        ),
        Mail::SecondFactorTurnedOff => (
            "Two-step sign-in was turned off",
            format!("Two-step sign-in of {address} was turned off, on {at}."),
            take_back,
        ),
        Mail::NewDevice { browser, ip } => {
            let from = ip.map(|ip| format!(" from {ip}")).unwrap_or_default();
            let what = format!("{browser} signed in to {address}{from} on {at}. It hadn’t signed in before.");
            ("A new browser signed in", what, take_back)
        }
        Mail::AlertTest => (
            "Test of your alerts",
            format!("Alerts of your account come to {address}. This test was sent on {at}; nothing has happened."),
            "You needn’t do anything.".to_owned(),
        ),
        // Several things, each with words of its own.
        Mail::Alerts { .. } => ("Alerts", String::new(), String::new()),
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::Words;
    use crate::domain::ids::MailId;
    use crate::domain::installation::InstallationKeys;
    use crate::domain::mail::{DueMail, Mail};

    fn words(mail: Mail) -> Words {
        let keys = InstallationKeys { session: vec![1; 64].into(), checksum: vec![1; 32].into(), outside: Vec::new() };
        let due = DueMail {
            id: MailId(Uuid::from_u128(7)),
            address: "maya@example.com".to_owned(),
            mail,
            created_at: "2026-11-30T20:15:00Z".parse().unwrap(),
            tries: 1,
        };
        Words::of(&due, "https://hooks.example.com", &keys)
    }

    fn every_mail() -> [Mail; 8] {
        [
            Mail::PasswordLink,
            Mail::AddressConfirmation,
            Mail::AddressChanged,
            Mail::PasswordChanged,
            Mail::SecondFactorTurnedOn,
            Mail::SecondFactorTurnedOff,
            Mail::NewDevice { browser: "Firefox on Linux".to_owned(), ip: Some([203, 0, 113, 7].into()) },
            Mail::AlertTest,
        ]
    }

    // holds issue 18, section 1: links from PUBLIC_URL alone, image-free, text and HTML of one content
    #[test]
    fn every_mail_says_the_same_in_text_and_html_and_links_home_only() {
        for mail in every_mail() {
            let words = words(mail);
            let (text, html) = (words.text().unwrap(), words.html().unwrap());
            assert!(words.subject.is_ascii() && !words.subject.contains(['\r', '\n']), "{}", words.subject);
            for sentence in words.paragraphs.iter().chain([&words.otherwise]) {
                assert!(text.contains(sentence.as_str()) && html.contains(sentence.as_str()), "{sentence}: {html}");
            }
            for (at, _) in text.match_indices("http").chain(html.match_indices("http")) {
                let rest =
                    if text.get(at..).is_some_and(|rest| rest.starts_with("http")) { &text[at..] } else { &html[at..] };
                assert!(rest.starts_with("https://hooks.example.com"), "{rest}");
            }
            for word in ["<img", "url(", "<script", "src="] {
                assert!(!html.contains(word), "{word}: {html}");
            }
        }
    }

    #[test]
    fn a_mail_about_a_new_browser_says_which_from_where_and_when() {
        let text = words(every_mail()[6].clone()).text().unwrap();
        let told = "Firefox on Linux signed in to maya@example.com from 203.0.113.7 on 30 Nov 2026, 20:15:00 UTC.";
        assert!(text.contains(told) && text.contains("https://hooks.example.com/forgot-password"), "{text}");
    }
}

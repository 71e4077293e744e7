//! Form recovery: what was typed into a form that nothing was done with, to be sent again. Passwords and codes are never kept.

use std::cell::RefCell;
use std::rc::Rc;

use actix_web::web;
use serde::{Deserialize, Serialize};

use crate::domain::secret::Secret;
use crate::web::local_path::local_path;

/// The longest that goes along while somebody signs in, in bytes: as a field of a form it grows to three times as much.
const MAX_CARRIED_BYTES: usize = 16 * 1024;

/// Forms that show what was typed when they are sent with the field [`RESUMED`], by the ends of their addresses.
const OPENED_AGAIN: [&str; 6] = [
    "/webhooks/credentials",
    "/name",
    "/expiry",
    "/sender-settings",
    "/settings/account/email",
    "/settings/api-tokens",
];
/// The field of a form that is to be shown again, and not to be acted on.
pub(crate) const RESUMED: &str = "resumed";

/// A form, but for what is secret in it.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub(crate) struct KeptForm {
    /// Where it went.
    pub(crate) action: String,
    /// The page to go back to without sending it.
    pub(crate) page: String,
    pub(crate) fields: Vec<(String, String)>,
    /// The fields that have to be filled in again.
    pub(crate) secrets: Vec<String>,
}

/// What the layers around a form know of it, in the extensions of its request.
#[derive(Clone, Debug, Default)]
pub(crate) struct FormSlot(Rc<RefCell<Option<KeptForm>>>);

impl FormSlot {
    pub(crate) fn keep(&self, form: Option<KeptForm>) {
        self.0.replace(form);
    }

    pub(crate) fn kept(&self) -> Option<KeptForm> {
        self.0.borrow().clone()
    }
}

fn is_secret(name: &str) -> bool {
    name.contains("password") || matches!(name, "code" | "confirmation_code")
}

impl KeptForm {
    /// Of a body as browsers write it; `None` where it is none.
    pub(crate) fn read(action: String, page: String, body: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(body).ok()?;
        let all = web::Query::<Vec<(String, Secret)>>::from_query(text).ok()?.into_inner();
        let own = all.into_iter().filter(|(name, _)| name != RESUMED);
        let (secret, open): (Vec<_>, Vec<_>) = own.partition(|(name, _)| is_secret(name));
        let fields = open.into_iter().map(|(name, value)| (name, value.reveal().to_owned())).collect();
        Some(Self { action, page, fields, secrets: secret.into_iter().map(|(name, _)| name).collect() })
    }

    /// What somebody typed or chose. What pages put into their forms for themselves is not shown.
    pub(crate) fn typed(&self) -> impl Iterator<Item = (String, &str)> {
        let is_typed =
            |name: &str| !["id", "token", "sealed", "end", "warned_of", "return_to", "event"].contains(&name);
        let shown = self.fields.iter().filter(move |(name, value)| !value.is_empty() && is_typed(name));
        shown.map(|(name, value)| (name.replace('_', " "), value.as_str()))
    }

    /// Whether the page of the form shows it again with its fields filled in.
    pub(crate) fn opens_again(&self) -> bool {
        OPENED_AGAIN.iter().any(|end| self.action.ends_with(end))
    }

    /// As a field of the form that signs somebody in. `None`: it is too long for that.
    pub(crate) fn carried(&self) -> Option<String> {
        serde_json::to_string(self).ok().filter(|text| text.len() <= MAX_CARRIED_BYTES)
    }

    /// What was carried, which a browser may have changed: it leads to this site, and has no secrets.
    pub(crate) fn brought_back(text: &str) -> Option<Self> {
        let form: Self = serde_json::from_str(text).ok().filter(|_| text.len() <= MAX_CARRIED_BYTES)?;
        let is_own = local_path(&form.action).is_some() && local_path(&form.page).is_some();
        let has_secrets = form.fields.iter().any(|(name, _)| is_secret(name));
        let asks_secrets = form.secrets.iter().all(|name| is_secret(name));
        (is_own && !has_secrets && asks_secrets).then_some(form)
    }

    /// What a page calls a field that has to be filled in again.
    pub(crate) fn secret_label(&self, name: &str) -> &'static str {
        match name {
            "current_password" => "Your account password",
            "new_password" => "New password",
            "code" | "confirmation_code" => "Code",
            _ => "Password",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::KeptForm;

    fn read(body: &str) -> KeptForm {
        KeptForm::read("/settings/account/email".to_owned(), "/settings/account".to_owned(), body.as_bytes()).unwrap()
    }

    #[test]
    fn passwords_and_codes_of_a_form_are_never_kept() {
        let form = read("email=a%40b.example&current_password=tide&confirmation_code=123456&id=7");
        assert_eq!(form.fields, [("email", "a@b.example"), ("id", "7")].map(|(n, v)| (n.to_owned(), v.to_owned())));
        assert_eq!(form.secrets, ["current_password", "confirmation_code"]);
        assert!(!form.carried().unwrap().contains("tide"));
        assert_eq!(form.typed().collect::<Vec<_>>(), [("email".to_owned(), "a@b.example")]);
    }

    #[test]
    fn a_carried_form_comes_back_when_it_is_one_of_this_site_and_small() {
        let form = read("email=a%40b.example&current_password=tide");
        assert_eq!(KeptForm::brought_back(&form.carried().unwrap()), Some(form.clone()));
        for (action, page) in [("https://evil.example", "/"), ("//evil.example", "/"), ("/", "javascript:1")] {
            let other = KeptForm { action: action.to_owned(), page: page.to_owned(), ..form.clone() };
            assert_eq!(KeptForm::brought_back(&other.carried().unwrap()), None, "{action} {page}");
        }
        let fields = vec![("new_password".to_owned(), "tide".to_owned())];
        let secret = KeptForm { fields, ..form };
        assert_eq!(KeptForm::brought_back(&secret.carried().unwrap()), None);
        assert_eq!(read(&format!("name={}", "x".repeat(20_000))).carried(), None, "too long");
        assert_eq!(KeptForm::brought_back("{"), None);
    }
}

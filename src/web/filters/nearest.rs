//! Suggestions for a list that a search left empty: other searches, a time, a credential, refused requests or events.

use crate::domain::escape_invisible::escape_invisible;
use crate::domain::query::strings::quoted;
use crate::domain::rejection::Reason;
use crate::domain::time::rfc3339;
use crate::web::filters::filter_choices::Choice;
use crate::web::filters::list_filters::Filters;

const REJECTED: &str = "/events/rejections";

impl Filters {
    /// What else could have been searched for with the same words: how it is typed, and its address.
    pub(crate) fn nearest(&self) -> Vec<(String, String)> {
        let Some(query) = &self.filter.query else { return Vec::new() };
        let shown = |search: &str| escape_invisible(search).into_owned();
        let text = query.only_text().unwrap_or_default().to_lowercase();
        let is_named = |choice: &Choice| {
            !choice.value.is_empty() && (choice.label.to_lowercase().contains(&text) || choice.value.contains(&text))
        };
        let of_credential = || format!("credential:{}", quoted(self.text.trim()));
        let credential = (!text.is_empty() && self.credentials.iter().any(is_named)).then(of_credential);
        let searches = credential.into_iter().chain(query.nearest(&self.text));
        let mut nearest: Vec<_> = searches.map(|search| (shown(&search), self.links.to_search(&search))).collect();
        if let Some((since, until)) = self.typed_time {
            let (since, until) = (rfc3339(since), rfc3339(until));
            nearest.insert(
                0,
                (format!("received {}", shown(&self.text)), self.links.to_span("/events", &since, &until, false)),
            );
        }
        if Reason::ALL.iter().any(|reason| !text.is_empty() && reason.mentions(&text)) {
            let address = self.links.changed(REJECTED, &["q", "reason", "group"], &self.text);
            nearest.push((format!("rejected: {}", shown(&self.text)), address));
        }
        nearest
    }

    /// The same for refused requests: those received at a time, and events with the text.
    pub(crate) fn nearest_of_refused(&self) -> Vec<(String, String)> {
        if self.text.is_empty() {
            return Vec::new();
        }
        let shown = escape_invisible(&self.text);
        let mut nearest = Vec::new();
        if let Some((since, until)) = self.typed_time {
            let address = self.links.to_span(REJECTED, &rfc3339(since), &rfc3339(until), false);
            nearest.push((format!("received {shown}"), address));
        }
        nearest.push((
            format!("accepted events: {shown}"),
            self.links.changed("/events", &["q", "reason", "group"], &self.text),
        ));
        nearest
    }
}

//! The conditions of a scan: what the database can tell of a filter. It drops the events that cannot pass, by their credential and by what
//! their bodies would have to contain. What is left is asked by the search itself.

use diesel::dsl::sql;
use diesel::sql_types::{Bool, Text};
use diesel::{BoolExpressionMethods, ExpressionMethods, QueryDsl, TextExpressionMethods};

use crate::domain::ids::AccountId;
use crate::domain::listing::EventFilter;
use crate::domain::query::ast::{HeaderCondition, Operator, Test, Value};
use crate::domain::query::prefilter::{Pattern, Patterns};
use crate::store::connection::schema::events;
use crate::store::scan::search_indexes::{HAS_SHORT_ESCAPE, LOWER_BODY};
use crate::store::scan::span::{Events, OnEvents, Span};

/// How the database is to find what passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum By {
    /// By the key alone: of a small part of a week, an index of texts would list the whole week.
    Key,
    /// By the indexes of a closed week, where they help.
    Text,
}

/// The events of a span that the database does not drop. `patterns` are those of the filter's search; the times of the filter are the
/// span's.
pub(crate) fn passing(account: AccountId, filter: &EventFilter, patterns: &Patterns, span: &Span, by: By) -> Events {
    let mut query = span.events(account);
    if let Some(credential) = filter.credential {
        query = query.filter(events::credential_id.eq(credential.0));
    }
    for pattern in &patterns.always {
        query = query.filter(contains(pattern, by));
    }
    for text in filter.query.iter().flat_map(|query| query.headers()).filter_map(spelled) {
        query = query.filter(events::headers.like(like(&vec![text])));
    }
    let texts = patterns.unless_escaped.iter().map(|pattern| contains(pattern, by));
    if let Some(all) = texts.reduce(|all, one| Box::new(all.and(one))) {
        query = query.filter(all.or(is_escaped()));
    }
    query
}

fn contains(pattern: &Pattern, by: By) -> OnEvents {
    // The same comparison under another name, which the planner takes for one that the index knows nothing of.
    let collation = if by == By::Key { "collate \"POSIX\" " } else { "" };
    Box::new(sql::<Bool>(&format!("{LOWER_BODY} {collation}like ")).bind::<Text, _>(like(pattern)))
}

/// What the headers of an event contain, as they are stored, for a condition on one of them to hold.
fn spelled(condition: &HeaderCondition) -> Option<String> {
    let whole = |text: &str| serde_json::to_string(text).ok();
    let name = whole(&condition.name)?;
    match &condition.test {
        Test::Missing => None,
        Test::Compare(Operator::Equal, Value::Text(text)) => Some(format!("[{name},{}]", whole(text)?)),
        Test::Exists | Test::Contains(_) | Test::Compare(..) => Some(format!("[{name},")),
    }
}

/// An escape that may stand for a printable ASCII character. Only those bodies are asked for the regular expression that have the
/// beginning of one.
fn is_escaped() -> OnEvents {
    Box::new(sql::<Bool>(&format!(r"({HAS_SHORT_ESCAPE} and body ~ E'\\\\u00[2-7]')")))
}

/// A pattern as `like` takes it.
fn like(pattern: &Pattern) -> String {
    let mut out = String::from("%");
    for part in pattern {
        for c in part.chars() {
            if matches!(c, '%' | '_' | '\\') {
                out.push('\\');
            }
            out.push(c);
        }
        out.push('%');
    }
    out
}

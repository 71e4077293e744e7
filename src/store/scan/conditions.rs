//! The conditions of a scan: what the database can tell of a filter. It drops the events that cannot pass, by their credential and by what
//! their bodies would have to contain. What is left is asked by the search itself.

use std::net::IpAddr;

use diesel::dsl::sql;
use diesel::sql_types::{Bool, Text};
use diesel::{BoolExpressionMethods, ExpressionMethods, PgNetExpressionMethods, QueryDsl, TextExpressionMethods};
use ipnet::IpNet;

use crate::domain::ids::AccountId;
use crate::domain::listing::EventFilter;
use crate::domain::query::ast::{SourceCondition, SourcePart};
use crate::domain::query::prefilter::{Pattern, Prefilter, ascii_runs};
use crate::store::connection::columns::inet;
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

/// The events of a span that the database does not drop. `prefilter` is that of the filter's search; the times of the filter are the
/// span's.
pub(crate) fn passing(account: AccountId, filter: &EventFilter, prefilter: &Prefilter, span: &Span, by: By) -> Events {
    let mut query = span.events(account);
    if let Some(credential) = filter.credential {
        query = query.filter(events::credential_id.eq(credential.0));
    }
    if !filter.within.is_empty() {
        query = query.filter(events::credential_id.eq_any(filter.within.iter().map(|id| id.0).collect::<Vec<_>>()));
    }
    if let Some(ids) = &filter.ids {
        query = query.filter(events::id.eq_any(ids.iter().map(|id| id.0).collect::<Vec<_>>()));
    }
    match condition(prefilter, by) {
        Some(condition) => query.filter(condition),
        None => query,
    }
}

/// `None` for what every event could be.
fn condition(prefilter: &Prefilter, by: By) -> Option<OnEvents> {
    match prefilter {
        Prefilter::Anything => None,
        Prefilter::Body(pattern) => Some(Box::new(contains(pattern, by).or(is_escaped()))),
        Prefilter::Headers(text) => Some(Box::new(events::headers.like(like(std::slice::from_ref(text))))),
        Prefilter::Source(condition) => came_from(condition),
        Prefilter::Ids(ids) => Some(Box::new(events::id.between(ids.start().0, ids.end().0))),
        Prefilter::All(parts) => all(parts, by),
        Prefilter::Any(parts) => {
            let parts: Option<Vec<OnEvents>> = parts.iter().map(|part| condition(part, by)).collect();
            parts?.into_iter().reduce(|any, one| Box::new(any.or(one)))
        }
    }
}

fn all(parts: &[Prefilter], by: By) -> Option<OnEvents> {
    let and = |all: OnEvents, one: OnEvents| -> OnEvents { Box::new(all.and(one)) };
    let texts = parts.iter().filter_map(|part| match part {
        Prefilter::Body(pattern) => Some(contains(pattern, by)),
        _ => None,
    });
    // A body is asked once whether it has escapes, for all texts.
    let texts = texts.reduce(and).map(|texts| -> OnEvents { Box::new(texts.or(is_escaped())) });
    let others = parts.iter().filter(|part| !matches!(part, Prefilter::Body(_)));
    others.filter_map(|part| condition(part, by)).chain(texts).reduce(and)
}

fn contains(pattern: &Pattern, by: By) -> OnEvents {
    // The same comparison under another name, which the planner takes for one that the index knows nothing of.
    let collation = if by == By::Key { "collate \"POSIX\" " } else { "" };
    Box::new(sql::<Bool>(&format!("{LOWER_BODY} {collation}like ")).bind::<Text, _>(like(pattern)))
}

fn came_from(SourceCondition { part, text }: &SourceCondition) -> Option<OnEvents> {
    let pattern = like(&ascii_runs(text));
    Some(match part {
        SourcePart::Ip => match (text.parse::<IpAddr>(), text.parse::<IpNet>()) {
            (Ok(ip), _) => Box::new(events::remote_ip.eq(inet(ip))),
            (_, Ok(network)) => Box::new(events::remote_ip.is_contained_by_or_eq(network.trunc())),
            _ => return None,
        },
        SourcePart::Agent => Box::new(sql::<Bool>("lower(user_agent collate \"C\") like ").bind::<Text, _>(pattern)),
        SourcePart::Credential => Box::new(
            sql::<Bool>(
                "credential_id in (select c.id from credentials c where c.account_id = events.account_id \
                 and lower((c.name || ' ' || c.username) collate \"C\") like ",
            )
            .bind::<Text, _>(pattern)
            .sql(")"),
        ),
    })
}

/// An escape that may stand for a printable ASCII character. Only those bodies are asked for the regular expression that have the
/// beginning of one.
fn is_escaped() -> OnEvents {
    Box::new(sql::<Bool>(&format!(r"({HAS_SHORT_ESCAPE} and body ~ E'\\\\u00[2-7]')")))
}

/// A pattern as `like` takes it.
fn like(pattern: &[String]) -> String {
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

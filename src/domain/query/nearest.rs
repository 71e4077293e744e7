//! Suggestions for a search that found nothing: what else could have been meant by the same words.

use std::net::IpAddr;

use crate::domain::query::ast::{Condition, Expression, Operator, Query, Term, Test, Value};
use crate::domain::query::strings::quoted;

/// How many are offered.
const MAX_OFFERED: usize = 2;

impl Query {
    /// Searches that are near to what was typed, the likeliest first, each as it would be typed.
    pub(crate) fn nearest(&self, typed: &str) -> Vec<String> {
        let of_text = || {
            let text = self.only_text()?;
            let words: Vec<&str> = text.split_whitespace().collect();
            let term = |word: &&str| Expression::Term(Term::Text((*word).to_owned()));
            let all = Expression::all(words.iter().map(term).collect()).filter(|_| words.len() > 1);
            Some([labelled(typed), Self::read_as_conditions(typed), all.map(|root| Self { root })])
        };
        let of_conditions = || [labelled(typed), self.with_longer_texts(), self.loosened()];
        let queries = of_text().unwrap_or_else(of_conditions).into_iter().flatten();
        let as_text = self.only_text().is_none().then(|| quoted(typed));
        let mut offered: Vec<String> = Vec::new();
        for search in queries.map(|query| query.to_string()).chain(as_text) {
            let is_other = matches!(Self::parse(&search), Ok(Some(query)) if query != *self);
            if is_other && !offered.contains(&search) {
                offered.push(search);
            }
        }
        offered.truncate(MAX_OFFERED);
        offered
    }

    /// `customer = Ada Lovelace`, as one value.
    fn with_longer_texts(&self) -> Option<Self> {
        let Expression::All(parts) = &self.root else { return None };
        let mut joined: Vec<Expression> = Vec::new();
        for part in parts {
            match (joined.last_mut(), part) {
                (Some(Expression::Term(Term::Field(before))), Expression::Term(Term::Text(word))) => {
                    match &mut before.test {
                        Test::Compare(Operator::Equal, Value::Text(text)) => *text = format!("{text} {word}"),
                        _ => joined.push(part.clone()),
                    }
                }
                _ => joined.push(part.clone()),
            }
        }
        (joined.len() < parts.len()).then(|| Expression::all(joined)).flatten().map(|root| Self { root })
    }

    /// Texts in any case and anywhere in the field; numbers as texts.
    fn loosened(&self) -> Option<Self> {
        let root = loosened(&self.root);
        (root != self.root).then_some(Self { root })
    }
}

/// What people write without knowing how: an address, `x-topic: paid` for a header, `customer: Ada Lovelace` for a field, and the name of
/// a source or of a header.
fn labelled(typed: &str) -> Option<Query> {
    let typed = typed.trim();
    if let Some(ip) = typed.split_whitespace().find(|word| word.parse::<IpAddr>().is_ok()) {
        return read(&format!("ip:{ip}"));
    }
    let is_name = |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c));
    let is_custom = |text: &str| is_name(text) && text.len() > 2 && text.to_ascii_lowercase().starts_with("x-");
    let is_sign = |c: char| c == ':' || c == '=' || c.is_whitespace();
    let Some((name, rest)) = typed.split_once(is_sign) else {
        return is_custom(typed).then(|| read(&format!("header.{typed} exists")))?;
    };
    let value = rest.trim_start_matches(is_sign).trim_end();
    let has_sign = typed[name.len()..].trim_start().starts_with([':', '=']);
    read(&match name.to_ascii_lowercase().as_str() {
        _ if value.is_empty() => return None,
        source @ ("agent" | "credential") => format!("{source}:{}", quoted(value)),
        "header" if is_name(value) => format!("header.{value} exists"),
        _ if !has_sign || !is_name(name) => return None,
        header if header.contains('-') => format!("header.{header} = {}", quoted(value)),
        _ if rest.starts_with(char::is_whitespace) => format!("{name} = {}", quoted(value)),
        _ => return None,
    })
}

fn read(search: &str) -> Option<Query> {
    Query::parse(search).ok().flatten()
}

fn loosened(expression: &Expression) -> Expression {
    match expression {
        Expression::Term(Term::Field(Condition { path, test })) => {
            let test = match test {
                Test::Compare(Operator::Equal, Value::Text(text)) if !text.is_empty() => Test::Contains(text.clone()),
                Test::Compare(Operator::Equal, Value::Number(number)) => {
                    Test::Compare(Operator::Equal, Value::Text(number.clone()))
                }
                other => other.clone(),
            };
            Expression::Term(Term::Field(Condition { path: path.clone(), test }))
        }
        Expression::All(parts) => Expression::All(parts.iter().map(loosened).collect()),
        Expression::Any(parts) => Expression::Any(parts.iter().map(loosened).collect()),
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use crate::domain::query::ast::Query;

    #[test]
    fn what_could_have_been_meant_is_offered() {
        for (typed, offered) in [
            ("name contains ware", vec!["name contains \"ware\"", "\"name\" and \"contains\" and \"ware\""]),
            ("lost order 17", vec!["\"lost\" and \"order\" and \"17\""]),
            ("customer = Ada Lovelace", vec!["customer = \"Ada Lovelace\"", "customer contains \"Ada\" \"Lovelace\""]),
            ("type = Invoice", vec!["type contains \"Invoice\"", "\"type = Invoice\""]),
            ("id = 17", vec!["id = \"17\"", "\"id = 17\""]),
            ("localhost:8080", vec!["localhost = \"8080\"", "\"localhost:8080\""]),
            ("note:the disk", vec!["note = \"the\" \"disk\"", "\"note:the\" and \"disk\""]),
            ("total > 100", vec!["\"total > 100\""]),
            ("refund", vec![]),
            ("203.0.113.77", vec!["ip:\"203.0.113.77\""]),
            ("from 203.0.113.77", vec!["ip:\"203.0.113.77\"", "\"from\" and \"203.0.113.77\""]),
            ("X-Shop-Topic", vec!["header.x-shop-topic exists"]),
            ("header:x-shop-topic", vec!["header.x-shop-topic exists", "header contains \"x-shop-topic\""]),
            (
                "x-shop-topic: orders/paid",
                vec!["header.x-shop-topic = \"orders/paid\"", "\"x-shop-topic:\" and \"orders/paid\""],
            ),
            (
                "customer: Ada Lovelace",
                vec!["customer = \"Ada Lovelace\"", "\"customer:\" and \"Ada\" and \"Lovelace\""],
            ),
            ("credential = Harbor gate", vec!["credential:\"Harbor gate\"", "credential = \"Harbor gate\""]),
        ] {
            assert_eq!(Query::parse(typed).unwrap().unwrap().nearest(typed), offered, "{typed}");
        }
    }
}

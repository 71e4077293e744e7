//! Printing a search back to text.
//!
//! A search, written out again: as short as it can be, and read again it means the same.

use std::fmt;

use crate::domain::query::ast::{
    Condition, Expression, HEADER, HeaderCondition, Piece, Query, SourceCondition, Term, Test, Value,
};
use crate::domain::query::operators::is_name_char;
use crate::domain::query::parse::is_reserved;
use crate::domain::query::strings::quoted;

impl fmt::Display for Query {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(text) = self.only_text()
            && matches!(Query::read(text), Ok(Some(again)) if again == *self)
        {
            return f.write_str(text);
        }
        write_expression(f, &self.root)
    }
}

fn write_expression(f: &mut fmt::Formatter<'_>, expression: &Expression) -> fmt::Result {
    match expression {
        Expression::Term(term) => write_term(f, term),
        Expression::Not(inner) => {
            f.write_str("not ")?;
            write_part(f, inner, matches!(**inner, Expression::All(_) | Expression::Any(_)))
        }
        Expression::All(parts) => {
            // Texts that follow one another without a word between them would be one text.
            let are_texts = parts.iter().all(|part| matches!(part, Expression::Term(Term::Text(_))));
            let between = if are_texts { " and " } else { " " };
            write_joined(f, parts, between, |part| matches!(part, Expression::Any(_)))
        }
        Expression::Any(parts) => write_joined(f, parts, " or ", |_| false),
    }
}

fn write_joined(
    f: &mut fmt::Formatter<'_>,
    parts: &[Expression],
    between: &str,
    in_parentheses: fn(&Expression) -> bool,
) -> fmt::Result {
    for (step, part) in parts.iter().enumerate() {
        if step > 0 {
            f.write_str(between)?;
        }
        write_part(f, part, in_parentheses(part))?;
    }
    Ok(())
}

fn write_part(f: &mut fmt::Formatter<'_>, part: &Expression, in_parentheses: bool) -> fmt::Result {
    if !in_parentheses {
        return write_expression(f, part);
    }
    f.write_str("(")?;
    write_expression(f, part)?;
    f.write_str(")")
}

fn write_term(f: &mut fmt::Formatter<'_>, term: &Term) -> fmt::Result {
    match term {
        Term::Text(text) => write_quoted(f, text),
        Term::Field(condition) => write!(f, "{condition}"),
        Term::Header(HeaderCondition { name, test }) => {
            f.write_str(HEADER)?;
            write_key(f, name, true)?;
            write_test(f, test)
        }
        Term::Source(SourceCondition { part, text }) => {
            write!(f, "{}:", part.as_str())?;
            write_quoted(f, text)
        }
    }
}

impl Condition {
    /// The path alone.
    pub(crate) fn field(&self) -> String {
        struct Field<'a>(&'a [Piece]);
        impl fmt::Display for Field<'_> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write_path(f, self.0)
            }
        }
        Field(&self.path).to_string()
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_path(f, &self.path)?;
        write_test(f, &self.test)
    }
}

fn write_test(f: &mut fmt::Formatter<'_>, test: &Test) -> fmt::Result {
    match test {
        Test::Exists => f.write_str(" exists"),
        Test::Missing => f.write_str(" not exists"),
        Test::Contains(text) => {
            f.write_str(" contains ")?;
            write_quoted(f, text)
        }
        Test::Compare(operator, value) => write!(f, " {} {value}", operator.as_str()),
        Test::Between(from, to) => {
            f.write_str(" = ")?;
            write_end(f, from)?;
            f.write_str("..")?;
            write_end(f, to)
        }
        Test::In(values) => write_list(f, " in (", values),
        Test::NotIn(values) => write_list(f, " not in (", values),
    }
}

fn write_list(f: &mut fmt::Formatter<'_>, begin: &str, values: &[Value]) -> fmt::Result {
    f.write_str(begin)?;
    for (step, value) in values.iter().enumerate() {
        if step > 0 {
            f.write_str(", ")?;
        }
        write!(f, "{value}")?;
    }
    f.write_str(")")
}

/// An end of a range, which has no quotes.
fn write_end(f: &mut fmt::Formatter<'_>, value: &Value) -> fmt::Result {
    match value {
        Value::Text(text) => f.write_str(text),
        other => write!(f, "{other}"),
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Text(text) => write_quoted(f, text),
            Value::Number(spelled) => f.write_str(spelled),
            Value::True => f.write_str("true"),
            Value::False => f.write_str("false"),
            Value::Null => f.write_str("null"),
        }
    }
}

fn write_path(f: &mut fmt::Formatter<'_>, path: &[Piece]) -> fmt::Result {
    if path.is_empty() {
        return f.write_str("$");
    }
    for (step, chunk) in path.iter().enumerate() {
        match chunk {
            Piece::Key(key) => {
                if step > 0 {
                    f.write_str(".")?;
                }
                let is_header = step == 0 && path.len() == 2 && HEADER.strip_suffix('.') == Some(key);
                write_key(f, key, !(is_header || step == 0 && (key == "$" || is_reserved(key))))?;
            }
            Piece::Index(index) => write!(f, "[{index}]")?,
            Piece::Each => f.write_str("[]")?,
        }
    }
    Ok(())
}

/// A name, without quotes where it `means_itself` there and has no other characters.
fn write_key(f: &mut fmt::Formatter<'_>, key: &str, means_itself: bool) -> fmt::Result {
    let is_plain = !key.is_empty() && key.chars().all(is_name_char);
    if is_plain && means_itself { f.write_str(key) } else { write_quoted(f, key) }
}

fn write_quoted(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    f.write_str(&quoted(text))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{Just, Strategy, any, prop, prop_oneof, proptest};
    use proptest::{prop_assert_eq, prop_assume};

    use crate::domain::query::ast::{
        Condition, Expression, HeaderCondition, Operator, Piece, Query, SourceCondition, SourcePart, Term, Test, Value,
    };
    use crate::domain::query::parse::MAX_CHARS;

    #[test]
    fn the_longest_search_is_read_again_however_long_it_is_written_out() {
        let controls = "\u{1}".repeat(MAX_CHARS);
        for (before, after) in [("a = \"", "\""), ("a contains \"", "\""), ("\"", "\" = 1"), ("\"a = 1", "\"")] {
            let typed = format!("{before}{}{after}", &controls[before.len() + after.len()..]);
            let query = Query::parse(&typed).unwrap().unwrap();
            let written = query.to_string();
            assert!(written.len() > 5 * MAX_CHARS, "{written}");
            assert_eq!(Query::read(&written), Ok(Some(query)), "{written}");
        }
    }

    fn any_chunk() -> impl Strategy<Value = Piece> {
        prop_oneof![
            prop_oneof![Just("and".to_owned()), Just("$".to_owned()), "[a-z_$@-]{1,8}", any::<String>()]
                .prop_map(Piece::Key),
            any::<u32>().prop_map(Piece::Index),
            Just(Piece::Each),
        ]
    }

    fn any_test() -> impl Strategy<Value = Test> {
        let value = prop_oneof![
            any::<String>().prop_map(Value::Text),
            // Six times as long when it is written out.
            "[\\x01-\\x1f]{100,250}".prop_map(Value::Text),
            any::<f64>().prop_filter("JSON", |n| n.is_finite()).prop_map(|n| Value::Number(n.to_string())),
        ];
        let equality = prop_oneof![Just(Operator::Equal), Just(Operator::NotEqual)];
        let word = prop_oneof![Just(Value::True), Just(Value::False), Just(Value::Null)];
        prop_oneof![
            Just(Test::Exists),
            Just(Test::Missing),
            ("[0-9]{1,4}", "[0-9]{4}-[0-9]{2}")
                .prop_map(|(from, to)| Test::Between(Value::Number(format!("1{from}")), Value::Text(to))),
            prop::collection::vec(value.clone(), 1..4).prop_map(Test::In),
            prop::collection::vec(value.clone(), 1..4).prop_map(Test::NotIn),
            ".{1,8}".prop_map(Test::Contains),
            (prop::sample::select(Operator::ALL.to_vec()), value).prop_map(|(o, v)| Test::Compare(o, v)),
            (equality, word).prop_map(|(o, v)| Test::Compare(o, v)),
        ]
    }

    fn any_term() -> impl Strategy<Value = Term> {
        prop_oneof![
            4 => (prop::collection::vec(any_chunk(), 0..5), any_test())
                .prop_map(|(path, test)| Term::Field(Condition { path, test })),
            2 => ".{1,10}".prop_map(Term::Text),
            1 => (prop::sample::select(SourcePart::ALL.to_vec()), ".{1,10}")
                .prop_map(|(part, text)| Term::Source(SourceCondition { part, text })),
            1 => ("[a-z-]{1,6}", any_test()).prop_map(|(name, test)| Term::Header(HeaderCondition { name, test })),
        ]
    }

    /// Any search as the parser would put it together.
    fn any_expression() -> impl Strategy<Value = Expression> {
        any_term().prop_map(Expression::Term).prop_recursive(3, 12, 3, |inner| {
            prop_oneof![
                inner.clone().prop_map(|inner| match inner {
                    Expression::Not(inner) => *inner,
                    other => Expression::Not(Box::new(other)),
                }),
                prop::collection::vec(inner.clone(), 1..4).prop_map(|parts| Expression::all(parts).unwrap()),
                prop::collection::vec(inner, 1..4).prop_map(|parts| Expression::any(parts).unwrap()),
            ]
        })
    }

    proptest! {
        #[test]
        fn a_search_written_out_is_the_same_search(root in any_expression()) {
            let query = Query { root };
            prop_assume!(query.root.terms().len() <= 20);
            // A text alone is without the spaces around it.
            prop_assume!(query.only_text().is_none_or(|text| text.trim() == text && !text.is_empty()));
            let written = query.to_string();
            prop_assert_eq!(Query::read(&written), Ok(Some(query.clone())), "{}", written);
            if written.chars().count() <= MAX_CHARS {
                prop_assert_eq!(Query::parse(&written), Ok(Some(query)), "{}", written);
            }
        }
    }
}

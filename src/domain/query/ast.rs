//! The abstract syntax tree of a search.
//!
//! A search, understood: texts that a body contains and conditions on its fields, its headers and where it came from, put together with
//! and, or and not. How it is written stands in [`crate::domain::query::parse`], what it means in [`crate::domain::query::matching`].

use std::cmp::Ordering;

/// What a reader asks of an event. Written out, it reads as a search that means the same.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "its fields are what their names say")]
pub struct Query {
    pub root: Expression,
}

/// A term, or several put together.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "its variants are what their names say")]
pub enum Expression {
    Term(Term),
    Not(Box<Expression>),
    /// At least two, none of which is itself one of these.
    All(Vec<Expression>),
    /// At least two, none of which is itself one of these.
    Any(Vec<Expression>),
}

/// One thing that has to hold.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "its variants are what their names say")]
pub enum Term {
    /// The body contains this as it was received or without its escapes, in any case. An event's id that begins with it does as well.
    Text(String),
    Field(Condition),
    Header(HeaderCondition),
    Source(SourceCondition),
}

/// What has to hold for the values at a path.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "its fields are what their names say")]
pub struct Condition {
    /// From the top of the body; without a piece, the whole of it. Where a list stands and the path names none of its elements, any of
    /// them will do.
    pub path: Vec<Piece>,
    pub test: Test,
}

/// What has to hold for the values of a request header.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "its fields are what their names say")]
pub struct HeaderCondition {
    /// In lower case.
    pub name: String,
    pub test: Test,
}

/// What stands before the name of a request header.
pub(crate) const HEADER: &str = "header.";

/// The request header that a path names, whose first piece says that it does.
pub(crate) fn header_of(path: &[Piece]) -> Option<String> {
    match path {
        [_, Piece::Key(name)] => Some(name.to_ascii_lowercase()),
        _ => None,
    }
}

/// What has to be so where an event came from.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "its fields are what their names say")]
pub struct SourceCondition {
    pub part: SourcePart,
    pub text: String,
}

/// What is known of where an event came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SourcePart {
    /// The address: the whole of it, its beginning, or a network that it is in.
    Ip,
    /// The user agent contains this, in any case.
    Agent,
    /// The credential's name or its username contains this, in any case.
    Credential,
}

impl SourcePart {
    pub(crate) const ALL: [Self; 3] = [Self::Ip, Self::Agent, Self::Credential];

    /// What stands before the colon.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            SourcePart::Ip => "ip",
            SourcePart::Agent => "agent",
            SourcePart::Credential => "credential",
        }
    }
}

/// A step into a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// The member of an object; all of them where it stands there more than once.
    Key(String),
    /// One element of a list, counted from 0.
    Index(u32),
    /// Any element of a list.
    Each,
}

/// What is asked of the values.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "its variants are what their names say")]
pub enum Test {
    /// There is one.
    Exists,
    /// There is none.
    Missing,
    /// One is a string that contains this, in any case.
    Contains(String),
    Compare(Operator, Value),
    /// One is not below the first and not above the second.
    Between(Value, Value),
    /// One is equal to one of these.
    In(Vec<Value>),
    /// There is one, and none is equal to any of these.
    NotIn(Vec<Value>),
}

/// How a value is compared. `!=` asks for a field that is there and in no place equal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "its variants are what their names say")]
pub enum Operator {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Operator {
    pub(crate) const ALL: [Self; 6] =
        [Self::Equal, Self::NotEqual, Self::Less, Self::LessOrEqual, Self::Greater, Self::GreaterOrEqual];

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Operator::Equal => "=",
            Operator::NotEqual => "!=",
            Operator::Less => "<",
            Operator::LessOrEqual => "<=",
            Operator::Greater => ">",
            Operator::GreaterOrEqual => ">=",
        }
    }

    /// Whether it asks for this order of two values. `!=` asks for those that are equal, and that there are none.
    pub(crate) fn accepts(self, order: Ordering) -> bool {
        match self {
            Operator::Equal | Operator::NotEqual => order.is_eq(),
            Operator::Less => order.is_lt(),
            Operator::LessOrEqual => order.is_le(),
            Operator::Greater => order.is_gt(),
            Operator::GreaterOrEqual => order.is_ge(),
        }
    }

    /// Whether it asks which of two is more.
    pub(crate) fn is_ordering(self) -> bool {
        !matches!(self, Operator::Equal | Operator::NotEqual)
    }
}

/// What a field is compared with.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "its variants are what their names say")]
pub enum Value {
    Text(String),
    /// As it was spelled: any number of JSON.
    Number(String),
    True,
    False,
    Null,
}

impl Expression {
    /// All of these have to hold; `None` for none.
    pub fn all(parts: Vec<Self>) -> Option<Self> {
        Self::joined(parts, Self::All, |part| match part {
            Self::All(parts) => Ok(parts),
            other => Err(other),
        })
    }

    /// One of these has to hold; `None` for none.
    pub fn any(parts: Vec<Self>) -> Option<Self> {
        Self::joined(parts, Self::Any, |part| match part {
            Self::Any(parts) => Ok(parts),
            other => Err(other),
        })
    }

    fn joined(
        parts: Vec<Self>,
        join: fn(Vec<Self>) -> Self,
        inner: fn(Self) -> Result<Vec<Self>, Self>,
    ) -> Option<Self> {
        let mut flat = Vec::new();
        for part in parts {
            match inner(part) {
                Ok(parts) => flat.extend(parts),
                Err(part) => flat.push(part),
            }
        }
        if flat.len() > 1 { Some(join(flat)) } else { flat.pop() }
    }

    /// The terms, in the order in which they are written.
    pub(crate) fn terms(&self) -> Vec<&Term> {
        match self {
            Self::Term(term) => vec![term],
            Self::Not(inner) => inner.terms(),
            Self::All(parts) | Self::Any(parts) => parts.iter().flat_map(Self::terms).collect(),
        }
    }

    /// Whether it holds, given what is known of its terms in their order; `None` where that does not decide it.
    pub(crate) fn decide(&self, known: &mut impl Iterator<Item = Option<bool>>) -> Option<bool> {
        match self {
            Self::Term(_) => known.next().flatten(),
            Self::Not(inner) => inner.decide(known).map(|holds| !holds),
            Self::All(parts) => decide_joined(parts, known, false),
            Self::Any(parts) => decide_joined(parts, known, true),
        }
    }
}

/// One part that is `decisive` decides; else it takes all of them.
fn decide_joined(parts: &[Expression], known: &mut impl Iterator<Item = Option<bool>>, decisive: bool) -> Option<bool> {
    let mut decided = Some(!decisive);
    for part in parts {
        // Each is asked, for the others' sake: they follow in the list of what is known.
        match part.decide(known) {
            Some(holds) if holds == decisive => decided = Some(decisive),
            None if decided != Some(decisive) => decided = None,
            _ => {}
        }
    }
    decided
}

impl Query {
    /// A search for one thing.
    pub fn of(term: Term) -> Self {
        Self { root: Expression::Term(term) }
    }

    /// What has to hold, each by itself, and the search without it.
    pub(crate) fn parts(&self) -> Vec<(Self, Option<Self>)> {
        let Expression::All(parts) = &self.root else { return vec![(self.clone(), None)] };
        let without = |left_out: usize| {
            let rest = parts.iter().enumerate().filter(|(at, _)| *at != left_out).map(|(_, part)| part.clone());
            Expression::all(rest.collect()).map(|root| Self { root })
        };
        let part = |(at, part): (usize, &Expression)| (Self { root: part.clone() }, without(at));
        parts.iter().enumerate().map(part).collect()
    }

    /// The only text, when nothing else is asked.
    pub(crate) fn only_text(&self) -> Option<&str> {
        match &self.root {
            Expression::Term(Term::Text(text)) => Some(text),
            _ => None,
        }
    }
}

//! The abstract syntax tree of a search.
//!
//! A search, understood: texts that a body contains and conditions on its fields. Every one of them has to hold. How it is
//! written stands in [`crate::domain::query::parse`], what it means in [`crate::domain::query::matching`].

use std::cmp::Ordering;

/// What a reader asks of a body. Written out, it reads as a search that means the same.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "its fields are what their names say")]
pub struct Query {
    pub terms: Vec<Term>,
}

/// One thing that has to hold.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "its variants are what their names say")]
pub enum Term {
    /// The body as it was received contains this, in any case.
    Text(String),
    Field(Condition),
    Header(HeaderCondition),
}

/// What has to hold for the values at a path.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "its fields are what their names say")]
pub struct Condition {
    /// From the top of the body; without a piece, the whole of it.
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

impl Query {
    /// The conditions on fields, without the texts.
    pub(crate) fn conditions(&self) -> impl Iterator<Item = &Condition> {
        self.terms.iter().filter_map(|term| match term {
            Term::Field(condition) => Some(condition),
            Term::Text(_) | Term::Header(_) => None,
        })
    }

    /// The texts, without the conditions.
    pub(crate) fn texts(&self) -> impl Iterator<Item = &str> {
        self.terms.iter().filter_map(|term| match term {
            Term::Text(text) => Some(text.as_str()),
            Term::Field(_) | Term::Header(_) => None,
        })
    }

    /// The conditions on request headers.
    pub(crate) fn headers(&self) -> impl Iterator<Item = &HeaderCondition> {
        self.terms.iter().filter_map(|term| match term {
            Term::Header(condition) => Some(condition),
            Term::Text(_) | Term::Field(_) => None,
        })
    }

    /// The only text, when nothing else is asked.
    pub(crate) fn only_text(&self) -> Option<&str> {
        match self.terms.as_slice() {
            [Term::Text(text)] => Some(text),
            _ => None,
        }
    }
}

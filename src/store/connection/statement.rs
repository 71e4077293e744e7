//! Prepared statements written as SQL. diesel's own `sql_query` is parsed, and asked about, anew each time: a round trip more, and the
//! planning, which what runs for each page cannot afford.

use std::marker::PhantomData;

use diesel::QueryResult;
use diesel::expression::{AppearsOnTable, Expression, SelectableExpression, ValidGrouping, is_aggregate};
use diesel::pg::Pg;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::serialize::ToSql;
use diesel::sql_types::{Bool, HasSqlType, Untyped};

/// A statement whose text is always the same, so that each connection prepares it once. Its rows are read by name.
#[must_use]
pub(in crate::store) struct Statement<Binds = ()> {
    text: &'static str,
    binds: Binds,
}

/// A statement with `$1`, `$2` and so on for what [`Statement::bind`] gives it, in this order.
pub(in crate::store) fn statement(text: &'static str) -> Statement {
    Statement { text, binds: () }
}

/// A parameter behind others.
pub(in crate::store) struct Bound<Others, Kind, Value> {
    others: Others,
    value: Value,
    kind: PhantomData<Kind>,
}

impl<Binds> Statement<Binds> {
    /// Gives the next parameter.
    pub(in crate::store) fn bind<Kind, Value>(self, value: Value) -> Statement<Bound<Binds, Kind, Value>> {
        Statement { text: self.text, binds: Bound { others: self.binds, value, kind: PhantomData } }
    }
}

impl<Others, Kind, Value> QueryFragment<Pg> for Bound<Others, Kind, Value>
where
    Others: QueryFragment<Pg>,
    Pg: HasSqlType<Kind>,
    Value: ToSql<Kind, Pg>,
{
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        self.others.walk_ast(out.reborrow())?;
        // The text names it already.
        out.push_bind_param_value_only(&self.value)
    }
}

impl<Binds: QueryFragment<Pg>> QueryFragment<Pg> for Statement<Binds> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql(self.text);
        self.binds.walk_ast(out)
    }
}

impl<Binds> QueryId for Statement<Binds> {
    // Without one, the text itself is what a prepared statement is found by.
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<Binds> Query for Statement<Binds> {
    type SqlType = Untyped;
}

/// A condition of a statement of diesel's, whose text is always the same: unlike `diesel::dsl::sql`, it lets the statement be prepared once.
#[derive(Clone, Copy, Debug)]
pub(in crate::store) struct Condition(pub(in crate::store) &'static str);

impl Expression for Condition {
    type SqlType = Bool;
}

impl<Source> AppearsOnTable<Source> for Condition {}
impl<Source> SelectableExpression<Source> for Condition {}

impl<GroupBy> ValidGrouping<GroupBy> for Condition {
    type IsAggregate = is_aggregate::Never;
}

impl QueryFragment<Pg> for Condition {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql(self.0);
        Ok(())
    }
}

impl QueryId for Condition {
    // As above.
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

//! Prepared statements written as SQL.
//!
//! Statements that are spelled as SQL and stay prepared. diesel parses and plans every `sql_query` and every `on conflict do
//! update` anew, which a statement that runs thousands of times a second cannot afford.

/// Declares a statement: a struct with a field for each parameter, which knows its SQL. The text is always the same, so diesel
/// prepares it once for each connection. Where it says what it gives, those are the columns of its rows.
macro_rules! prepared {
    (
        $(#[$about:meta])*
        $name:ident<$life:lifetime> gives $gives:ty { $($text:tt)* }
    ) => {
        crate::store::prepared::prepared! { $(#[$about])* $name<$life> { $($text)* } }

        impl diesel::query_builder::Query for $name<'_> {
            type SqlType = $gives;
        }
    };
    (
        $(#[$about:meta])*
        $name:ident<$life:lifetime> { $begin:literal $(, $field:ident: $rust:ty as $kind:ty, $after:literal)* }
    ) => {
        $(#[$about])*
        struct $name<$life> {
            $($field: $rust,)*
        }

        impl<$life> diesel::query_builder::QueryId for $name<$life> {
            // Without one, the text itself is what the statement is found by.
            type QueryId = ();
            const HAS_STATIC_QUERY_ID: bool = false;
        }

        impl<$life> diesel::query_builder::QueryFragment<diesel::pg::Pg> for $name<$life> {
            fn walk_ast<'b>(
                &'b self,
                mut out: diesel::query_builder::AstPass<'_, 'b, diesel::pg::Pg>,
            ) -> diesel::QueryResult<()> {
                out.push_sql($begin);
                $(
                    out.push_bind_param::<$kind, $rust>(&self.$field)?;
                    out.push_sql($after);
                )*
                Ok(())
            }
        }
    };
}

pub(crate) use prepared;

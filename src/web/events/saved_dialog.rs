//! The dialog of saved searches over the list of events.

use crate::domain::escape_invisible::escape_invisible;
use crate::domain::ids::AccountId;
use crate::store::connection::error::StoreError;
use crate::store::connection::pool::Connection;
use crate::store::tables::saved_searches::{self, SavedSearch};
use crate::web::filters::list_filters::Filters;

/// How long a name may be, in characters.
pub(crate) const MAX_NAME_CHARS: usize = 60;

/// A saved search as the dialog shows it.
pub(crate) struct Saved {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) address: String,
    /// The list shows this one.
    pub(crate) is_open: bool,
}

/// The dialog over the list.
pub(crate) struct SavedDialog {
    pub(crate) saved: Vec<Saved>,
    /// As it was typed.
    pub(crate) name: String,
    pub(crate) error: Option<String>,
}

/// A name that was typed, and why nothing was saved by it.
pub(crate) struct Failed {
    pub(crate) name: String,
    pub(crate) error: String,
}

impl SavedDialog {
    pub(crate) async fn read(
        conn: &mut Connection,
        account: AccountId,
        filters: &Filters,
        failed: Option<Failed>,
    ) -> Result<Self, StoreError> {
        let shown = |search: SavedSearch| Saved {
            id: search.id.to_string(),
            name: escape_invisible(&search.name).into_owned(),
            address: format!("/events?{}", search.filters),
            is_open: search.filters == filters.saved_as(),
        };
        let saved = saved_searches::list(conn, account).await?.into_iter().map(shown).collect();
        let (name, error) = failed.map_or_else(Default::default, |failed| (failed.name, Some(failed.error)));
        Ok(Self { saved, name, error })
    }
}

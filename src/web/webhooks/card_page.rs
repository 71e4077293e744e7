//! A page of credentials, for accounts that have more than a page should be long.

use crate::domain::credential::Credential;
use crate::web::filters::filter_links::address;

/// How many credentials a page has.
const CARDS_PER_PAGE: usize = 25;
/// What an address calls the last credential of the page before.
const AFTER: &str = "after";

/// The credentials of one page that are not revoked, the oldest first.
pub(crate) struct CardPage<'a> {
    pub(crate) shown: Vec<&'a Credential>,
    pub(crate) links: CardLinks,
}

/// Where the pages beside it are.
#[derive(Debug, Default)]
pub(crate) struct CardLinks {
    /// How many credentials there are on all pages.
    pub(crate) total: usize,
    pub(crate) previous: Option<String>,
    pub(crate) next: Option<String>,
}

impl<'a> CardPage<'a> {
    /// The page that a query names, of a list that begins at `path`. An id that is none of the credentials' begins at the first.
    pub(crate) fn of(all: &'a [Credential], query: &[(String, String)], path: &str) -> Self {
        let live: Vec<&Credential> = all.iter().filter(|credential| credential.revoked_at.is_none()).collect();
        let after = query.iter().find(|(name, _)| name == AFTER).map_or("", |(_, value)| value.as_str());
        let begin = live.iter().position(|credential| credential.id.to_string() == after).map_or(0, |at| at + 1);
        let end = (begin + CARDS_PER_PAGE).min(live.len());
        // The page before ends with the credential before this one's first.
        let link = |end: usize| match end.checked_sub(1).and_then(|last| live.get(last)) {
            Some(last) => address(path, &[(AFTER, &last.id.to_string())]),
            None => path.to_owned(),
        };
        let links = CardLinks {
            total: live.len(),
            previous: (begin > 0).then(|| link(begin.saturating_sub(CARDS_PER_PAGE))),
            next: (end < live.len()).then(|| link(end)),
        };
        Self { shown: live[begin..end].to_vec(), links }
    }
}

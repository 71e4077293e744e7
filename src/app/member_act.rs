//! The context of an act of a member on their own account or on their own sign-in.

use crate::domain::account::Member;
use crate::domain::audit::Act;
use crate::store::connection::pool::Store;

/// In which database, whose, and who acts.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MemberAct<'a> {
    pub(crate) store: &'a Store,
    pub(crate) member: &'a Member,
    pub(crate) act: &'a Act,
}

//! Where events came from, as a search asks for it: columns beside those of an event.

use diesel::dsl::sql;
use diesel::expression::SqlLiteral;
use diesel::sql_types::Text;
use ipnet::IpNet;

use crate::domain::query::facts::EventSource;
use crate::store::connection::schema::events;

/// An address, a user agent, and the name and the username of a credential.
pub(super) type Row = (IpNet, String, String, String);
type Columns = (events::remote_ip, SqlLiteral<Text>, SqlLiteral<Text>, SqlLiteral<Text>);

pub(super) fn columns() -> Columns {
    let of_credential =
        |column: &str| sql(&format!("coalesce((select c.{column} from credentials c where c.id = credential_id), '')"));
    (events::remote_ip, sql("coalesce(user_agent, '')"), of_credential("name"), of_credential("username"))
}

pub(super) fn source((ip, agent, credential_name, username): Row) -> EventSource {
    EventSource { ip: ip.addr(), agent, credential_name, username }
}

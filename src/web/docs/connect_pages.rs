//! "Connect your tool": what every tool needs, and a page for each kind of tool.

use actix_web::{HttpResponse, web};
use askama::Template;

use crate::web::current_user::CurrentUser;
use crate::web::docs::doc_pages::{Guide, Query, page};
use crate::web::docs::tools::addresses::{CLIENTS, InAddress};
use crate::web::docs::tools::groups::{GROUPS, Group};
use crate::web::docs::tools::tool::{Sends, Setting, Tool};
use crate::web::errors::PageError;
use crate::web::page::Page;
use crate::web::responses::html;

#[derive(Template)]
#[template(path = "docs/connect.html")]
struct Connect {
    page: Page,
    guide: Guide,
}

impl Connect {
    /// The clients that treat a password in the address in this way, as a list in a sentence.
    fn clients(&self, way: InAddress) -> String {
        let names = CLIENTS.iter().filter(|(_, treats)| *treats == way).map(|(name, _)| *name);
        names.collect::<Vec<_>>().join(", ")
    }

    /// The tools that may need a setting, each with the page that it is on.
    fn tools_with(&self, setting: Setting) -> Vec<(&'static str, &'static Tool)> {
        let all = GROUPS.iter().flat_map(|group| group.tools.iter().map(|tool| (group.page, tool)));
        all.filter(|(_, tool)| tool.settings.contains(&setting)).collect()
    }
}

#[derive(Template)]
#[template(path = "docs/connect_tools.html")]
struct Tools {
    page: Page,
    guide: Guide,
    group: Group,
}

/// `GET /docs/webhooks/connect`
pub(crate) async fn connect(current_user: CurrentUser, query: web::Query<Query>) -> Result<HttpResponse, PageError> {
    let guide = Guide::filled_in(&current_user, &query.chosen).await?;
    html(&Connect { page: page(&current_user, "Connect your tool", "connect"), guide })
}

async fn tools(current_user: &CurrentUser, query: &Query, group: Group) -> Result<HttpResponse, PageError> {
    let guide = Guide::filled_in(current_user, &query.chosen).await?;
    html(&Tools { page: page(current_user, &format!("Connect: {}", group.title), group.page), guide, group })
}

/// `GET /docs/webhooks/connect-code`
pub(crate) async fn code(current_user: CurrentUser, query: web::Query<Query>) -> Result<HttpResponse, PageError> {
    let [group, _, _, _] = GROUPS;
    tools(&current_user, &query, group).await
}

/// `GET /docs/webhooks/connect-monitoring`
pub(crate) async fn monitoring(current_user: CurrentUser, query: web::Query<Query>) -> Result<HttpResponse, PageError> {
    let [_, group, _, _] = GROUPS;
    tools(&current_user, &query, group).await
}

/// `GET /docs/webhooks/connect-automation`
pub(crate) async fn automation(current_user: CurrentUser, query: web::Query<Query>) -> Result<HttpResponse, PageError> {
    let [_, _, group, _] = GROUPS;
    tools(&current_user, &query, group).await
}

/// `GET /docs/webhooks/connect-services`
pub(crate) async fn services(current_user: CurrentUser, query: web::Query<Query>) -> Result<HttpResponse, PageError> {
    let [_, _, _, group] = GROUPS;
    tools(&current_user, &query, group).await
}

//! After signing in: on to a page, or to the form that was lost with the session.

use actix_web::HttpResponse;
use askama::Template;

use crate::web::current_user::CurrentUser;
use crate::web::errors::PageError;
use crate::web::kept_form::KeptForm;
use crate::web::local_path::local_path;
use crate::web::page::Page;
use crate::web::responses::{html, see_other};

#[derive(Template)]
#[template(path = "resumed_form.html")]
struct ResumedForm {
    page: Page,
    form: KeptForm,
}

/// Where somebody goes who has just signed in.
pub(crate) fn go_on(current_user: &CurrentUser, next: &str, form: Option<KeptForm>) -> Result<HttpResponse, PageError> {
    match form {
        Some(form) => html(&ResumedForm { page: current_user.page("Send the form"), form }),
        None => Ok(see_other(local_path(next).unwrap_or("/events"))),
    }
}

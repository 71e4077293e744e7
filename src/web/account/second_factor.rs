//! Settings → Account → Two-step sign-in: turning it on with a QR code and a first code, new recovery codes, and turning it off.
//! Recovery codes stand in the one answer that made them.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use askama::Template;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use uuid::Uuid;

use crate::app::propose_second_factor::{Proposal, propose_second_factor, recognise_proposal};
use crate::app::renew_recovery_codes::{RenewError, renew_recovery_codes};
use crate::app::turn_off_second_factor::{Authority, turn_off_second_factor};
use crate::app::turn_on_second_factor::{TurnOnError, turn_on_second_factor};
use crate::domain::second_factor::{GivenCode, RECOVERY_CODES, RecoveryCode};
use crate::domain::secret::Secret;
use crate::store::tables::second_factors::{self, FactorRecord};
use crate::web::account::qr::{self, QrPicture};
use crate::web::account::{details, notice_words};
use crate::web::confirm::{Given, check};
use crate::web::current_user::SignedIn;
use crate::web::errors::PageError;
use crate::web::format::When;
use crate::web::forms::{Submitted, id_or_new};
use crate::web::notice::{AccountNotice, Notice, NoticeWords, SecondFactorNotice};
use crate::web::page::Page;
use crate::web::responses::{html, html_invalid, html_throttled};
use crate::web::sign_in_attempts::TooMany;

/// The address of this page.
const PATH: &str = "/settings/account/second-factor";

/// The page while it is off.
#[derive(Template)]
#[template(path = "second_factor_new.html")]
struct New {
    page: Page,
    /// The operator asks everybody for it.
    is_required: bool,
    notice: Option<NoticeWords>,
    qr: QrPicture,
    /// The secret for typing. It exists in this page and, once a code has come, sealed in the database.
    setup_key: Secret,
    /// What the QR code says, for an app on the same device.
    uri: Secret,
    /// The same, sealed, so that the form brings it back.
    sealed: String,
    code_error: Option<&'static str>,
}

/// The page while it is on.
#[derive(Template)]
#[template(path = "second_factor.html")]
struct Show {
    page: Page,
    email: String,
    since: When,
    codes_left: usize,
    codes_made: usize,
    /// Makes sending the form for new codes twice harmless.
    codes_id: Uuid,
    password_error: Option<String>,
    code_error: Option<String>,
}

/// The page that shows recovery codes, this once; without them, what the same form gets when it is sent again.
#[derive(Template)]
#[template(path = "recovery_codes.html")]
struct Codes {
    page: Page,
    shown: Option<ShownCodes>,
    /// It has been turned on just now.
    is_new: bool,
}

struct ShownCodes {
    lines: Vec<Secret>,
    file: Secret,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewForm {
    sealed: String,
    code: Secret,
    /// Read on the way here, when it was needed.
    #[serde(default, rename = "current_password")]
    _password: Option<Secret>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CodesForm {
    #[serde(default)]
    id: Option<String>,
    /// Read on the way here, when it was needed.
    #[serde(default, rename = "current_password")]
    _password: Option<Secret>,
    #[serde(default, rename = "confirmation_code")]
    _code: Option<Secret>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RemovalForm {
    current_password: Secret,
    code: Secret,
}

fn new_page(current_user: &SignedIn, proposal: &Proposal) -> Result<New, PageError> {
    let uri = proposal.secret.uri(&current_user.member.email);
    Ok(New {
        page: current_user.page("Two-step sign-in").at("settings", "account"),
        notice: None,
        is_required: current_user.state().requires_second_factor,
        qr: qr::draw(&uri)?,
        uri,
        setup_key: proposal.secret.grouped(),
        sealed: proposal.sealed.clone(),
        code_error: None,
    })
}

async fn find(current_user: &SignedIn) -> Result<Option<FactorRecord>, PageError> {
    Ok(second_factors::find(&mut *current_user.state().store.connection().await?, current_user.member.user_id).await?)
}

fn show_page(current_user: &SignedIn, factor: FactorRecord) -> Show {
    Show {
        page: current_user.page("Two-step sign-in").at("settings", "account"),
        email: current_user.member.email.clone(),
        since: When::minute(factor.turned_on_at, current_user.now()),
        codes_left: factor.codes_left,
        codes_made: RECOVERY_CODES,
        codes_id: Uuid::new_v4(),
        password_error: None,
        code_error: None,
    }
}

/// `GET /settings/account/second-factor`
pub(crate) async fn show(current_user: SignedIn) -> Result<HttpResponse, PageError> {
    match find(&current_user).await? {
        Some(factor) => html(&show_page(&current_user, factor)),
        None => {
            let proposal = propose_second_factor(&current_user.state().keys, current_user.member.user_id)?;
            let mut template = new_page(&current_user, &proposal)?;
            let notice = current_user.take_notice(Notice::second_factor);
            template.notice = notice.map(|notice| notice_words::of_second_factor(&notice));
            html(&template)
        }
    }
}

/// `POST /settings/account/second-factor`, behind the question for the password.
pub(crate) async fn create(
    current_user: SignedIn,
    Submitted(form): Submitted<NewForm>,
) -> Result<HttpResponse, PageError> {
    let (state, input) = (current_user.state(), GivenCode::read(&form.code));
    let Some(proposal) = recognise_proposal(&state.keys, current_user.member.user_id, &form.sealed) else {
        // The form of another user, or of a server that was set up anew since.
        let mut template = new_page(&current_user, &propose_second_factor(&state.keys, current_user.member.user_id)?)?;
        template.code_error = Some("This page was too old. Scan the QR code again, which is a new one.");
        return html_invalid(&template);
    };
    let (kept, act) = (current_user.current_user.session_id, current_user.act());
    match turn_on_second_factor(current_user.acting(&act), &state.keys, kept, &proposal.secret, &input).await {
        Ok(codes) => codes_page(&current_user, &codes, true),
        Err(TurnOnError::AlreadyOn) => codes_shown_before(&current_user),
        Err(TurnOnError::WrongCode) => {
            let mut template = new_page(&current_user, &proposal)?;
            template.code_error =
                Some("That code doesn’t match. Check your phone’s clock, then enter the code it shows now.");
            html_invalid(&template)
        }
        Err(TurnOnError::Failed(failure)) => Err(failure.into()),
    }
}

/// `POST /settings/account/second-factor/recovery-codes`, behind the question for the password.
pub(crate) async fn renew_codes(
    current_user: SignedIn,
    Submitted(form): Submitted<CodesForm>,
) -> Result<HttpResponse, PageError> {
    let (state, id) = (current_user.state(), id_or_new(form.id.as_deref()));
    match renew_recovery_codes(&state.store, &state.keys, &current_user.member, id, &current_user.act()).await {
        Ok(codes) => codes_page(&current_user, &codes, false),
        Err(RenewError::NothingToRenew) if find(&current_user).await?.is_some() => codes_shown_before(&current_user),
        Err(RenewError::NothingToRenew) => Ok(already_off(&current_user)),
        Err(RenewError::Failed(failure)) => Err(failure.into()),
    }
}

/// The answer to a form of a page that was open for long.
fn already_off(current_user: &SignedIn) -> HttpResponse {
    current_user.redirect_with(PATH, Notice::SecondFactor(SecondFactorNotice::AlreadyOff))
}

/// `POST /settings/account/second-factor/removal`
pub(crate) async fn destroy(
    current_user: SignedIn,
    Submitted(form): Submitted<RemovalForm>,
) -> Result<HttpResponse, PageError> {
    let Some(factor) = find(&current_user).await? else { return Ok(already_off(&current_user)) };
    let mut template = show_page(&current_user, factor);
    // The password first: a code that was looked at is used up.
    let attempt = match check(&current_user.current_user, &current_user.member, &form.current_password).await? {
        Given::Right(attempt) => attempt.and_at_code(&current_user.member).await,
        Given::Wrong => {
            template.password_error = Some("This isn’t your account password.".to_owned());
            return html_invalid(&template);
        }
        Given::TooMany { seconds } => Err(TooMany { seconds }),
    };
    let attempt = match attempt {
        Ok(attempt) => attempt,
        Err(TooMany { seconds }) => {
            let problem = format!("Too many wrong codes or passwords. Wait {seconds} seconds, then try again.");
            template.code_error = Some(problem);
            return html_throttled(&template, seconds);
        }
    };
    let input = GivenCode::read(&form.code);
    let authority = Authority::User { input: &input, keys: &current_user.state().keys };
    if turn_off_second_factor(&current_user.state().store, &current_user.member, authority, &current_user.act()).await?
    {
        attempt.was_right();
        return Ok(details::done(&current_user, AccountNotice::SecondFactorOff));
    }
    template.code_error = Some("That code doesn’t match. Each code works once: wait for the next one.".to_owned());
    html_invalid(&template)
}

fn codes_page(current_user: &SignedIn, codes: &[RecoveryCode], is_new: bool) -> Result<HttpResponse, PageError> {
    let lines: Vec<Secret> = codes.iter().map(RecoveryCode::grouped).collect();
    let host = current_user.state().host();
    let mut file = format!(
        "Recovery codes of {} for Reasoner Webhooks on {host}. Each works once.\n\n",
        current_user.member.email
    );
    for line in &lines {
        file.push_str(line.reveal());
        file.push('\n');
    }
    let file = Secret::new(file);
    let encoded = utf8_percent_encode(file.reveal(), NON_ALPHANUMERIC);
    let file = Secret::new(format!("data:text/plain;charset=utf-8,{encoded}"));
    let template = Codes {
        page: current_user.page("Your recovery codes").at("settings", "account"),
        shown: Some(ShownCodes { lines, file }),
        is_new,
    };
    html(&template)
}

/// Somebody sent the form again: what it made exists, and no code is shown twice.
fn codes_shown_before(current_user: &SignedIn) -> Result<HttpResponse, PageError> {
    let template = Codes {
        page: current_user.page("You’ve already sent this form").at("settings", "account"),
        shown: None,
        is_new: false,
    };
    let body = template.render()?;
    Ok(HttpResponse::build(StatusCode::CONFLICT).content_type("text/html; charset=utf-8").body(body))
}

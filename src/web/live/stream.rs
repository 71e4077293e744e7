//! The SSE connection of one subscriber.
//!
//! The live connection of one reader: what its feed finds, from the position on that the reader has reached.

use std::time::Duration;

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, web};
use futures_util::stream;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;

use crate::domain::ids::SessionId;
use crate::domain::position::Position;
use crate::store::connection::error::StoreError;
use crate::store::tables::credentials;
use crate::web::current_user::SignedIn;
use crate::web::errors::PageError;
use crate::web::filters::list_filters::{Filters, Query};
use crate::web::live::feed::{News, Piece, second_of};
use crate::web::live::feeds::{Feeds, Subscription};
use crate::web::live::message::Text;
use crate::web::live::reading::MOST_COUNTED;
use crate::web::middleware::client_disconnect::EndsWithConnection;

/// Something is said this often, so that both ends and everything between them know that the connection lives.
const SIGN_OF_LIFE_EVERY: Duration = Duration::from_secs(25);

struct Stream {
    subscription: Subscription,
    chunks: Receiver<Piece>,
    position: Position,
    opening: Option<web::Bytes>,
    _ends_with_connection: EndsWithConnection,
    /// How many events the feed had told of when this reader heard of it last.
    told: usize,
}

/// `GET /events/live`
pub(crate) async fn show(
    current_user: Result<SignedIn, PageError>,
    request: HttpRequest,
    feeds: web::Data<Feeds>,
    query: web::Query<Query>,
) -> Result<HttpResponse, PageError> {
    let current_user = match current_user {
        // The page of somebody who signed out elsewhere connects again by itself. A way to a form is nothing that its script could
        // follow; this answer says that there is nothing to read, and complains of nothing in the browser's console.
        Err(PageError::SignInRequired { .. }) if is_script(&request) => return Ok(HttpResponse::NoContent().finish()),
        current_user => current_user?,
    };
    // A browser that has left gives its place back at once, and not when the next piece can't be sent.
    let ends_with_connection = EndsWithConnection::new(&request);
    if ends_with_connection.is_over() {
        return Ok(HttpResponse::NoContent().finish());
    }
    let account = current_user.member.account_id;
    let credentials = credentials::list(&mut *current_user.state().store.connection().await?, account).await?;
    let filters = Filters::new(&query, &credentials, current_user.now()).keeping(current_user.kept_since());
    if let Some(problem) = filters.error {
        return Err(PageError::BadRequest(problem));
    }
    if current_user.state().is_draining() {
        return Err(PageError::unavailable());
    }
    let header = request.headers().get("last-event-id").and_then(|value| value.to_str().ok());
    // Nobody has no session here; the id that none has ends with the first look at it.
    let session = current_user.current_user.session_id.unwrap_or(SessionId(uuid::Uuid::nil()));
    let subscription = feeds
        .into_inner()
        .enter(account, (filters, current_user.current_user.clock.clone()), session)
        .map_err(PageError::TooManyLivePages)?;
    let resumed = subscription.feed.reading.cursors.read(header.unwrap_or(&query.last_event_id));
    let state = Stream::begin(subscription, resumed, ends_with_connection).await?;
    let body = stream::unfold(state, |mut state| async move {
        let text = state.next().await?;
        Some((Ok::<_, std::convert::Infallible>(text), state))
    });
    Ok(HttpResponse::Ok()
        .content_type("text/event-stream")
        .insert_header((header::CACHE_CONTROL, "no-store"))
        // A proxy that gathers would hold the events back.
        .insert_header(("X-Accel-Buffering", "no"))
        .streaming(body))
}

/// Whether the script of a page asks, and not somebody who went to the address.
fn is_script(request: &HttpRequest) -> bool {
    request.headers().get("sec-fetch-mode").is_some_and(|mode| mode != "navigate")
}

impl Stream {
    /// Joins the feed. What a reader who comes back has missed stands in the opening.
    async fn begin(
        subscription: Subscription,
        resumed: Option<Position>,
        _ends_with_connection: EndsWithConnection,
    ) -> Result<Self, StoreError> {
        let refused_since = resumed.as_ref().map(|position| second_of(position.at.received_at()));
        let joined = subscription.feed.join(&subscription.state, refused_since).await?;
        let mut text = Text::opening();
        if let Some(from) = resumed {
            let (reading, now) = (&subscription.feed.reading, subscription.state.clock.now());
            let missed = async |conn: &mut _| reading.news(conn, &from, &joined.position, &joined.until, now).await;
            let (news, _) = reading.on_connection(&subscription.state.store, missed).await?;
            text.0.push_str(&news.0);
        }
        for one in &joined.refused {
            text.rejected(one, &subscription.feed.reading.page, subscription.state.clock.now());
        }
        text.reached(&subscription.feed.reading.cursors.write(&joined.position));
        let opening = Some(web::Bytes::from(text.0));
        Ok(Self {
            chunks: joined.chunks,
            position: joined.position,
            told: joined.told,
            opening,
            subscription,
            _ends_with_connection,
        })
    }

    /// The next piece; `None` when the session or the program ends, so that the browser asks again, here or elsewhere.
    async fn next(&mut self) -> Option<web::Bytes> {
        if let Some(opening) = self.opening.take() {
            return Some(opening);
        }
        let subscriber = self.subscription.subscriber.clone();
        let chunk = loop {
            tokio::select! {
                chunk = self.chunks.recv() => match chunk {
                    // The browser did not read for so long that pieces were dropped. The next one says how many events these had.
                    Err(RecvError::Lagged(_)) => {}
                    Err(RecvError::Closed) => return None,
                    Ok(chunk) => break Some(chunk),
                },
                () = subscriber.ended() => return None,
                () = tokio::time::sleep(SIGN_OF_LIFE_EVERY) => break None,
            }
        };
        if subscriber.has_ended() || self.subscription.state.is_draining() {
            return None;
        }
        match chunk {
            Some(Piece::News(news)) => Some(self.pass_on(*news)),
            Some(Piece::End) => None,
            None => Some(self.sign_of_life()),
        }
    }

    fn pass_on(&mut self, news: News) -> web::Bytes {
        let missed = news.before.saturating_sub(self.told);
        (self.position, self.told) = (news.position, news.after);
        if missed == 0 {
            return news.text;
        }
        let mut text = Text::default();
        text.skipped(missed.min(MOST_COUNTED), missed > MOST_COUNTED, &news.from);
        web::Bytes::from([text.0.as_bytes(), &news.text].concat())
    }

    fn sign_of_life(&mut self) -> web::Bytes {
        // In this order: what was sent until that position has then been received.
        if let Some(reached) = self.subscription.feed.reached()
            && self.chunks.is_empty()
        {
            self.position = reached;
        }
        let mut text = Text::default();
        text.reached(&self.subscription.feed.reading.cursors.write(&self.position));
        web::Bytes::from(text.0)
    }
}

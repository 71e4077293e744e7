//! Refuses writes that another site makes a browser send. Browsers say where a request comes from in `Sec-Fetch-Site`; older ones
//! say it in `Origin`; a request with neither is refused too.

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::{Method, header};
use actix_web::middleware::Next;
use actix_web::{Error, web};

use crate::web::errors::PageError;
use crate::web::site::Site;

/// The layer, on every page and every unsafe method.
pub async fn layer(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let safe = matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    if safe || is_own(&request) {
        return next.call(request).await.map(ServiceResponse::map_into_left_body);
    }
    let (request, _) = request.into_parts();
    Ok(ServiceResponse::from_err(PageError::CrossSite, request).map_into_right_body())
}

fn is_own(request: &ServiceRequest) -> bool {
    let header = |name: &str| request.headers().get(name).map(|value| value.to_str().unwrap_or(""));
    if let Some(site) = header("sec-fetch-site") {
        return matches!(site, "same-origin" | "none");
    }
    let own = request.app_data::<web::Data<Site>>().map(|site| site.public_url.as_str());
    own.is_some() && header(header::ORIGIN.as_str()) == own
}

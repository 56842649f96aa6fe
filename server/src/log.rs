//! What is written to standard error: one line per failed or slow request, every request if asked
//! for. Never a query string (values), a header or a body.

use crate::config::{Format, Logging};
use actix_web::dev::ServiceResponse;
use std::time::Duration;
use tracing_subscriber::EnvFilter;

/// Sends events to standard error from here on.
pub fn start(logging: Logging) {
    // The driver writes notices of PostgreSQL and, below that, statements: those stay out.
    let filter = EnvFilter::new(format!(
        "{},tokio_postgres=warn,actix_server=warn,actix_http=warn,mio=warn",
        logging.level
    ));
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(false)
        .with_target(false)
        .with_writer(std::io::stderr);
    match logging.format {
        Format::Text => lines.init(),
        Format::Json => lines.json().flatten_event(true).init(),
    }
    std::panic::set_hook(Box::new(|panic| {
        // Where, not what: the message of a panic may hold a value.
        let place = panic.location().map(ToString::to_string);
        tracing::error!(place = place.as_deref().unwrap_or("unknown"), "panic");
    }));
}

/// The line of one request.
pub fn request<B>(
    response: &ServiceResponse<B>,
    request_id: &str,
    reason: Option<&str>,
    took: Duration,
    logging: Option<Logging>,
) {
    let Some(logging) = logging else { return };
    let status = response.status();
    let slow = took >= logging.slow_request;
    if !status.is_server_error() && !slow && !logging.access_log && reason.is_none() {
        return;
    }
    let method = response.request().method().as_str();
    let path = response.request().path();
    let microseconds = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
    let status_code = status.as_u16();
    let reason = reason.unwrap_or("");
    macro_rules! line {
        ($level:ident, $text:literal) => {
            tracing::$level!(
                request_id,
                method,
                path,
                status = status_code,
                microseconds,
                reason,
                $text
            )
        };
    }
    if status.is_server_error() {
        line!(error, "request failed");
    } else if slow {
        line!(warn, "request was slow");
    } else if logging.access_log {
        line!(info, "request");
    } else {
        line!(debug, "request refused");
    }
}

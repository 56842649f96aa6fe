//! Who may pass. One function, in statement order: how large, then who, how often, then the bytes themselves.
//!
//! A declared length above the limit is refused before anything else is looked at, and a bad
//! credential before its body is read. A bad credential counts as a request: otherwise guessing
//! tokens would be the one thing without a limit. A body without a declared length is counted as it arrives.

use crate::app::Worker;
use crate::auth;
use crate::authenticate::{Refused, authenticate};
use crate::caller::Caller;
use crate::catalog::look_for_key;
use crate::client::{ClientAddress, NOWHERE};
use crate::clock;
use crate::cookies::{self, Cookies};
use crate::error::Failure;
use crate::graphql;
use crate::limit::rules::{Asker, Counted, KnownKey};
use crate::limit::window::Verdict;
use actix_web::body::{EitherBody, MessageBody};
use actix_web::dev::{Payload, ServiceRequest, ServiceResponse};
use actix_web::http::Method;
use actix_web::http::header::{CONTENT_LENGTH, HeaderValue, TRANSFER_ENCODING};
use actix_web::middleware::Next;
use actix_web::{Error, FromRequest, HttpMessage, HttpRequest, web};
use bytes::{Bytes, BytesMut};
use fluxbase_rules::token::fingerprint;
use fluxbase_rules::{DatabaseRole, UnixSeconds};
use futures_util::StreamExt;
use std::future::{Ready, ready};
use std::net::IpAddr;
use std::time::Duration;

/// What a handler behind the gate may use of the request's body and credentials.
pub struct Passed {
    /// Who asks. On the public account endpoints nobody: credentials are not looked at there.
    pub caller: Option<Caller>,
    /// The whole body, within its limit.
    pub body: Bytes,
}

impl Passed {
    /// The caller of an endpoint that has one.
    ///
    /// # Errors
    /// On a public endpoint, where asking is a bug of ours.
    pub fn caller(&self) -> Result<&Caller, Failure> {
        self.caller
            .as_ref()
            .ok_or(Failure::Internal("a public endpoint asked for its caller"))
    }
}

/// The groups of routes that are guarded differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Door {
    /// Tables and functions, on all mounts.
    Tables,
    /// Account endpoints that make a caller out of nobody.
    PublicAccount,
    /// Account endpoints of a signed-in user, and everything else below /api/v1.
    Account,
}

impl Door {
    fn of(path: &str) -> Self {
        const TABLES: [&str; 3] = ["/api/v1/tables/", "/api/v1/rpc/", "/rest/v1/"];
        if TABLES.iter().any(|root| path.starts_with(root)) || graphql::PATHS.contains(&path) {
            return Self::Tables;
        }
        if path.strip_prefix("/api/v1").is_some_and(auth::is_public) {
            return Self::PublicAccount;
        }
        Self::Account
    }

    fn endpoint_type(self) -> &'static str {
        match self {
            Self::Tables => "rest",
            Self::PublicAccount | Self::Account => "auth",
        }
    }
}

/// The inner of the two layers around every handler below /api/v1, /rest/v1 and /graphql/v1. A refusal is a response that
/// still holds its [`Failure`]; the outer layer writes the body.
///
/// # Errors
/// Those of the handler.
pub async fn gate(
    mut request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<EitherBody<impl MessageBody>>, Error> {
    match admit(&mut request).await {
        Ok(passed) => {
            request.extensions_mut().insert(passed);
            Ok(next.call(request).await?.map_into_left_body())
        }
        Err(failure) => {
            // Not `request.into_response`, which forgets the failure.
            let (http, _) = request.into_parts();
            Ok(ServiceResponse::from_err(failure, http).map_into_right_body())
        }
    }
}

async fn admit(request: &mut ServiceRequest) -> Result<Passed, Failure> {
    let worker = request
        .app_data::<web::Data<Worker>>()
        .cloned()
        .ok_or(Failure::Internal("the worker has no state"))?;
    let server = &worker.shared.config.server;
    // The decoded path, by which the route was found: /auth/sign%69n is /auth/signin.
    let path = request.match_info().as_str();
    let door = Door::of(path);
    let limit = match door {
        Door::Tables => server.rest_limit,
        Door::PublicAccount | Door::Account => server.auth_limit,
    };

    let too_large = || Failure::BodyTooLarge {
        limit,
        endpoint_type: door.endpoint_type(),
    };
    let declared = declared_length(request);
    if declared.is_some_and(|length| length > limit as u64) {
        return Err(too_large());
    }

    let now = clock::now();
    let cookies = worker.shared.cookies.as_ref();
    let cookie = cookies
        .and_then(|_| cookies::read(request.headers(), cookies::ACCESS))
        .and_then(|token| HeaderValue::from_str(token).ok());
    let judged = || {
        authenticate(
            request.headers(),
            cookie.as_ref(),
            now,
            &worker.shared.keys.load(),
            &mut worker.verified.borrow_mut(),
        )
    };
    let caller = match door {
        Door::PublicAccount => None,
        Door::Tables | Door::Account => Some(match judged() {
            Err(Refused::UnknownKey) => {
                // In a box: it is rare, and every request would be as large.
                let unknown = || judged().err() == Some(Refused::UnknownKey);
                Box::pin(look_for_key(&worker, unknown)).await;
                judged()
            }
            known => known,
        }),
    };

    // Before a browser asks, it asks whether it may: that is not the request.
    if worker.shared.limiter.is_on() && request.method() != Method::OPTIONS {
        let asks = Asks {
            request,
            worker: &worker,
            path,
            public: door == Door::PublicAccount,
            now,
        };
        match &caller {
            Some(caller) => asks.count(caller.as_ref().ok()).await?,
            // A backend signs many people in from one address; its key is looked at for this alone.
            None if !asks.counted(Asker::Anybody).is_empty() => {
                asks.count(judged().ok().as_ref()).await?;
            }
            None => {}
        }
    }
    let caller = caller.transpose()?;
    if let (Some(caller), Some(cookies)) = (&caller, cookies)
        && caller.by_cookie()
    {
        require_csrf_token(request, caller, cookies)?;
    }

    let has_body = declared.is_some_and(|length| length > 0)
        || request.headers().contains_key(TRANSFER_ENCODING);
    let body = if has_body {
        read(
            request.take_payload(),
            limit,
            server.read_timeout,
            too_large,
        )
        .await?
    } else {
        Bytes::new()
    };
    Ok(Passed { caller, body })
}

/// A request that is about to be counted.
struct Asks<'a> {
    request: &'a ServiceRequest,
    worker: &'a Worker,
    path: &'a str,
    /// No credential is looked at here.
    public: bool,
    now: UnixSeconds,
}

impl Asks<'_> {
    /// Counts it, and refuses it when it is one too many. `caller` is whoever shows a credential that may be good.
    async fn count(&self, caller: Option<&Caller>) -> Result<(), Failure> {
        let Some(caller) = caller else {
            return self.take(&self.counted(Asker::Anybody));
        };
        let Some(key) = caller.key().and_then(fingerprint) else {
            return self.take(&self.counted(asker(caller)));
        };
        let keys = &self.worker.shared.limiter.keys;
        let generation = match keys.get(&key) {
            Ok(known) => return self.take(&self.counted(Asker::Key(known))),
            Err(generation) => generation,
        };
        // Anybody can invent keys, so they are not looked up without end.
        let limiter = &self.worker.shared.limiter;
        let known = match limiter.may_look_up(self.client(), self.now) {
            // In a box, as above.
            true => Box::pin(key_limits(self.worker, &key)).await,
            false => None,
        };
        let asker = match known {
            Some(known) => {
                keys.put(key, known, generation);
                Asker::Key(known)
            }
            None => Asker::Anybody,
        };
        self.take(&self.counted(asker))
    }

    fn counted(&self, asker: Asker) -> Vec<Counted> {
        let asker = match self.public {
            true => asker.at_a_public_door(),
            false => asker,
        };
        let limiter = &self.worker.shared.limiter;
        limiter.counted(self.path, &asker, self.client())
    }

    fn client(&self) -> IpAddr {
        let client = self.request.extensions().get::<ClientAddress>().copied();
        client.unwrap_or(ClientAddress(NOWHERE)).0
    }

    /// Leaves where the caller stands for the outer layer to tell.
    fn take(&self, counted: &[Counted]) -> Result<(), Failure> {
        let Some(verdict) = self.worker.shared.limiter.judge(counted, self.now) else {
            return Ok(());
        };
        let mut extensions = self.request.extensions_mut();
        extensions.insert(verdict.standing());
        match verdict {
            Verdict::Passes(_) => Ok(()),
            Verdict::Refused { retry_after, .. } => Err(Failure::RateLimited { retry_after }),
        }
    }
}

/// Who a token that verifies speaks of.
fn asker(caller: &Caller) -> Asker {
    match (caller.role(), caller.user()) {
        _ if caller.is_administrator() => Asker::Administrator,
        (DatabaseRole::ServiceRole, _) => Asker::Service,
        (DatabaseRole::Authenticated, Some(user)) => Asker::User(user),
        (DatabaseRole::Authenticated | DatabaseRole::Anon, _) => Asker::Anybody,
    }
}

/// What the database knows of a key; `None` for one it does not know, and while it does not answer.
async fn key_limits(worker: &Worker, key: &[u8; 32]) -> Option<KnownKey> {
    const SQL: &str =
        "select auth.key_limits(pg_catalog.decode($1::pg_catalog.text, 'hex'))::pg_catalog.text";
    let hex: String = key.iter().map(|byte| format!("{byte:02x}")).collect();
    let answer = worker.db.call(SQL, &[Some(&hex)]).await.ok()?;
    KnownKey::read(&answer.bytes(0).ok()??)
}

/// A cookie alone changes nothing: any site can make a browser send it.
fn require_csrf_token(
    request: &ServiceRequest,
    caller: &Caller,
    cookies: &Cookies,
) -> Result<(), Failure> {
    if request.method().is_safe() {
        return Ok(());
    }
    let sent = request
        .headers()
        .get(cookies::CSRF_HEADER)
        .and_then(|header| header.to_str().ok());
    match sent {
        None => Err(Failure::CsrfMissing {
            cookie: cookies
                .csrf_token(caller.session())
                .and_then(|token| cookies.csrf(&token)),
        }),
        // The same as in the cookie, which other sites cannot read, and ours, for this session.
        Some(token)
            if cookies::read(request.headers(), cookies::CSRF) == Some(token)
                && cookies.csrf_holds(token, caller.session()) =>
        {
            Ok(())
        }
        Some(_) => Err(Failure::CsrfWrong),
    }
}

fn declared_length(request: &ServiceRequest) -> Option<u64> {
    request
        .headers()
        .get(CONTENT_LENGTH)?
        .to_str()
        .ok()?
        .parse()
        .ok()
}

async fn read(
    mut payload: Payload,
    limit: usize,
    time: Duration,
    too_large: impl Fn() -> Failure,
) -> Result<Bytes, Failure> {
    let whole = async {
        let mut whole = BytesMut::new();
        while let Some(chunk) = payload.next().await {
            let chunk = chunk.map_err(|error| Failure::BodyBroken(error.to_string()))?;
            if chunk.len() > limit - whole.len().min(limit) {
                return Err(too_large());
            }
            whole.extend_from_slice(&chunk);
        }
        Ok(whole.freeze())
    };
    tokio::time::timeout(time, whole)
        .await
        .unwrap_or(Err(Failure::BodySlow))
}

/// A handler takes what the gate let through; without the gate there is nothing to take.
impl FromRequest for Passed {
    type Error = Failure;
    type Future = Ready<Result<Self, Failure>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let passed = request.extensions_mut().remove::<Self>();
        ready(passed.ok_or(Failure::Internal("a route stands outside the gate")))
    }
}

#[cfg(test)]
mod tests;

//! Account endpoints: one SQL call each. The database decides; here only the form of the request is looked at and the
//! answer is given its status.

mod acts;
mod body;

pub use acts::{ACTS, Act, Arg, Door};

use crate::app::{RequestId, Worker};
use crate::client::ClientAddress;
use crate::config::Transport;
use crate::cookies::{self, Cookies};
use crate::db::{Answer, DbError};
use crate::error::{Account, Failure};
use crate::gate::Passed;
use crate::reply::json;
use actix_web::http::StatusCode;
use actix_web::http::header::{CACHE_CONTROL, HeaderValue, SET_COOKIE, USER_AGENT};
use actix_web::{HttpMessage, HttpRequest, HttpResponse, web};
use acts::Kind;
use body::Body;
use bytes::Bytes;
use fluxbase_compiler::plan::Access;
use fluxbase_compiler::sql::Statement;
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// An endpoint and its statement, made once.
#[derive(Clone)]
pub struct Prepared {
    act: &'static Act,
    sql: std::sync::Arc<str>,
}

impl Prepared {
    /// Of a row of the table.
    #[must_use]
    pub fn new(act: &'static Act) -> Self {
        Self {
            act,
            sql: act.sql().into(),
        }
    }
}

/// Whether this path, below `/api/v1`, is one whose credentials are not looked at.
#[must_use]
pub fn is_public(path: &str) -> bool {
    STATIC.contains(&path)
        || ACTS
            .iter()
            .any(|act| act.door == Door::Public && act.path == path)
}

/// Public endpoints that need no database.
const STATIC: [&str; 3] = [
    "/auth/captcha/config",
    "/auth/captcha/check",
    "/auth/signin/idtoken",
];

/// Answers one request to an account endpoint.
///
/// # Errors
/// Refusals of the account function, and of the database.
pub async fn run(
    prepared: &Prepared,
    http: &HttpRequest,
    passed: &Passed,
    worker: &Worker,
) -> Result<HttpResponse, Failure> {
    let act = prepared.act;
    let mails = !matches!(worker.shared.config.email.transport, Transport::None);
    let body = Body::read(&passed.body)?;
    if act.args.contains(&Arg::Mailbox) && body.text("email")?.is_none() && body.has("phone") {
        return Err(Failure::NoSms);
    }
    if act.kind == Kind::Mail && !mails {
        return Err(Failure::NoMail);
    }
    let mut context = context(http, &body)?;
    let waiting = match act.door {
        Door::Setup => challenge(passed, &body)?,
        Door::Public | Door::Own => None,
    };
    let as_login = act.door == Door::Public || waiting.is_some();
    if let Some(token) = waiting {
        context.insert("mfa_token".into(), token.into());
    }
    let cookies = worker.shared.cookies.as_ref();
    if as_login
        && cookies.is_some()
        && act.may_sign_in()
        && let Some(token) = cookies::read(http.headers(), cookies::REFRESH)
    {
        // The answer overwrites this cookie, and with it the only way to end that session from here.
        context.insert("replaces".into(), token.into());
    }
    let arguments = arguments(act, http, &body, context, cookies, mails)?;
    if as_login {
        let parameters: Vec<Option<&str>> = arguments.iter().map(Option::as_deref).collect();
        let answer = worker.db.call(&prepared.sql, &parameters).await;
        let failed = |error| Failure::Database {
            error,
            anonymous: true,
        };
        return answered(act, &answer.map_err(failed)?, true, worker);
    }
    let caller = passed.caller()?;
    let anonymous = caller.is_anonymous();
    let statement = statement(prepared, arguments);
    let answer = worker
        .db
        .run_as(caller, &statement, act.scope())
        .await
        .map_err(|error| Failure::of_run(error, anonymous, act.scope()))?;
    answered(act, &answer, anonymous, worker)
}

/// The token of a sign-in that waits for a second factor to be set up, sent as a bearer or in the body.
fn challenge(passed: &Passed, body: &Body) -> Result<Option<String>, Failure> {
    if let Some(caller) = &passed.caller {
        if let Some(token) = caller.challenge() {
            return Ok(Some(token.to_owned()));
        }
        if caller.token().is_some() && !caller.is_anonymous() {
            return Ok(None);
        }
    }
    body.text("mfa_token")
}

/// A statement for `run_as`, which binds texts; null arguments are written into it.
fn statement(prepared: &Prepared, arguments: Vec<Option<String>>) -> Statement {
    let mut sql = prepared.sql.to_string();
    // From the last: `$1` is the beginning of `$10`.
    let mut params = Vec::new();
    let nulls: Vec<usize> = (1..=arguments.len())
        .filter(|number| arguments.get(number - 1).is_some_and(Option::is_none))
        .collect();
    for number in nulls.iter().rev() {
        sql = sql.replace(&format!("${number}::"), "null::");
    }
    let mut next = 0;
    for (place, argument) in arguments.into_iter().enumerate() {
        if let Some(text) = argument {
            next += 1;
            sql = sql.replace(&format!("${}::", place + 1), &format!("${next}::"));
            params.push(text);
        }
    }
    let access = match prepared.act.kind {
        Kind::Read => Access::ReadOnly,
        Kind::Write | Kind::Mail | Kind::Link => Access::ReadWrite,
    };
    Statement::of_text(sql, params, access)
}

fn arguments(
    act: &Act,
    http: &HttpRequest,
    body: &Body,
    context: Map<String, Value>,
    cookies: Option<&Cookies>,
    mails: bool,
) -> Result<Vec<Option<String>>, Failure> {
    let mut missing = Vec::new();
    let mut arguments = Vec::with_capacity(act.args.len());
    let mut context = Some(context);
    for arg in act.args {
        arguments.push(match *arg {
            Arg::Text(name) => required(body, name, &mut missing)?,
            Arg::Mailbox => required(body, "email", &mut missing)?,
            Arg::Flag(name) => Some(body.flag(name)?.unwrap_or(false).to_string()),
            Arg::NewUser => Some(body.whole_with((!mails).then_some("skip_email"))),
            Arg::RefreshToken => {
                let text = body.text("refresh_token")?.filter(|text| !text.is_empty());
                let text = text.or_else(|| {
                    cookies
                        .and_then(|_| cookies::read(http.headers(), cookies::REFRESH))
                        .map(str::to_owned)
                });
                if text.is_none() {
                    missing.push("refresh_token");
                }
                text
            }
            Arg::Optional(name) => body.text(name)?,
            Arg::Uuid(name) => match body.text(name)? {
                Some(text) => Some(uuid(&text, name)?),
                None => None,
            },
            Arg::Code => {
                let code = body.code()?.filter(|code| !code.is_empty());
                if code.is_none() {
                    missing.push("code");
                }
                code
            }
            Arg::Object(name) => Some(body.object(name)?.unwrap_or("{}").to_owned()),
            Arg::Body => Some(body.whole()),
            Arg::Only(name) => required(body, name, &mut missing)?
                .map(|text| serde_json::json!({ name: text }).to_string()),
            Arg::Query => Some(query(http)?),
            Arg::PathId => {
                let id = http.match_info().get("id").unwrap_or_default();
                Some(uuid(id, "id")?)
            }
            Arg::Context => Some(Value::Object(context.take().unwrap_or_default()).to_string()),
            Arg::Word(word) => Some(word.to_owned()),
        });
    }
    match missing.as_slice() {
        [] => Ok(arguments),
        [one] => Err(Failure::malformed(format!("The field {one} is required"))),
        several => Err(Failure::malformed(format!(
            "The fields {} are required",
            several.join(" and ")
        ))),
    }
}

fn required(
    body: &Body,
    name: &'static str,
    missing: &mut Vec<&'static str>,
) -> Result<Option<String>, Failure> {
    let text = body.text(name)?.filter(|text| !text.is_empty());
    if text.is_none() {
        missing.push(name);
    }
    Ok(text)
}

fn uuid(text: &str, name: &str) -> Result<String, Failure> {
    fluxbase_rules::uuid::parse(text)
        .map(|id| fluxbase_rules::uuid::format(&id))
        .ok_or_else(|| Failure::malformed(format!("{name} must be a UUID")))
}

/// The query string as an object of texts; the functions know the names they take.
fn query(http: &HttpRequest) -> Result<String, Failure> {
    let pairs = web::Query::<Vec<(String, String)>>::from_query(http.query_string())
        .map_err(|_| Failure::malformed("The query string is malformed"))?;
    let mut object = Map::new();
    for (name, value) in pairs.into_inner() {
        if value.contains('\0') || name.contains('\0') {
            return Err(Failure::malformed("The query string is malformed"));
        }
        if object.insert(name, value.into()).is_some() {
            return Err(Failure::malformed("A parameter is given twice"));
        }
    }
    Ok(Value::Object(object).to_string())
}

/// Who asks, for the audit, and what proves it.
fn context(http: &HttpRequest, body: &Body) -> Result<Map<String, Value>, Failure> {
    let mut context = Map::new();
    if let Some(client) = http.extensions().get::<ClientAddress>() {
        context.insert("ip".into(), client.0.to_string().into());
    }
    if let Some(agent) = http
        .headers()
        .get(USER_AGENT)
        .and_then(|value| value.to_str().ok())
    {
        let agent: String = agent.chars().take(512).collect();
        context.insert("user_agent".into(), agent.into());
    }
    if let Some(RequestId(id)) = http.extensions().get::<RequestId>() {
        context.insert("request_id".into(), (**id).into());
    }
    let code = http
        .headers()
        .get("x-2fa-code")
        .and_then(|value| value.to_str().ok());
    if let Some(code) = code {
        context.insert("code".into(), code.into());
    } else if let Some(code) = body.code()? {
        context.insert("code".into(), code.into());
    }
    for name in ["nonce", "password"] {
        if let Some(text) = body.text(name)? {
            context.insert(name.into(), text.into());
        }
    }
    Ok(context)
}

/// The reply of an account function: a result, or `{"error", "code"}`; where cookies are on, with those that follow.
fn answered(
    act: &Act,
    answer: &Answer,
    anonymous: bool,
    worker: &Worker,
) -> Result<HttpResponse, Failure> {
    let failed = |error: DbError| Failure::Database { error, anonymous };
    let body = answer.bytes(0).map_err(failed)?;
    let body = body.ok_or(Failure::Internal("an account function answered null"))?;
    let head = Head::of(&body)?;
    let cookies = worker.shared.cookies.as_ref();
    if let Some(mut refusal) = refusal(act, &head) {
        if let (Failure::Account(account), "refresh", Some(cookies)) =
            (&mut refusal, act.function, cookies)
        {
            account.cookies = cookies.signed_out();
        }
        return Err(refusal);
    }
    let success = StatusCode::from_u16(act.success).unwrap_or(StatusCode::OK);
    let mut response = HttpResponse::build(success);
    response.insert_header((CACHE_CONTROL, "no-store"));
    let refresh_seconds = worker.shared.config.auth.settings.refresh_token_seconds;
    for cookie in cookies.map_or_else(Vec::new, |cookies| {
        set(cookies, act, &head, refresh_seconds)
    }) {
        response.append_header((SET_COOKIE, cookie));
    }
    Ok(json(&mut response, body))
}

/// The cookies of a reply: those of a sign-in or a refresh, or, after signing out, none any more. Acting as somebody else
/// leaves them alone: they are the administrator's.
fn set(cookies: &Cookies, act: &Act, head: &Head<'_>, refresh_seconds: i64) -> Vec<HeaderValue> {
    if act.function == "sign_out" {
        return cookies.signed_out();
    }
    if act.door == Door::Own {
        return Vec::new();
    }
    let text = |name: &str| head.member(name)?.as_str().map(str::to_owned);
    match (text("access_token"), text("refresh_token")) {
        (Some(access), Some(refresh)) => {
            let seconds = head.member("expires_in").and_then(|value| value.as_i64());
            cookies.signed_in(&access, seconds.unwrap_or(0), &refresh, refresh_seconds)
        }
        _ => Vec::new(),
    }
}

/// `GET /api/v1/auth/csrf`: the token that unsafe requests with a cookie must send back.
///
/// # Errors
/// Where cookies are off there is no such thing.
pub async fn csrf(passed: Passed, worker: web::Data<Worker>) -> Result<HttpResponse, Failure> {
    let cookies = worker.shared.cookies.as_ref().ok_or(Failure::NoSuchRoute)?;
    let token = cookies
        .csrf_token(passed.caller()?.session())
        .ok_or(Failure::Internal("no random bytes could be had"))?;
    let mut response = HttpResponse::build(StatusCode::OK);
    response.insert_header((CACHE_CONTROL, "no-store"));
    if let Some(cookie) = cookies.csrf(&token) {
        response.append_header((SET_COOKIE, cookie));
    }
    let body = serde_json::json!({ "csrf_token": token }).to_string();
    Ok(json(&mut response, body.into()))
}

/// `GET /api/v1/auth/captcha/config`: there is none.
pub async fn captcha_config() -> HttpResponse {
    json(
        &mut HttpResponse::Ok(),
        Bytes::from_static(br#"{"enabled":false}"#),
    )
}

/// `POST /api/v1/auth/captcha/check`: none is asked for. The challenge has a name because clients send it back; nobody
/// looks at it.
pub async fn captcha_check(worker: web::Data<Worker>) -> HttpResponse {
    let body = serde_json::json!({
        "captcha_required": false,
        "reason": "captcha is not enabled",
        "challenge_id": &*worker.request_ids.next(),
    });
    json(&mut HttpResponse::Ok(), body.to_string().into())
}

/// `POST /api/v1/auth/signin/idtoken`: no provider is configured.
///
/// # Errors
/// Always.
pub async fn id_token() -> Result<HttpResponse, Failure> {
    Err(Failure::malformed(
        "There is no provider whose ID tokens are accepted",
    ))
}

/// The members of a reply, of a list none. What users wrote into them is passed on unread: not every number of jsonb is
/// one of serde_json's.
struct Head<'a>(BTreeMap<String, &'a RawValue>);

impl<'a> Head<'a> {
    fn of(body: &'a Bytes) -> Result<Self, Failure> {
        let members = match body.first() {
            Some(b'[') => Ok(BTreeMap::new()),
            _ => serde_json::from_slice(body),
        };
        members.map(Self).map_err(|_| {
            Failure::Internal("an account function answered neither an object nor a list")
        })
    }

    fn member(&self, name: &str) -> Option<Value> {
        serde_json::from_str(self.0.get(name)?.get()).ok()
    }
}

fn refusal(act: &Act, head: &Head<'_>) -> Option<Failure> {
    if !head.0.contains_key("error") {
        return None;
    }
    let member = |name: &String| Some((name.clone(), head.member(name)?));
    let object: Map<String, Value> = head.0.keys().filter_map(member).collect();
    let code = object.get("code").and_then(Value::as_str).unwrap_or("");
    Some(match status_of(code, act.kind) {
        Some(status) => Failure::Account(Account {
            status,
            object,
            cookies: Vec::new(),
        }),
        None => Failure::Internal("an account function refused with a code nobody knows"),
    })
}

/// The closed list of codes an account function refuses with.
fn status_of(code: &str, kind: Kind) -> Option<StatusCode> {
    Some(match code {
        "INVALID_TOKEN" if kind == Kind::Link => StatusCode::BAD_REQUEST,
        // A way in by mail that is switched off: what clients know there is 400.
        "FEATURE_DISABLED" if matches!(kind, Kind::Mail | Kind::Link) => StatusCode::BAD_REQUEST,
        "INVALID_INPUT"
        | "MISSING_REQUIRED_FIELD"
        | "VALIDATION_FAILED"
        | "WEAK_PASSWORD"
        | "INVALID_REDIRECT_URL"
        | "TOKEN_EXPIRED"
        | "TOKEN_USED" => StatusCode::BAD_REQUEST,
        "INVALID_CREDENTIALS" | "AUTHENTICATION_REQUIRED" | "INVALID_TOKEN" => {
            StatusCode::UNAUTHORIZED
        }
        "SIGNUP_DISABLED"
        | "PASSWORD_LOGIN_DISABLED"
        | "ANONYMOUS_DISABLED"
        | "FEATURE_DISABLED"
        | "SETUP_DISABLED"
        | "SETUP_ALREADY_COMPLETED"
        | "INVALID_SETUP_TOKEN"
        | "EMAIL_NOT_VERIFIED"
        | "PASSWORD_EXPIRED"
        | "REAUTHENTICATION_REQUIRED"
        | "TWO_FACTOR_REQUIRED"
        | "ADMIN_REQUIRED"
        | "INSUFFICIENT_PERMISSIONS"
        | "INVALID_ROLE"
        | "ACCESS_DENIED" => StatusCode::FORBIDDEN,
        "NOT_FOUND" => StatusCode::NOT_FOUND,
        "ALREADY_EXISTS" => StatusCode::CONFLICT,
        "RATE_LIMITED" => StatusCode::TOO_MANY_REQUESTS,
        _ => return None,
    })
}

#[cfg(test)]
mod tests;

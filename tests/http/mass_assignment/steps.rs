//! Every endpoint that takes a body, in an order in which all of them answer what they are there for.

/// One request.
pub struct Step {
    pub method: &'static str,
    /// Below `/api/v1`.
    pub path: &'static str,
    /// The name of a token; nobody when empty.
    pub bearer: &'static str,
    pub body: &'static str,
    /// What else the caller may set here.
    pub takes: &'static [&'static str],
    pub status: u16,
    /// What is needed later: a name, and where in the answer it is; behind `#` a claim of the token there.
    pub keeps: &'static [(&'static str, &'static str)],
}

const fn step(
    method: &'static str,
    path: &'static str,
    bearer: &'static str,
    body: &'static str,
) -> Step {
    Step {
        method,
        path,
        bearer,
        body,
        takes: &[],
        status: 200,
        keeps: &[],
    }
}

impl Step {
    const fn takes(self, takes: &'static [&'static str]) -> Self {
        Self { takes, ..self }
    }

    const fn created(self) -> Self {
        Self {
            status: 201,
            ..self
        }
    }

    const fn refused(self, status: u16) -> Self {
        Self { status, ..self }
    }

    const fn keeps(self, keeps: &'static [(&'static str, &'static str)]) -> Self {
        Self { keeps, ..self }
    }
}

/// Of the own account.
const OWN: &[&str] = &["email", "password", "current_password", "user_metadata"];
/// Of a user, to administrators.
const USER: &[&str] = &[
    "email",
    "password",
    "role",
    "user_metadata",
    "app_metadata",
    "email_verified",
];
const NEW_USER: &[&str] = &[
    "password",
    "password_hash",
    "role",
    "user_metadata",
    "app_metadata",
    "email_verified",
    "skip_email",
];
/// Of a key when it is made; afterwards no scopes and no end.
const NEW_KEY: &[&str] = &[
    "description",
    "scopes",
    "expires_at",
    "rate_limit_per_minute",
    "rate_limit_per_hour",
];
const KEY: &[&str] = &[
    "name",
    "description",
    "rate_limit_per_minute",
    "rate_limit_per_hour",
];
const LINK: &[&str] = &["redirect_to"];

#[rustfmt::skip]
pub const STEPS: &[Step] = &[
    step("POST", "/admin/setup", "", r#"{"email":"root@example.com","password":"Correct-Horse-7-Battery","name":"Ruth","setup_token":"a-setup-token-of-thirty-two-characters"}"#)
        .keeps(&[("ROOT", "/access_token"), ("ROOT_REFRESH", "/refresh_token"), ("ROOT_ID", "/user/id")]),
    step("POST", "/auth/signup", "", r#"{"email":"new@example.com","password":"Correct-Horse-7-Battery"}"#).takes(&["user_metadata"]).created()
        .keeps(&[("NEW", "/access_token"), ("NEW_REFRESH", "/refresh_token"), ("NEW_ID", "/user/id")]),
    step("POST", "/auth/signin", "", r#"{"email":"new@example.com","password":"Correct-Horse-7-Battery"}"#),
    step("POST", "/auth/login", "", r#"{"email":"new@example.com","password":"Correct-Horse-7-Battery"}"#)
        .keeps(&[("OTHER_SESSION", "/access_token#session_id")]),
    step("POST", "/admin/login", "", r#"{"email":"root@example.com","password":"Correct-Horse-7-Battery"}"#)
        .keeps(&[("SECOND", "/access_token")]),
    step("POST", "/auth/signin/anonymous", "", "{}").keeps(&[("ANYBODY", "/access_token")]),
    step("POST", "/auth/refresh", "", r#"{"refresh_token":"{NEW_REFRESH}"}"#).keeps(&[("NEW", "/access_token"), ("NEW_REFRESH", "/refresh_token")]),
    step("POST", "/admin/refresh", "", r#"{"refresh_token":"{ROOT_REFRESH}"}"#).keeps(&[("ROOT", "/access_token")]),
    step("PATCH", "/auth/user", "NEW", r#"{"user_metadata":{"b":2}}"#).takes(OWN),
    step("PATCH", "/auth/user", "NEW", r#"{"password":"Wrong-Donkey-8-Staple","current_password":"Correct-Horse-7-Battery"}"#).takes(OWN),
    step("PATCH", "/auth/user", "NEW", r#"{"email":"newer@example.com","current_password":"Wrong-Donkey-8-Staple"}"#).takes(OWN),
    step("PATCH", "/auth/user", "ANYBODY", r#"{"email":"anybody@example.com","password":"Wrong-Donkey-8-Staple"}"#).takes(OWN),
    step("POST", "/auth/signin", "", r#"{"email":"newer@example.com","password":"Wrong-Donkey-8-Staple"}"#).keeps(&[("OTHER_SESSION", "/access_token#session_id")]),
    step("POST", "/auth/refresh", "", r#"{"refresh_token":"{NEW_REFRESH}"}"#).keeps(&[("NEW", "/access_token"), ("NEW_REFRESH", "/refresh_token")]),
    step("DELETE", "/auth/sessions/{OTHER_SESSION}", "NEW", "{}"),
    step("DELETE", "/auth/sessions", "NEW", "{}"),
    step("POST", "/auth/user/identities", "NEW", r#"{"provider":"okta"}"#).refused(400),
    step("DELETE", "/auth/user/identities/{BOB_ID}", "NEW", "{}").refused(404),
    step("POST", "/auth/reauthenticate", "NEW", r#"{"password":"Wrong-Donkey-8-Staple"}"#),
    step("POST", "/auth/2fa/setup", "NEW", "{}").takes(&["issuer", "password"]).keeps(&[("SECRET", "/secret")]),
    step("POST", "/auth/2fa/enable", "NEW", r#"{"code":"{CODE}"}"#),
    step("POST", "/auth/signin", "", r#"{"email":"newer@example.com","password":"Wrong-Donkey-8-Staple"}"#).keeps(&[("MFA", "/mfa_token")]),
    step("POST", "/auth/2fa/verify", "", r#"{"user_id":"{NEW_ID}","code":"{CODE}","mfa_token":"{MFA}"}"#).keeps(&[("NEW", "/access_token")]),
    step("POST", "/auth/reauthenticate", "NEW", r#"{"password":"Wrong-Donkey-8-Staple"}"#).keeps(&[("NONCE", "/nonce")]),
    step("POST", "/auth/2fa/backup-codes", "NEW", r#"{"nonce":"{NONCE}"}"#),
    step("POST", "/auth/2fa/disable", "NEW", r#"{"password":"Wrong-Donkey-8-Staple"}"#),
    step("POST", "/auth/2fa/setup", "NEW", "{}").takes(&["issuer", "password"]).keeps(&[("SECRET", "/secret")]),
    step("POST", "/auth/2fa/enable", "NEW", r#"{"code":"{CODE}"}"#),
    step("POST", "/auth/signout", "NEW", "{}"),
    step("DELETE", "/admin/users/{NEW_ID}/2fa", "ROOT", "{}"),

    step("POST", "/auth/password/reset", "", r#"{"email":"ann@example.com"}"#).takes(LINK),
    step("POST", "/auth/password/reset/verify", "", r#"{"token":"{MAIL}"}"#),
    step("POST", "/auth/password/reset/confirm", "", r#"{"token":"{MAIL}","new_password":"Wrong-Donkey-8-Staple"}"#).keeps(&[("ANN", "/access_token")]),
    step("POST", "/auth/magiclink", "", r#"{"email":"ann@example.com"}"#).takes(LINK),
    step("POST", "/auth/magiclink/verify", "", r#"{"token":"{MAIL}"}"#),
    step("POST", "/auth/otp/signin", "", r#"{"email":"ann@example.com"}"#),
    step("POST", "/auth/otp/verify", "", r#"{"email":"ann@example.com","token":"{MAIL}"}"#).keeps(&[("THIRD", "/access_token")]),
    step("POST", "/auth/otp/resend", "", r#"{"email":"ann@example.com"}"#),
    step("POST", "/auth/verify-email/resend", "", r#"{"email":"bob@example.com"}"#),
    step("POST", "/auth/verify-email", "", r#"{"token":"{MAIL}"}"#),

    step("POST", "/client-keys", "ANN", r#"{"name":"k","scopes":["read:tables"]}"#).takes(NEW_KEY).created().keeps(&[("KEY", "/id")]),
    step("PATCH", "/client-keys/{KEY}", "ANN", r#"{"name":"x"}"#).takes(KEY),
    step("PATCH", "/client-keys/{KEY}", "ANN", "{}").takes(KEY),
    step("POST", "/client-keys/{KEY}/revoke", "ANN", "{}"),
    step("DELETE", "/client-keys/{KEY}", "ANN", "{}"),

    step("POST", "/admin/users", "ROOT", r#"{"email":"made@example.com","password":"Correct-Horse-7-Battery"}"#).takes(NEW_USER).created().keeps(&[("MADE", "/user/id")]),
    step("POST", "/admin/users/invite", "ROOT", r#"{"email":"guest@example.com"}"#).takes(NEW_USER).created(),
    step("POST", "/auth/signin", "", r#"{"email":"made@example.com","password":"Correct-Horse-7-Battery"}"#).keeps(&[("MADE_SESSION", "/access_token#session_id")]),
    step("PATCH", "/admin/users/{MADE}", "ROOT", r#"{"user_metadata":{"c":3}}"#).takes(USER),
    step("PATCH", "/admin/users/{MADE}/role", "ROOT", r#"{"role":"editor"}"#),
    step("POST", "/admin/users/{MADE}/lock", "ROOT", "{}"),
    step("POST", "/admin/users/{MADE}/unlock", "ROOT", "{}"),
    step("POST", "/admin/users/{MADE}/reset-password", "ROOT", "{}"),
    step("DELETE", "/admin/auth/sessions/{BOB_SESSION}", "ROOT", "{}"),
    step("DELETE", "/admin/auth/sessions/user/{MADE}", "ROOT", "{}"),
    step("DELETE", "/admin/users/{MADE}", "ROOT", "{}"),
    step("POST", "/admin/schema/refresh", "ROOT", "{}"),

    step("POST", "/auth/impersonate", "ROOT", r#"{"target_user_id":"{ANN_ID}","reason":"why"}"#),
    step("POST", "/auth/impersonate/anon", "ROOT", r#"{"reason":"why"}"#),
    step("POST", "/auth/impersonate/service", "ROOT", r#"{"reason":"why"}"#),
    step("DELETE", "/auth/impersonate", "ROOT", "{}"),

    step("POST", "/admin/service-keys", "ROOT", r#"{"name":"k","scopes":["read:tables"]}"#).takes(NEW_KEY).created().keeps(&[("KEY", "/id")]),
    step("PATCH", "/admin/service-keys/{KEY}", "ROOT", r#"{"name":"x"}"#).takes(KEY),
    step("PUT", "/admin/service-keys/{KEY}", "ROOT", "{}").takes(KEY),
    step("POST", "/admin/service-keys/{KEY}/disable", "ROOT", "{}"),
    step("POST", "/admin/service-keys/{KEY}/enable", "ROOT", "{}"),
    step("POST", "/admin/service-keys/{KEY}/rotate", "ROOT", "{}").keeps(&[("NEXT", "/id")]),
    step("POST", "/admin/service-keys/{NEXT}/deprecate", "ROOT", r#"{"grace_period_hours":1}"#),
    step("POST", "/admin/service-keys/{NEXT}/revoke", "ROOT", r#"{"reason":"why"}"#),
    step("DELETE", "/admin/service-keys/{KEY}", "ROOT", "{}"),

    step("POST", "/auth/logout", "THIRD", "{}"),
    step("POST", "/admin/logout", "SECOND", "{}"),
    step("POST", "/admin/auth/tokens/revoke", "ROOT", r#"{"jti":"x"}"#).takes(&["reason", "expires_at"]),
    step("DELETE", "/admin/auth/sessions", "ROOT", "{}").takes(&["include_keys"]),
];

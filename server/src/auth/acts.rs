//! Every account endpoint: its path, the one SQL function behind it, and what of the request becomes its arguments.
//!
//! An endpoint is a row here and a function in `sql/install/`; nothing else. Paths are below `/api/v1`.

/// Who may call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Door {
    /// Makes a caller out of nobody; credentials are not looked at, client libraries send their key there.
    Public,
    /// As the caller.
    Own,
    /// As the caller, or as somebody whose sign-in waits for the setting up of a second factor.
    Setup,
}

/// Where an argument comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arg {
    /// A text that must be there and not empty.
    Text(&'static str),
    /// A text, or null.
    Optional(&'static str),
    /// The refresh token: in the body, or, where cookies are on, in its cookie.
    RefreshToken,
    /// A UUID as text, or null.
    Uuid(&'static str),
    /// `code`, in both its forms.
    Code,
    /// An object; `{}` when absent.
    Object(&'static str),
    /// The whole body as an object.
    Body,
    /// The address a code goes to; a telephone number in its place is told that there is no SMS.
    Mailbox,
    /// `true`, or `false` when absent.
    Flag(&'static str),
    /// The whole body; where no mail can be sent with `skip_email`, so that the reply has what the mail would have brought.
    NewUser,
    /// An object of this one member of the body, a text that must be there.
    Only(&'static str),
    /// The whole query string as an object of texts.
    Query,
    /// A UUID in the path.
    PathId,
    /// Who asks: address, user agent, request id, and proofs sent along.
    Context,
    /// A word fixed for this endpoint.
    Word(&'static str),
}

use Arg::{
    Body, Code, Context, Flag, Mailbox, NewUser, Object, Only, Optional, PathId, Query,
    RefreshToken, Text, Uuid, Word,
};
use Door::{Own, Public, Setup};

/// One endpoint.
#[derive(Clone, Copy, Debug)]
pub struct Act {
    /// In upper case.
    pub method: &'static str,
    /// Below `/api/v1`.
    pub path: &'static str,
    /// Who may call.
    pub door: Door,
    /// The function, without its schema `auth`.
    pub function: &'static str,
    /// Its arguments in order.
    pub args: &'static [Arg],
    /// Status of a reply.
    pub success: u16,
    /// What else is peculiar.
    pub kind: Kind,
}

/// What is peculiar about an endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Changes something.
    Write,
    /// Reads only.
    Read,
    /// Sends a mail, so a server without a way to send one refuses.
    Mail,
    /// Takes a token from a mail: a bad one is a bad request and not a missing credential.
    Link,
}

const fn act(
    method: &'static str,
    path: &'static str,
    door: Door,
    function: &'static str,
    args: &'static [Arg],
    kind: Kind,
) -> Act {
    Act {
        method,
        path,
        door,
        function,
        args,
        success: 200,
        kind,
    }
}

const fn created(act: Act) -> Act {
    Act {
        success: 201,
        ..act
    }
}

use Kind::{Link, Mail, Read, Write};

const SIGN_UP: &[Arg] = &[
    Text("email"),
    Text("password"),
    Object("user_metadata"),
    Context,
];
const SIGN_IN: &[Arg] = &[Text("email"), Text("password"), Context];
const REFRESH: &[Arg] = &[RefreshToken, Context];
const LINK: &[Arg] = &[Text("email"), Optional("redirect_to"), Context];
const EMAIL: &[Arg] = &[Text("email"), Context];
const CODE: &[Arg] = &[Mailbox, Context];
const TOKEN: &[Arg] = &[Text("token"), Context];
const ID: &[Arg] = &[PathId, Context];
const NEW_USER: &[Arg] = &[Text("email"), NewUser, Context];

/// All of them.
#[rustfmt::skip]
pub static ACTS: &[Act] = &[
    created(act("POST", "/auth/signup", Public, "sign_up", SIGN_UP, Write)),
    act("POST", "/auth/signin", Public, "sign_in", SIGN_IN, Write),
    act("POST", "/auth/login", Public, "sign_in", SIGN_IN, Write),
    act("POST", "/auth/signin/anonymous", Public, "sign_in_anonymously", &[Context], Write),
    act("POST", "/auth/refresh", Public, "refresh", REFRESH, Write),
    act("POST", "/auth/password/reset", Public, "request_password_reset", LINK, Mail),
    act("POST", "/auth/password/reset/verify", Public, "check_password_reset", TOKEN, Link),
    act("POST", "/auth/password/reset/confirm", Public, "reset_password", &[Text("token"), Text("new_password"), Context], Link),
    act("POST", "/auth/magiclink", Public, "request_magic_link", LINK, Mail),
    act("POST", "/auth/magiclink/verify", Public, "sign_in_with_magic_link", TOKEN, Link),
    act("POST", "/auth/otp/signin", Public, "request_email_code", CODE, Mail),
    act("POST", "/auth/otp/resend", Public, "request_email_code", CODE, Mail),
    act("POST", "/auth/otp/verify", Public, "sign_in_with_email_code", &[Mailbox, Text("token"), Context], Write),
    act("POST", "/auth/verify-email", Public, "confirm_email", TOKEN, Link),
    act("POST", "/auth/verify-email/resend", Public, "request_email_confirmation", EMAIL, Mail),
    act("POST", "/auth/2fa/verify", Public, "verify_factor", &[Uuid("user_id"), Code, Optional("mfa_token"), Context], Write),
    act("GET", "/auth/config", Public, "public_config", &[], Read),

    act("POST", "/auth/signout", Own, "sign_out", &[Context], Write),
    act("POST", "/auth/logout", Own, "sign_out", &[Context], Write),
    act("GET", "/auth/user", Own, "get_user", &[], Read),
    act("PATCH", "/auth/user", Own, "update_user", &[Body, Context], Write),
    act("POST", "/auth/reauthenticate", Own, "reauthenticate", &[Context], Write),
    act("POST", "/auth/2fa/setup", Setup, "totp_setup", &[Optional("issuer"), Context], Write),
    act("POST", "/auth/2fa/enable", Setup, "totp_enable", &[Code, Context], Write),
    act("POST", "/auth/2fa/disable", Own, "totp_disable", &[Optional("password"), Context], Write),
    act("POST", "/auth/2fa/backup-codes", Own, "totp_backup_codes", &[Context], Write),
    act("GET", "/auth/2fa/status", Own, "totp_status", &[], Read),
    act("GET", "/auth/sessions", Own, "list_sessions", &[], Read),
    act("DELETE", "/auth/sessions", Own, "revoke_other_sessions", &[Context], Write),
    act("DELETE", "/auth/sessions/{id}", Own, "revoke_session", ID, Write),
    act("GET", "/auth/user/identities", Own, "list_identities", &[], Read),
    act("POST", "/auth/user/identities", Own, "link_identity", &[Text("provider"), Context], Write),
    act("DELETE", "/auth/user/identities/{id}", Own, "unlink_identity", ID, Write),
    act("POST", "/auth/impersonate", Own, "impersonate", &[Uuid("target_user_id"), Optional("reason"), Context], Write),
    act("POST", "/auth/impersonate/anon", Own, "impersonate_role", &[Word("anon"), Optional("reason"), Context], Write),
    act("POST", "/auth/impersonate/service", Own, "impersonate_role", &[Word("service_role"), Optional("reason"), Context], Write),
    act("GET", "/auth/impersonate", Own, "get_impersonation", &[], Read),
    act("DELETE", "/auth/impersonate", Own, "end_impersonation", &[Context], Write),
    act("GET", "/auth/impersonate/sessions", Own, "list_impersonations", &[Query], Read),

    created(act("POST", "/client-keys", Own, "create_client_key", &[Body, Context], Write)),
    act("GET", "/client-keys", Own, "list_client_keys", &[], Read),
    act("GET", "/client-keys/{id}", Own, "get_client_key", &[PathId], Read),
    act("PATCH", "/client-keys/{id}", Own, "change_client_key", &[PathId, Word("update"), Body, Context], Write),
    act("DELETE", "/client-keys/{id}", Own, "change_client_key", &[PathId, Word("delete"), Body, Context], Write),
    act("POST", "/client-keys/{id}/revoke", Own, "change_client_key", &[PathId, Word("revoke"), Body, Context], Write),

    act("GET", "/admin/setup/status", Public, "setup_status", &[], Read),
    act("POST", "/admin/setup", Public, "setup_admin", &[Text("email"), Text("password"), Optional("name"), Optional("setup_token"), Context], Write),
    act("POST", "/admin/schema/refresh", Own, "refresh_schema", &[], Write),
    act("POST", "/admin/login", Public, "sign_in", SIGN_IN, Write),
    act("POST", "/admin/refresh", Public, "refresh", REFRESH, Write),
    act("POST", "/admin/logout", Own, "sign_out", &[Context], Write),
    act("GET", "/admin/me", Own, "admin_me", &[], Read),
    act("GET", "/admin/users", Own, "admin_list_users", &[Query], Read),
    created(act("POST", "/admin/users", Own, "admin_create_user", NEW_USER, Write)),
    created(act("POST", "/admin/users/invite", Own, "admin_create_user", NEW_USER, Write)),
    act("GET", "/admin/users/{id}", Own, "admin_get_user", &[PathId], Read),
    act("PATCH", "/admin/users/{id}", Own, "admin_update_user", &[PathId, Body, Context], Write),
    act("PATCH", "/admin/users/{id}/role", Own, "admin_update_user", &[PathId, Only("role"), Context], Write),
    act("DELETE", "/admin/users/{id}", Own, "admin_delete_user", ID, Write),
    act("POST", "/admin/users/{id}/reset-password", Own, "admin_reset_password", ID, Mail),
    act("POST", "/admin/users/{id}/lock", Own, "admin_lock_user", ID, Write),
    act("POST", "/admin/users/{id}/unlock", Own, "admin_unlock_user", ID, Write),
    act("DELETE", "/admin/users/{id}/2fa", Own, "admin_remove_factor", ID, Write),
    act("GET", "/admin/auth/sessions", Own, "admin_list_sessions", &[Query], Read),
    act("DELETE", "/admin/auth/sessions", Own, "revoke_everything", &[Flag("include_keys"), Context], Write),
    act("DELETE", "/admin/auth/sessions/{id}", Own, "admin_revoke_session", ID, Write),
    act("DELETE", "/admin/auth/sessions/user/{id}", Own, "admin_revoke_user", ID, Write),
    act("POST", "/admin/auth/tokens/revoke", Own, "admin_revoke_token", &[Text("jti"), Optional("reason"), Optional("expires_at"), Context], Write),
    act("GET", "/admin/audit", Own, "admin_audit", &[Query], Read),
    act("GET", "/admin/service-keys", Own, "list_service_keys", &[], Read),
    created(act("POST", "/admin/service-keys", Own, "create_service_key", &[Body, Context], Write)),
    act("GET", "/admin/service-keys/{id}", Own, "get_service_key", &[PathId], Read),
    act("PATCH", "/admin/service-keys/{id}", Own, "change_service_key", &[PathId, Word("update"), Body, Context], Write),
    act("PUT", "/admin/service-keys/{id}", Own, "change_service_key", &[PathId, Word("update"), Body, Context], Write),
    act("DELETE", "/admin/service-keys/{id}", Own, "change_service_key", &[PathId, Word("delete"), Body, Context], Write),
    act("POST", "/admin/service-keys/{id}/enable", Own, "change_service_key", &[PathId, Word("enable"), Body, Context], Write),
    act("POST", "/admin/service-keys/{id}/disable", Own, "change_service_key", &[PathId, Word("disable"), Body, Context], Write),
    act("POST", "/admin/service-keys/{id}/revoke", Own, "change_service_key", &[PathId, Word("revoke"), Body, Context], Write),
    act("POST", "/admin/service-keys/{id}/deprecate", Own, "change_service_key", &[PathId, Word("deprecate"), Body, Context], Write),
    act("GET", "/admin/service-keys/{id}/revocations", Own, "service_key_revocations", &[PathId], Read),
    act("POST", "/admin/service-keys/{id}/rotate", Own, "rotate_service_key", ID, Write),
];

impl Act {
    /// The statement: `select auth.f($1, $2::…)::text`.
    #[must_use]
    pub fn sql(&self) -> String {
        let arguments: Vec<String> = self
            .args
            .iter()
            .enumerate()
            .map(|(place, arg)| {
                let number = place + 1;
                match arg {
                    Arg::Object(_)
                    | Arg::Body
                    | Arg::NewUser
                    | Arg::Only(_)
                    | Arg::Query
                    | Arg::Context => format!("${number}::pg_catalog.jsonb"),
                    Arg::Flag(_) => format!("${number}::pg_catalog.bool"),
                    Arg::Uuid(_) | Arg::PathId => format!("${number}::pg_catalog.uuid"),
                    Arg::Text(_)
                    | Arg::Mailbox
                    | Arg::Optional(_)
                    | Arg::Code
                    | Arg::RefreshToken
                    | Arg::Word(_) => {
                        format!("${number}::pg_catalog.text")
                    }
                }
            })
            .collect();
        format!(
            "select auth.{}({})::pg_catalog.text",
            self.function,
            arguments.join(", ")
        )
    }

    /// Whether it may open a session.
    #[must_use]
    pub fn may_sign_in(&self) -> bool {
        self.door != Own && matches!(self.kind, Write | Link) && self.function != "refresh"
    }

    /// The scope a key needs for it.
    #[must_use]
    pub fn scope(&self) -> &'static str {
        match (self.path.starts_with("/client-keys"), self.kind) {
            (true, Kind::Read) => "read:clientkeys",
            (true, _) => "write:clientkeys",
            (false, Kind::Read) => "read:auth",
            (false, _) => "write:auth",
        }
    }
}

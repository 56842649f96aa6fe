//! A sign-in where somebody is signed in already: the new session takes the place of the old one. A browser that overwrites
//! its cookies would otherwise leave a session behind that nobody can end any more but from a list.

use super::Context;
use super::session::{end_session, lock_session, sha256};
use crate::error::Failure;
use crate::stored::Stored;
use crate::{audit, owner};
use fluxbase_rules::UnverifiedToken;
use fluxbase_rules::rotation::{self, Decision};
use serde_json::json;

/// Ends the session whose newest refresh token came with the sign-in. What is no such token ends nothing, and changes nothing
/// about the sign-in.
pub fn end(stored: &Stored, context: &Context) -> Result<(), Failure> {
    let Some(token) = &context.replaces else {
        return Ok(());
    };
    let now = owner::now();
    let signed = UnverifiedToken::parse(token).and_then(|token| token.verify(&stored.keys));
    let Ok(signed) = signed else {
        return Ok(());
    };
    let Ok(claims) = signed.judge_refresh(now, &stored.expected) else {
        return Ok(());
    };
    let Some(session_id) = claims.session_id else {
        return Ok(());
    };
    let known = lock_session(session_id, claims.sub)?.map(|session| session.known);
    if rotation::decide(&sha256(token)?, known.as_ref(), now) != Decision::Rotate {
        return Ok(());
    }
    end_session(session_id)?;
    audit::success("auth.session_replaced", claims.sub, context, json!({}))
}

//! What a presented refresh token is to its session.
//!
//! Each refresh replaces the token. All of a session's refresh tokens are signed by us and name the session, and only
//! the newest one's hash is stored; so one that verifies, names a living session and is not the newest was replaced
//! before. Either its owner or a thief has used it twice, nobody can tell which, and the session ends for both.
//! There is no window in which the old token still works: a thief would fit through it as well.

use crate::UnixSeconds;
use subtle::ConstantTimeEq;

/// A session as stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Session {
    /// SHA-256 of the newest refresh token.
    pub current: [u8; 32],
    /// When it ends unless refreshed.
    pub expires_at: UnixSeconds,
}

/// What becomes of the session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// New tokens, of which this one's place is taken.
    Rotate,
    /// The session ends now.
    Reused,
    /// It has ended.
    Over,
}

/// Decides about a token that verified, by its SHA-256 and the session it names; `None` when there is none.
#[must_use]
pub fn decide(presented: &[u8; 32], session: Option<&Session>, now: UnixSeconds) -> Decision {
    match session {
        Some(session) if session.expires_at > now => {
            if bool::from(session.current.ct_eq(presented)) {
                Decision::Rotate
            } else {
                Decision::Reused
            }
        }
        _ => Decision::Over,
    }
}

#[cfg(test)]
mod tests {
    use super::{Decision, Session, decide};

    const SESSION: Session = Session {
        current: [7; 32],
        expires_at: 1000,
    };

    #[test]
    fn the_newest_token_rotates_and_any_other_ends_the_session() {
        assert_eq!(decide(&[7; 32], Some(&SESSION), 999), Decision::Rotate);
        for place in 0..32 {
            let mut other = [7; 32];
            other[place] ^= 1;
            assert_eq!(decide(&other, Some(&SESSION), 999), Decision::Reused);
        }
    }

    #[test]
    fn a_session_that_is_over_comes_back_for_no_token() {
        for presented in [[7; 32], [8; 32]] {
            assert_eq!(decide(&presented, Some(&SESSION), 1000), Decision::Over);
            assert_eq!(decide(&presented, None, 0), Decision::Over);
        }
    }

    /// Two requests with one token: the row is locked, so the second sees what the first left.
    #[test]
    fn of_two_refreshes_with_one_token_one_wins_and_the_other_ends_the_session() {
        assert_eq!(decide(&[7; 32], Some(&SESSION), 1), Decision::Rotate);
        let rotated = Session {
            current: [9; 32],
            ..SESSION
        };
        assert_eq!(decide(&[7; 32], Some(&rotated), 1), Decision::Reused);
    }
}

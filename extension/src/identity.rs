//! The identity of the running transaction, and the two places it can come from: sealed by `auth.enter`,
//! or set through `request.jwt.claims` by a session that is trusted to.

use crate::backend::PerBackend;
use fluxbase_rules::Claims;
use std::cell::OnceCell;
use std::ffi::{CStr, CString, c_char};
use std::rc::Rc;

/// What policies ask for most, flat and without pointers: PostgreSQL copies it around as the "extra" of a
/// setting and frees it without telling anybody. Behind the header stand the role and the e-mail address,
/// each with a NUL.
#[repr(C)]
pub struct Record {
    size: usize,
    has_sub: bool,
    has_session: bool,
    has_email: bool,
    sub: [u8; 16],
    session: [u8; 16],
    /// The `sub` as text with a NUL, empty without one: what `app.user_id` shows.
    sub_text: [u8; 37],
    role_length: usize,
}

const HEADER: usize = size_of::<Record>();

impl Record {
    /// The record of these claims as bytes, aligned as `Record` wants it.
    pub fn of(claims: &Claims) -> Box<[usize]> {
        let role: &[u8] = if claims.role.is_empty() {
            b"anon"
        } else {
            claims.role.as_bytes()
        };
        let email = claims.email.as_deref().unwrap_or_default().as_bytes();
        let size = HEADER + role.len() + 1 + email.len() + 1;
        let mut words = vec![0usize; size.div_ceil(size_of::<usize>())].into_boxed_slice();
        let mut sub_text = [0; 37];
        if let Some(sub) = &claims.sub {
            for (to, from) in sub_text
                .iter_mut()
                .zip(fluxbase_rules::uuid::format(sub).bytes())
            {
                *to = from;
            }
        }
        let header = Self {
            size,
            has_sub: claims.sub.is_some(),
            has_session: claims.session_id.is_some(),
            has_email: claims.email.is_some(),
            sub: claims.sub.unwrap_or_default(),
            session: claims.session_id.unwrap_or_default(),
            sub_text,
            role_length: role.len(),
        };
        // SAFETY: `words` holds `size` zeroed bytes with the alignment of usize, which is Record's; the texts
        // fit behind the header and leave the NULs standing.
        unsafe {
            let start = words.as_mut_ptr();
            start.cast::<Self>().write(header);
            let texts = start.cast::<u8>().add(HEADER);
            std::ptr::copy_nonoverlapping(role.as_ptr(), texts, role.len());
            std::ptr::copy_nonoverlapping(email.as_ptr(), texts.add(role.len() + 1), email.len());
        }
        words
    }

    /// Bytes of the whole record, to copy it.
    pub fn size(&self) -> usize {
        self.size
    }

    #[inline]
    pub fn sub(&self) -> Option<[u8; 16]> {
        self.has_sub.then_some(self.sub)
    }

    pub fn session_id(&self) -> Option<[u8; 16]> {
        self.has_session.then_some(self.session)
    }

    pub fn sub_text(&self) -> &CStr {
        CStr::from_bytes_until_nul(&self.sub_text).unwrap_or_default()
    }

    pub fn role(&self) -> &CStr {
        // SAFETY: `of` wrote the role and its NUL behind the header.
        unsafe { CStr::from_ptr(self.texts()) }
    }

    pub fn email(&self) -> Option<&CStr> {
        // SAFETY: `of` wrote the address and its NUL behind the role's NUL.
        self.has_email
            .then(|| unsafe { CStr::from_ptr(self.texts().add(self.role_length + 1)) })
    }

    unsafe fn texts(&self) -> *const c_char {
        // SAFETY: a record always comes with its texts.
        unsafe { std::ptr::from_ref(self).cast::<c_char>().add(HEADER) }
    }
}

/// Claims that somebody vouched for, ready to be asked.
pub struct Identity {
    record: Box<[usize]>,
    json: CString,
    /// What a key may be used for; `None` for a token.
    scopes: Option<Vec<String>>,
    /// `auth.jwt()` as PostgreSQL stores a jsonb, made when first asked for: parsing 400 bytes costs 3 µs,
    /// too much to do for every row of a policy.
    pub jsonb: OnceCell<Box<[u8]>>,
}

impl Identity {
    pub fn new(claims: &Claims) -> Self {
        // The rules refuse NUL in a payload, so the text always fits.
        let json = CString::new(claims.json.as_bytes()).unwrap_or_default();
        Self {
            record: Record::of(claims),
            json,
            scopes: None,
            jsonb: OnceCell::new(),
        }
    }

    pub fn of_key(claims: &Claims, scopes: Vec<String>) -> Self {
        Self {
            scopes: Some(scopes),
            ..Self::new(claims)
        }
    }

    pub fn scopes(&self) -> Option<&[String]> {
        self.scopes.as_deref()
    }

    #[inline]
    pub fn record(&self) -> &Record {
        // SAFETY: made by `Record::of`.
        unsafe { &*self.record.as_ptr().cast::<Record>() }
    }

    pub fn json(&self) -> &CStr {
        &self.json
    }
}

/// Set while the transaction is sealed. `SEALED` points into what `KEPT` keeps.
static SEALED: PerBackend<Option<&'static Record>> = PerBackend::new(None);
static KEPT: PerBackend<Option<Rc<Identity>>> = PerBackend::new(None);
/// What `request.jwt.claims` holds, parsed; owned by PostgreSQL as the extra of that setting.
static CLAIMED: PerBackend<Option<&'static Record>> = PerBackend::new(None);

/// In a parallel worker: whether its leader is sealed. A worker serves one query and ends.
static WORKER_SEALED: PerBackend<bool> = PerBackend::new(false);

/// Whether `auth.enter` has fixed the identity of this transaction.
#[inline]
pub fn is_sealed() -> bool {
    // While a worker takes over its leader's settings, in whatever order, nothing is refused.
    // SAFETY: a flag of this process.
    SEALED.get().is_some()
        || (WORKER_SEALED.get() && !unsafe { pgrx::pg_sys::InitializingParallelWorker })
}

pub fn seal_worker(sealed: bool) {
    WORKER_SEALED.set(sealed);
}

pub fn seal(identity: Rc<Identity>) {
    // SAFETY: `KEPT` holds the identity for as long as `SEALED` points into it: both change only here and
    // in `unseal`, the pointer first when letting go.
    let record: &'static Record = unsafe { &*std::ptr::from_ref(identity.record()) };
    KEPT.set(Some(identity));
    SEALED.set(Some(record));
}

pub fn unseal() {
    SEALED.set(None);
    KEPT.set(None);
}

/// The sealed identity with its claims.
pub fn sealed() -> Option<Rc<Identity>> {
    KEPT.cloned()
}

/// Called when `request.jwt.claims` takes a value; PostgreSQL keeps `record` until it takes another.
pub fn set_claimed(record: Option<&'static Record>) {
    CLAIMED.set(record);
}

/// Who is asking: the sealed identity, else what a trusted session claimed, else nobody.
#[inline]
pub fn current() -> Option<&'static Record> {
    match SEALED.get() {
        Some(record) => Some(record),
        None => CLAIMED.get(),
    }
}

//! What the processes of the cluster share: structures in PostgreSQL's shared memory, asked for when the library is loaded
//! and there for good from the postmaster's start.

use crate::backend::PerBackend;
#[cfg(target_os = "linux")]
use crate::hasher;
use crate::revocations;
use pgrx::pg_sys;
use pgrx::prelude::*;
use std::ffi::CStr;

/// One structure. It begins as zeros, and is never dropped.
pub struct Shared<T: 'static> {
    name: &'static CStr,
    place: PerBackend<Option<&'static T>>,
}

/// Any of them.
trait Structure: Sync {
    fn bytes(&self) -> usize;
    fn attach(&self);
}

const ALL: &[&dyn Structure] = &[
    &revocations::SHARED,
    #[cfg(target_os = "linux")]
    &hasher::SHARED,
];

impl<T: Sync> Shared<T> {
    /// # Safety
    /// Zeros are a valid `T`.
    pub const unsafe fn new(name: &'static CStr) -> Self {
        let place = PerBackend::new(None);
        Self { name, place }
    }

    /// None where the library was not loaded with the server.
    #[inline]
    pub fn get(&self) -> Option<&'static T> {
        self.place.get()
    }
}

impl<T: Sync> Structure for Shared<T> {
    fn bytes(&self) -> usize {
        size_of::<T>()
    }

    fn attach(&self) {
        let mut found = false;
        // SAFETY: memory of the size asked for, aligned for anything, which is zeroed here by whoever comes first; zeros
        // are valid.
        unsafe {
            let memory = pg_sys::ShmemInitStruct(self.name.as_ptr(), self.bytes(), &raw mut found);
            if !found {
                std::ptr::write_bytes(memory.cast::<u8>(), 0, self.bytes());
            }
            self.place.set(Some(&*memory.cast::<T>()));
        }
    }
}

#[cfg(not(feature = "pg14"))]
static NEXT_REQUEST: PerBackend<pg_sys::shmem_request_hook_type> = PerBackend::new(None);
static NEXT_STARTUP: PerBackend<pg_sys::shmem_startup_hook_type> = PerBackend::new(None);

pub fn init() {
    // SAFETY: hooks of the postmaster, chained as PostgreSQL asks.
    unsafe {
        #[cfg(feature = "pg14")]
        ask();
        #[cfg(not(feature = "pg14"))]
        {
            NEXT_REQUEST.set(pg_sys::shmem_request_hook);
            pg_sys::shmem_request_hook = Some(request);
        }
        NEXT_STARTUP.set(pg_sys::shmem_startup_hook);
        pg_sys::shmem_startup_hook = Some(startup);
    }
}

fn ask() {
    for one in ALL {
        // SAFETY: while libraries are loaded with the server, which PostgreSQL checks.
        unsafe { pg_sys::RequestAddinShmemSpace(one.bytes()) };
    }
}

#[cfg(not(feature = "pg14"))]
#[pg_guard]
unsafe extern "C-unwind" fn request() {
    if let Some(next) = NEXT_REQUEST.get() {
        // SAFETY: the earlier hook, first.
        unsafe { next() };
    }
    ask();
}

#[pg_guard]
unsafe extern "C-unwind" fn startup() {
    if let Some(next) = NEXT_STARTUP.get() {
        // SAFETY: as above.
        unsafe { next() };
    }
    ALL.iter().for_each(|one| one.attach());
}

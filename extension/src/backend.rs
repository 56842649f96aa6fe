//! State of one backend.

use std::cell::UnsafeCell;
use std::ffi::CStr;

/// A value that belongs to this process. A PostgreSQL backend has one thread, so this is a `Cell` without
/// the lookup a `thread_local!` in a shared library costs on every access (4 of the 30 ns of `auth.uid()`).
pub struct PerBackend<T>(UnsafeCell<T>);

// SAFETY: backends are processes with one thread; the postmaster forks them, it never shares memory of
// this kind with them.
unsafe impl<T> Sync for PerBackend<T> {}

impl<T> PerBackend<T> {
    pub const fn new(value: T) -> Self {
        Self(UnsafeCell::new(value))
    }

    pub fn replace(&self, value: T) -> T {
        // SAFETY: one thread, and no reference into the cell is ever handed out.
        unsafe { std::mem::replace(&mut *self.0.get(), value) }
    }

    pub fn set(&self, value: T) {
        drop(self.replace(value));
    }
}

impl<T: Copy> PerBackend<T> {
    #[inline]
    pub fn get(&self) -> T {
        // SAFETY: one thread, and the value is copied out.
        unsafe { *self.0.get() }
    }
}

impl<T: Clone> PerBackend<Option<T>> {
    pub fn cloned(&self) -> Option<T> {
        // SAFETY: one thread; `Clone` of what is kept here (Rc) does not come back to this cell.
        unsafe { (*self.0.get()).clone() }
    }
}

static SETTLED: PerBackend<bool> = PerBackend::new(false);

/// Keeps the allocator from giving a megabyte back to the kernel at the end of each request and fetching it
/// again in the next. glibc trims the heap above 128 kB until it has seen a larger block come and go; without
/// this, a request that reads 20 rows spent a tenth of PostgreSQL's time in brk() and in page faults.
pub fn settle_in() {
    if !SETTLED.replace(true) {
        // SAFETY: allocated and freed. Nothing is written, so no page of it is ever touched.
        unsafe { libc::free(std::hint::black_box(libc::malloc(1 << 20))) };
    }
}

/// A function of the running server by name, for those that not every major version has. Linked in the usual
/// way they would make a library built for another major fail with "undefined symbol", before PostgreSQL has had
/// a chance to say which version it was built for.
pub fn server_function(name: &CStr) -> Option<std::ptr::NonNull<libc::c_void>> {
    // SAFETY: looks a symbol up among those already loaded.
    std::ptr::NonNull::new(unsafe { libc::dlsym(libc::RTLD_DEFAULT, name.as_ptr()) })
}

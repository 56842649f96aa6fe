//! The working memory of password hashes: 19 MiB for some 15 ms.
//!
//! From malloc it came either as fresh pages, whose faults can take as long as half the hash (on virtual machines), or,
//! once glibc had learned the size, from a heap that never shrank: 40 MB of every connection that had ever signed
//! somebody in. So it is mapped apart from the heap, in huge pages where the kernel gives them. Between two hashes it
//! stays mapped and is marked as free: the kernel takes it when memory is short, and until then the next hash finds it
//! without a fault.

use crate::backend::PerBackend;
use fluxbase_rules::password::{Block, Memory, OutOfMemory};

/// Huge pages are of this size and begin at its multiples.
const HUGE: usize = 2 << 20;

/// More than this is given back at once: an imported hash may need it, ours do not.
const MOST_KEPT: usize = 64 << 20;

/// Bytes of this process, never read before written.
#[derive(Clone, Copy)]
struct Mapping {
    start: *mut u8,
    bytes: usize,
}

/// That of the last hash, while none is under way.
static KEPT: PerBackend<Option<Mapping>> = PerBackend::new(None);

/// Working memory of whoever holds it, given back when dropped.
#[derive(Default)]
pub struct Blocks(Option<Mapping>);

// SAFETY: the mapping belongs to the process; one thread at a time has it.
unsafe impl Send for Blocks {}

impl Blocks {
    /// Between two hashes: kept as it is for the next one, unless there is none to be expected or it is large.
    #[cfg(target_os = "linux")]
    pub fn keep(&mut self, next_expected: bool) {
        if !next_expected || self.0.is_some_and(|mapping| mapping.bytes > MOST_KEPT) {
            *self = Self(None);
        }
    }
}

impl Drop for Blocks {
    fn drop(&mut self) {
        if let Some(mapping) = self.0.take() {
            mapping.give_back();
        }
    }
}

impl Memory for Blocks {
    fn blocks(&mut self, count: usize) -> Result<&mut [Block], OutOfMemory> {
        let bytes = count.checked_mul(size_of::<Block>()).ok_or(OutOfMemory)?;
        let mapping = match self.0 {
            Some(mapping) if mapping.bytes >= bytes => mapping,
            smaller => {
                if let Some(smaller) = smaller {
                    self.0 = None;
                    smaller.give_back();
                }
                Mapping::new(bytes)?
            }
        };
        self.0 = Some(mapping);
        // SAFETY: as many bytes as the blocks have, aligned to a page, nobody else's while `self` is borrowed; whatever
        // is in them is a block, which is an array of numbers.
        Ok(unsafe { std::slice::from_raw_parts_mut(mapping.start.cast(), count) })
    }
}

/// Working memory of this backend, kept for the next hash when dropped.
pub struct HashMemory(Blocks);

impl HashMemory {
    /// Whatever there is; it grows when it is asked for blocks.
    pub fn take() -> Self {
        Self(Blocks(KEPT.replace(None)))
    }
}

impl Memory for HashMemory {
    fn blocks(&mut self, count: usize) -> Result<&mut [Block], OutOfMemory> {
        self.0.blocks(count)
    }
}

impl Drop for HashMemory {
    fn drop(&mut self) {
        let Some(mapping) = self.0.0.filter(|mapping| mapping.bytes <= MOST_KEPT) else {
            return;
        };
        self.0.0 = None;
        // SAFETY: of our own mapping, in which nothing is kept.
        unsafe { libc::madvise(mapping.start.cast(), mapping.bytes, libc::MADV_FREE) };
        if let Some(other) = KEPT.replace(Some(mapping)) {
            other.give_back();
        }
    }
}

impl Mapping {
    fn new(bytes: usize) -> Result<Self, OutOfMemory> {
        let bytes = bytes.checked_next_multiple_of(HUGE).ok_or(OutOfMemory)?;
        // Kernels before 6.7 begin a mapping anywhere: one more is mapped, and what lies outside given back.
        let wider = bytes.checked_add(HUGE).ok_or(OutOfMemory)?;
        // SAFETY: memory nobody else has; the parts given back are parts of it.
        unsafe {
            let mapped = libc::mmap(
                std::ptr::null_mut(),
                wider,
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_PRIVATE | libc::MAP_ANON,
                -1,
                0,
            );
            if mapped == libc::MAP_FAILED {
                return Err(OutOfMemory);
            }
            let mapped = mapped.cast::<u8>();
            let before = mapped.align_offset(HUGE).min(HUGE);
            let mapping = Self {
                start: mapped.add(before),
                bytes,
            };
            for (start, bytes) in [(mapped, before), (mapping.start.add(bytes), HUGE - before)] {
                if bytes > 0 {
                    libc::munmap(start.cast(), bytes);
                }
            }
            #[cfg(target_os = "linux")]
            libc::madvise(mapping.start.cast(), bytes, libc::MADV_HUGEPAGE);
            Ok(mapping)
        }
    }

    fn give_back(self) {
        // SAFETY: what `new` made; nothing points into it any more.
        unsafe { libc::munmap(self.start.cast(), self.bytes) };
    }
}

//! How a thread of the worker shares its core: whoever else wants it has it within a millisecond.
//!
//! Linux chooses who runs when somebody wakes and with the tick of its clock, every 4 ms where that is 250 Hz as in Debian.
//! Whoever wakes a moment after he has had his share is not chosen then, though the hash has nearly no weight, and would be
//! some microseconds later; but nobody looks again until the tick. For that the slowest hundredth of reads, at half of what
//! two cores can do, took 5 to 9 ms beside sign-ins and 2 alone. Since a thread that hashes asks every millisecond whether it
//! is somebody else's turn they take 2.7 to 4.2. On a virtual machine, where each timer is an exit, that takes a hundredth of
//! its time, and every 0.15 ms a fifth; so it is done only where others want the core. To sleep for a moment instead of
//! yielding helped nobody.

use fluxbase_rules::password::is_core_wanted;
use std::cell::Cell;
use std::time::Duration;

/// How often somebody else may take the turn.
const TURN: Duration = Duration::from_millis(1);

/// What a thread asks of a core.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Claim {
    /// The least weight: for when nothing but sign-ins runs. The kernel sees two such threads on one core and moves one.
    Least,
    /// What nobody else wants (SCHED_IDLE). For the kernel the core is as good as idle: whoever wakes is sent there, and does not
    /// wait behind another elsewhere. But it leaves two such threads on one core while another has nothing to do: where
    /// nothing but sign-ins ran a tenth of the time was lost. And without privileges no thread can come back from it.
    Nothing,
}

/// The timer of a thread, and whether others wanted its core when it hashed last.
pub struct Turns {
    timer: Option<libc::timer_t>,
    claim: Claim,
    wanted: Cell<bool>,
}

impl Turns {
    /// Gives the calling thread its claim to a core, and a timer. Where there is none to be had it hashes without.
    pub fn of_this_thread(claim: Claim) -> Self {
        step_back(claim);
        // SAFETY: a handler that lives as long as the library and does nothing but a system call; the mask, the timer and
        // its signal are this thread's.
        unsafe {
            let number = libc::SIGRTMIN();
            let mut action: libc::sigaction = std::mem::zeroed();
            action.sa_sigaction = give_way as *const () as usize;
            action.sa_flags = libc::SA_RESTART;
            libc::sigaction(number, &raw const action, std::ptr::null_mut());
            let mut taken: libc::sigset_t = std::mem::zeroed();
            libc::sigemptyset(&raw mut taken);
            libc::sigaddset(&raw mut taken, number);
            libc::pthread_sigmask(libc::SIG_UNBLOCK, &raw const taken, std::ptr::null_mut());
            let mut event: libc::sigevent = std::mem::zeroed();
            event.sigev_notify = libc::SIGEV_THREAD_ID;
            event.sigev_signo = number;
            event.sigev_notify_thread_id = libc::gettid();
            let mut timer: libc::timer_t = std::ptr::null_mut();
            let made = libc::timer_create(libc::CLOCK_MONOTONIC, &raw mut event, &raw mut timer);
            Turns {
                timer: (made == 0).then_some(timer),
                claim,
                wanted: Cell::new(claim == Claim::Nothing),
            }
        }
    }

    /// Does something long, and gives way meanwhile if others wanted the core the last time.
    pub fn during<T>(&self, long: impl FnOnce() -> T) -> T {
        let gives_way = self.claim() == Claim::Nothing;
        let (interrupted, ran) = usage();
        if gives_way {
            self.every(TURN);
        }
        let done = long();
        if gives_way {
            self.every(Duration::ZERO);
        }
        let (now_interrupted, now_ran) = usage();
        self.wanted.set(is_core_wanted(
            now_interrupted.saturating_sub(interrupted),
            now_ran.saturating_sub(ran),
        ));
        done
    }

    /// What was seen when this thread worked last is of no use any more.
    pub fn begin(&self) {
        self.wanted.set(self.claim == Claim::Nothing);
    }

    /// What the next hash should ask of its core.
    pub fn claim(&self) -> Claim {
        if self.wanted.get() {
            Claim::Nothing
        } else {
            Claim::Least
        }
    }

    /// Sets the timer; zero stops it.
    fn every(&self, turn: Duration) {
        let turn = libc::timespec {
            tv_sec: 0,
            tv_nsec: turn.subsec_nanos().into(),
        };
        let period = libc::itimerspec {
            it_interval: turn,
            it_value: turn,
        };
        if let Some(timer) = self.timer {
            // SAFETY: the timer was made for this thread; reads the period.
            unsafe { libc::timer_settime(timer, 0, &raw const period, std::ptr::null_mut()) };
        }
    }
}

/// How often somebody else has taken the core from this thread, and how long it has run.
fn usage() -> (u64, Duration) {
    // SAFETY: fills a structure of this frame.
    let usage = unsafe {
        let mut usage: libc::rusage = std::mem::zeroed();
        libc::getrusage(libc::RUSAGE_THREAD, &raw mut usage);
        usage
    };
    let time = |of: libc::timeval| {
        let seconds = Duration::from_secs(of.tv_sec.try_into().unwrap_or_default());
        seconds + Duration::from_micros(of.tv_usec.try_into().unwrap_or_default())
    };
    let interrupted = u64::try_from(usage.ru_nivcsw).unwrap_or_default();
    (interrupted, time(usage.ru_utime) + time(usage.ru_stime))
}

/// One that was due when it was stopped ends a wait for orders early, which is looked after there.
extern "C" fn give_way(_: libc::c_int) {
    // SAFETY: may be called in a handler, and never fails.
    unsafe { libc::sched_yield() };
}

/// `struct sched_attr` in its first form (sched_setattr(2)), which the C library does not have everywhere.
#[repr(C)]
struct Attributes {
    size: u32,
    policy: u32,
    flags: u64,
    nice: i32,
    priority: u32,
    slice: u64,
    deadline: u64,
    period: u64,
}

/// The least weight, and turns of a tenth of a millisecond: whoever wakes does not wait for the end of a longer one.
fn step_back(claim: Claim) {
    let attributes = Attributes {
        size: size_of::<Attributes>() as u32,
        policy: match claim {
            Claim::Least => libc::SCHED_OTHER as u32,
            Claim::Nothing => libc::SCHED_IDLE as u32,
        },
        flags: 0,
        nice: 19,
        priority: 0,
        // In nanoseconds. Linux before 6.12 looks at it for other policies only.
        slice: 100_000,
        deadline: 0,
        period: 0,
    };
    // SAFETY: about the calling thread and always allowed; reads the attributes.
    unsafe {
        if libc::syscall(libc::SYS_sched_setattr, 0, &raw const attributes, 0) != 0 {
            libc::setpriority(libc::PRIO_PROCESS, 0, 19);
        }
    }
}

//! Pauses shorter than a millisecond.
//!
//! A step that waits is told as soon as somebody has looked, so the pause before the first look is
//! a good part of a specification's time. The runtime's own clock counts whole milliseconds and
//! rounds up twice: a pause of one takes more than two. Linux has a clock that can be listened to
//! like a socket (`timerfd_create`); where there is none, the runtime's has to do.

use std::time::Duration;

/// A clock for one pause at a time.
#[derive(Debug)]
pub(crate) struct Timer {
    #[cfg(target_os = "linux")]
    precise: Option<precise::Clock>,
}

impl Timer {
    pub(crate) fn new() -> Self {
        Self {
            #[cfg(target_os = "linux")]
            precise: precise::Clock::open().ok(),
        }
    }

    /// What comes of it, unless the time is over before.
    pub(crate) async fn limit<T>(&self, time: Duration, of: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            biased;
            // First: an answer that is there goes before the end of its time, even of a time of
            // zero.
            value = of => Some(value),
            () = self.pause(time) => None,
        }
    }

    async fn pause(&self, time: Duration) {
        #[cfg(target_os = "linux")]
        if let Some(clock) = &self.precise
            && clock.pause(time).await.is_ok()
        {
            return;
        }
        let _over = tokio::time::timeout(time, std::future::pending::<()>()).await;
    }
}

#[cfg(target_os = "linux")]
mod precise {
    use std::io;
    use std::os::fd::OwnedFd;
    use std::time::Duration;

    use rustix::time::{
        Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create,
        timerfd_settime,
    };
    use tokio::io::Interest;
    use tokio::io::unix::AsyncFd;

    #[derive(Debug)]
    pub(super) struct Clock(AsyncFd<OwnedFd>);

    impl Clock {
        pub(super) fn open() -> io::Result<Self> {
            let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
            let clock = timerfd_create(TimerfdClockId::Monotonic, flags)?;
            // SAFETY: the clock owns its descriptor, and AsyncFd the clock: it is open as long as
            // it is listened to.
            Ok(Self(unsafe { AsyncFd::register_with_interest(clock, Interest::READABLE) }?))
        }

        /// Setting the clock forgets that an earlier pause, which nobody has waited for to its end,
        /// is over; only reading tells whether this one is.
        pub(super) async fn pause(&self, time: Duration) -> io::Result<()> {
            // Zero would stop the clock.
            let time = time.max(Duration::from_nanos(1));
            let it_value = Timespec::try_from(time).map_err(io::Error::other)?;
            let it_interval = Timespec { tv_sec: 0, tv_nsec: 0 };
            let setting = Itimerspec { it_interval, it_value };
            timerfd_settime(&self.0, TimerfdTimerFlags::empty(), &setting)?;
            loop {
                let mut ready = self.0.readable().await?;
                let read = ready.try_io(|clock| Ok(rustix::io::read(clock, &mut [0_u8; 8])?));
                if let Ok(read) = read {
                    return read.map(|_| ());
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};
    use std::time::Instant;

    use futures::FutureExt as _;

    use super::*;

    const SHORT: Duration = Duration::from_micros(300);

    #[tokio::test]
    async fn a_pause_is_as_long_as_it_was_to_be() {
        let (timer, begun) = (Timer::new(), Instant::now());
        assert_eq!(timer.limit(SHORT, pending::<()>()).await, None);
        assert!(begun.elapsed() >= SHORT);
        assert_eq!(timer.limit(Duration::ZERO, pending::<()>()).await, None);
    }

    #[tokio::test]
    async fn what_is_there_already_comes_before_the_end_of_the_time() {
        assert_eq!(Timer::new().limit(Duration::ZERO, ready(7)).await, Some(7));
    }

    #[tokio::test]
    async fn a_pause_that_nobody_has_waited_for_does_not_end_the_next_one() {
        let (timer, other) = (Timer::new(), Timer::new());
        assert_eq!(timer.pause(SHORT).now_or_never(), None);
        assert_eq!(other.limit(10 * SHORT, pending::<()>()).await, None);
        let long = Duration::from_hours(1);
        assert_eq!(timer.limit(long, other.pause(10 * SHORT)).await, Some(()));
    }
}

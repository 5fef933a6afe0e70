//! Reads what the terminal sends, on a thread of its own, and stops at once when it is told to.

use std::io::{self, Read, Write, stdin};
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::net::UnixStream;
use std::thread::JoinHandle;

use tokio::sync::mpsc;

/// Reads that may wait before reading waits too.
const WAITING: usize = 64;
/// Bytes taken at once.
const BUFFER: usize = 4096;

/// The bytes of the terminal, as they come.
///
/// Not by a blocking task of the runtime: such a read cannot be stopped, and would take the keys of a program that
/// runs in front of the user.
pub(super) struct Tty {
    /// What was read at once; the end where the terminal is gone.
    pub reads: mpsc::Receiver<Vec<u8>>,
    stop: UnixStream,
    reading: Option<JoinHandle<()>>,
}

impl Tty {
    pub(super) fn open() -> io::Result<Self> {
        let (stop, stopped) = UnixStream::pair()?;
        let (sender, reads) = mpsc::channel(WAITING);
        let reading = std::thread::Builder::new().name("terminal".to_owned()).spawn(move || read(&stopped, &sender))?;
        Ok(Self { reads, stop, reading: Some(reading) })
    }

    /// Stops reading, and returns once nobody reads any more. What was read and not yet taken is lost.
    pub(super) fn close(&mut self) {
        self.reads.close();
        while self.reads.try_recv().is_ok() {}
        // A thread that has ended already needs no word.
        let _ = self.stop.write_all(&[0]);
        if let Some(reading) = self.reading.take() {
            let _ = reading.join();
        }
    }
}

impl Drop for Tty {
    fn drop(&mut self) {
        self.close();
    }
}

fn read(stopped: &UnixStream, sender: &mpsc::Sender<Vec<u8>>) {
    let terminal = stdin().as_raw_fd();
    let mut buffer = [0; BUFFER];
    while let Ok(true) = is_ready(terminal, stopped.as_raw_fd()) {
        // Not through the lock of `stdin`, whose buffer would keep bytes that nobody polls for.
        match Raw(terminal).read(&mut buffer) {
            Ok(0) => return,
            Ok(count) if sender.blocking_send(buffer[..count].to_vec()).is_ok() => {}
            Err(error) if matches!(error.kind(), io::ErrorKind::Interrupted | io::ErrorKind::WouldBlock) => {}
            Ok(_) | Err(_) => return,
        }
    }
}

/// Waits until the terminal has something, or is gone: `true`; or until reading is to stop: `false`.
#[expect(unsafe_code, reason = "there is no safe call for waiting for two files at once")]
fn is_ready(terminal: RawFd, stopped: RawFd) -> io::Result<bool> {
    let wanted = |fd| libc::pollfd { fd, events: libc::POLLIN, revents: 0 };
    let mut files = [wanted(terminal), wanted(stopped)];
    loop {
        // SAFETY: the pointer and the length are those of an array that outlives the call.
        let count = unsafe { libc::poll(files.as_mut_ptr(), files.len() as libc::nfds_t, -1) };
        match count {
            -1 if io::Error::last_os_error().kind() == io::ErrorKind::Interrupted => {}
            -1 => return Err(io::Error::last_os_error()),
            _ => return Ok(files[1].revents == 0),
        }
    }
}

/// A file that belongs to somebody else.
struct Raw(RawFd);

impl Read for Raw {
    #[expect(unsafe_code, reason = "the standard input has no unbuffered reader of its own")]
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        // SAFETY: the pointer and the length are those of a buffer that outlives the call.
        let count = unsafe { libc::read(self.0, buffer.as_mut_ptr().cast(), buffer.len()) };
        usize::try_from(count).map_err(|_| io::Error::last_os_error())
    }
}

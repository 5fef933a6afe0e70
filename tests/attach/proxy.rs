//! Stands between the program and the server: passes on, listens, and stops or breaks off where it is told to.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// What happens once so many bytes of the server have passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Then {
    /// Nothing more passes, and nothing ends.
    Stall,
    BreakOff,
    GoOn,
}

pub struct Proxy {
    pub port: u16,
    /// As long as this is set, nothing of the server passes.
    pub holds: Arc<AtomicBool>,
    /// The connection over which the program sends this next is silent from then on; others go on.
    pub silent_at: Arc<Mutex<Option<&'static [u8]>>>,
    /// Bytes of the server that came so far.
    pub passed: Arc<AtomicUsize>,
    /// All that the program sent.
    pub heard: Arc<Mutex<Vec<u8>>>,
}

impl Proxy {
    pub fn start(socket: &str, after: usize, then: Then) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("listens");
        let port = listener.local_addr().expect("an address").port();
        let heard = Arc::new(Mutex::new(Vec::new()));
        let holds = Arc::new(AtomicBool::new(false));
        let silent_at = Arc::new(Mutex::new(None));
        let (held, until) = (Arc::clone(&holds), Arc::clone(&silent_at));
        let passed = Arc::new(AtomicUsize::new(0));
        let (socket, own, all) = (socket.to_owned(), Arc::clone(&heard), Arc::clone(&passed));
        thread::spawn(move || {
            for client in listener.incoming() {
                let Ok(client) = client else { return };
                let server = UnixStream::connect(&socket).expect("the server is there");
                let (up, down) = (client.try_clone().expect("clones"), server.try_clone().expect("clones"));
                let (own, passed) = (Arc::clone(&own), Arc::clone(&all));
                let (held, until) = (Arc::clone(&held), Arc::clone(&until));
                let is_silent = Arc::new(AtomicBool::new(false));
                let silenced = Arc::clone(&is_silent);
                thread::spawn(move || listen(up, down, &own, (&silenced, &until)));
                thread::spawn(move || answer(server, client, (&passed, &held, &is_silent), after, then));
            }
        });
        Self { port, holds, silent_at, passed, heard }
    }
}

fn listen(
    mut from: TcpStream,
    mut to: UnixStream,
    heard: &Mutex<Vec<u8>>,
    (silenced, until): (&AtomicBool, &Mutex<Option<&'static [u8]>>),
) {
    let mut buffer = [0; 8192];
    while let Ok(read) = from.read(&mut buffer)
        && read > 0
    {
        heard.lock().expect("no panic").extend_from_slice(&buffer[..read]);
        let mut waited_for = until.lock().expect("no panic");
        if waited_for.is_some_and(|words| buffer[..read].windows(words.len()).any(|own| own == words)) {
            *waited_for = None;
            silenced.store(true, Ordering::Relaxed);
        }
        drop(waited_for);
        if to.write_all(&buffer[..read]).is_err() {
            return;
        }
    }
    // The other side may be gone.
    let _ = to.shutdown(Shutdown::Both);
}

fn answer(
    mut from: UnixStream,
    mut to: TcpStream,
    (passed, held, is_silent): (&AtomicUsize, &AtomicBool, &AtomicBool),
    after: usize,
    then: Then,
) {
    let mut buffer = [0; 1024];
    while let Ok(read) = from.read(&mut buffer)
        && read > 0
    {
        while held.load(Ordering::Relaxed) {
            thread::sleep(Duration::from_millis(5));
        }
        while is_silent.load(Ordering::Relaxed) {
            thread::park();
        }
        if passed.fetch_add(read, Ordering::Relaxed) + read > after {
            match then {
                Then::GoOn => {}
                Then::Stall => loop {
                    thread::park();
                },
                Then::BreakOff => {
                    let _ = to.write_all(&buffer[..read / 2]);
                    break;
                }
            }
        }
        if to.write_all(&buffer[..read]).is_err() {
            return;
        }
    }
    let _ = to.shutdown(Shutdown::Both);
}

//! Completions in the shells themselves: what zsh and fish make of what turnscope answers.

use std::io::{Read, Write};
use std::process::{Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use portable_pty::{CommandBuilder, PtySize, native_pty_system};

use crate::desk::{Desk, text};
use crate::sample;

/// A shell that says nothing for so long has nothing more to say.
const PATIENCE: Duration = Duration::from_secs(30);
/// Keys are typed once a shell is ready for them.
const READY: &str = "ready-to-type";

fn has(shell: &str) -> bool {
    let found = Command::new(shell).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok();
    if !found {
        writeln!(std::io::stderr(), "skipped: completions in {shell} ({shell} is missing: apt-get install {shell})")
            .expect("stderr is open");
    }
    found
}

/// A store with two sessions, one of which has a colon in its id; and the completions of a shell.
fn desk(shell: &str) -> Desk {
    let desk = Desk::with_file();
    let (plain, colon) = ("in/claude.jsonl", "in/room:blue.jsonl");
    for (name, content) in [(plain, sample::claude()), (colon, b"{\"type\":\"turnscope_row\",\"x\":1}\n".to_vec())] {
        desk.import(&desk.write(name, content));
    }
    let script = desk.done(&["completions", shell]).out;
    desk.write("script", script);
    desk
}

/// What fish offers for a line, without the words beside it.
fn in_fish(desk: &Desk, line: &str) -> Vec<String> {
    let mut command = Command::new("fish");
    command.args(["--no-config", "-c", &format!("source script; complete -C '{line}'")]);
    command.env_clear().env("HOME", desk.path("home")).env("PATH", "/usr/bin:/bin").env("TERM", "xterm");
    let output = command.current_dir(desk.path(".")).stdin(Stdio::null()).output().expect("fish runs");
    assert!(output.status.success() && output.stderr.is_empty(), "{line}: {output:?}");
    let shown = String::from_utf8(output.stdout).expect("is text");
    shown.lines().filter_map(|line| line.split('\t').next()).map(str::to_owned).collect()
}

#[test]
fn fish_completes_commands_values_and_sessions() {
    if !has("fish") {
        return;
    }
    let desk = desk("fish");
    assert_eq!(in_fish(&desk, "turnscope sess"), ["sessions"]);
    assert_eq!(in_fish(&desk, "turnscope check --severity e"), ["error"]);
    let typed = &sample::CLAUDE[..6];
    assert_eq!(in_fish(&desk, &format!("turnscope timeline {typed}")), [sample::CLAUDE]);
    assert_eq!(in_fish(&desk, &format!("turnscope --json export {typed}")), [sample::CLAUDE]);
    assert_eq!(in_fish(&desk, "turnscope show room:b"), ["room:blue"]);
    assert!(in_fish(&desk, "turnscope show ").contains(&"last".to_owned()));
}

/// zsh at a terminal, as only there it completes.
struct Zsh {
    keyboard: Box<dyn Write + Send>,
    heard: Receiver<Vec<u8>>,
    shown: String,
    child: Box<dyn portable_pty::Child + Send + Sync>,
}

impl Zsh {
    fn start(desk: &Desk) -> Self {
        let size = PtySize { rows: 24, cols: 200, pixel_width: 0, pixel_height: 0 };
        let pair = native_pty_system().openpty(size).expect("opens a terminal");
        let mut command = CommandBuilder::new("zsh");
        command.args(["-f", "-i"]);
        command.cwd(desk.path("."));
        command.env_clear();
        for (name, value) in [("HOME", text(&desk.path("home"))), ("PATH", "/usr/bin:/bin"), ("TERM", "dumb")] {
            command.env(name, value);
        }
        let child = pair.slave.spawn_command(command).expect("starts");
        let mut reader = pair.master.try_clone_reader().expect("can be read");
        let (sender, heard) = channel();
        let master = pair.master;
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(size @ 1..) = reader.read(&mut buffer) {
                if sender.send(buffer[..size].to_vec()).is_err() {
                    break;
                }
            }
        });
        let keyboard = master.take_writer().expect("can be written");
        let mut zsh = Self { keyboard, heard, shown: String::new(), child };
        // Split, so that what is typed is not taken for what is said.
        zsh.press("PROMPT='> '; autoload -Uz compinit; compinit -D -u; source ./script; echo ready-\\to-type\n");
        zsh.wait(READY);
        zsh
    }

    fn press(&mut self, keys: &str) {
        self.keyboard.write_all(keys.as_bytes()).and_then(|()| self.keyboard.flush()).expect("keys are taken");
    }

    fn wait(&mut self, wanted: &str) {
        while !self.shown.contains(wanted) {
            match self.heard.recv_timeout(PATIENCE) {
                Ok(bytes) => self.shown.push_str(&String::from_utf8_lossy(&bytes)),
                Err(_) => panic!("waited in vain for {wanted}: {:?}", self.shown),
            }
        }
    }

    /// Completes a line, of which the words that are wanted must then stand there; then it is thrown away.
    fn completes(&mut self, line: &str, wanted: &str) {
        self.shown.clear();
        self.press(&format!("{line}\t"));
        self.wait(wanted);
        self.press("\u{15}");
    }
}

impl Drop for Zsh {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn zsh_completes_commands_values_and_sessions() {
    if !has("zsh") {
        return;
    }
    let desk = desk("zsh");
    let mut zsh = Zsh::start(&desk);
    zsh.completes("turnscope sess", "turnscope sessions");
    zsh.completes("turnscope check --severity e", "--severity error");
    let typed = &sample::CLAUDE[..6];
    zsh.completes(&format!("turnscope timeline {typed}"), sample::CLAUDE);
    zsh.completes(&format!("turnscope --json export {typed}"), sample::CLAUDE);
    zsh.completes("turnscope show room:b", "room:blue");
}

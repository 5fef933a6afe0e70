//! What a shell completes: `turnscope completions SHELL` prints what asks, and here is what answers.
//!
//! It answers quickly or not at all: a store that is missing, locked, broken or slow gives no sessions and no words.

use std::ffi::{OsStr, OsString};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::{Arg, CommandFactory};
use clap_complete::CompleteEnv;
use clap_complete::engine::{ArgValueCompleter, CompletionCandidate};
use clap_complete::env::Shells;

use super::Ended;
use super::location::Location;
use super::output::Output;
use crate::cli::{Line, Shell};
use crate::domain::{Session, excerpt, safe};
use crate::store::Store;

/// The variable by which a shell asks.
const ASKED: &str = "TURNSCOPE_COMPLETE";
/// Who waits at a prompt waits no longer.
const PATIENCE: Duration = Duration::from_millis(400);
/// So many sessions are offered.
const MOST: i64 = 200;
/// Columns of a title beside an id.
const TITLE: usize = 60;

/// Bash splits words at colons, which ids may hold: words are put together before they are passed on, and what
/// stands before the last colon is taken off the answers, because bash keeps it.
const BASH: &str = r#"_turnscope() {
    local IFS=$'\013' word words=() index=0 at glued=0
    for ((at = 0; at < ${#COMP_WORDS[@]}; at++)); do
        word=${COMP_WORDS[at]}
        if ((at > 0)) && [[ $word == [:=]* || $glued == 1 ]] && [[ ${#words[@]} -gt 1 ]]; then
            words[${#words[@]}-1]+=$word
        else
            words+=("$word")
        fi
        glued=0
        [[ $word == *[:=] ]] && glued=1
        ((at == COMP_CWORD)) && index=$((${#words[@]} - 1))
    done
    words=("${words[@]:0:index+1}")
    COMPREPLY=($(_CLAP_IFS="$IFS" _CLAP_COMPLETE_INDEX="$index" ASKED=bash PROGRAM -- "${words[@]}" 2>/dev/null))
    local typed=${words[index]} kept=
    [[ $typed == *[:=]* && $COMP_WORDBREAKS == *:* ]] && kept=${typed%"${typed##*[:=]}"}
    [[ -n $kept ]] && COMPREPLY=("${COMPREPLY[@]#"$kept"}")
    [[ ${#COMPREPLY[@]} == 1 && ${COMPREPLY[0]} == */ ]] && compopt -o nospace
}
complete -o bashdefault -F _turnscope turnscope
"#;

/// Answers a shell that asks; `None` where none does.
pub fn answer() -> Option<ExitCode> {
    std::env::var_os(ASKED).filter(|shell| !shell.is_empty() && shell != "0")?;
    let here = std::env::current_dir().ok();
    let answered = CompleteEnv::with_factory(line).var(ASKED).try_complete(std::env::args_os(), here.as_deref());
    // Words would stand in the middle of what is being typed.
    Some(ExitCode::from(if answered.is_ok() { 0 } else { Ended::Failed.code() }))
}

/// Prints what has a shell ask.
pub fn print(shell: Shell, output: &mut Output) -> Result<Ended> {
    let program = program();
    let mut script = Vec::new();
    match (shell, Shells::builtins().completer(shell.name())) {
        (Shell::Bash, _) | (_, None) => {
            script.extend(BASH.replace("ASKED", ASKED).replace("PROGRAM", &quoted(&program)).bytes());
        }
        (_, Some(known)) => known
            .write_registration(ASKED, "turnscope", "turnscope", &program, &mut script)
            .context("could not write the completions")?,
    }
    output.bytes(&script)?;
    Ok(Ended::Well)
}

/// The program as it was called: by its name where it is found by that, else by its whole path.
fn program() -> String {
    let called = std::env::args_os().next().unwrap_or_else(|| "turnscope".into());
    let is_path = called.to_string_lossy().contains('/');
    let path = std::env::current_exe().ok().filter(|_| is_path).map_or(called, OsString::from);
    path.to_string_lossy().into_owned()
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// The command line, with what only the store knows.
fn line() -> clap::Command {
    with_sessions(Line::command())
}

fn with_sessions(command: clap::Command) -> clap::Command {
    let command = command.mut_args(|argument| match argument.get_id().as_str() {
        "session" => named(argument, sessions),
        "room" => named(argument, rooms),
        _ => argument,
    });
    let names: Vec<String> = command.get_subcommands().map(|under| under.get_name().to_owned()).collect();
    names.into_iter().fold(command, |command, name| command.mut_subcommand(name, with_sessions))
}

fn named(argument: Arg, candidates: fn(&str) -> Vec<CompletionCandidate>) -> Arg {
    argument.add(ArgValueCompleter::new(move |typed: &OsStr| typed.to_str().map(candidates).unwrap_or_default()))
}

fn sessions(typed: &str) -> Vec<CompletionCandidate> {
    let known = known(typed).into_iter().filter(|session| session.id.starts_with(typed));
    let mut found: Vec<CompletionCandidate> =
        known.map(|session| candidate(&session.id, session.title.as_deref())).collect();
    if "last".starts_with(typed) {
        found.insert(0, candidate("last", Some("the session with the newest event")));
    }
    found
}

fn rooms(typed: &str) -> Vec<CompletionCandidate> {
    let mut rooms: Vec<String> = known(typed).into_iter().filter_map(|session| session.room).collect();
    rooms.retain(|room| room.starts_with(typed));
    rooms.sort();
    rooms.dedup();
    rooms.iter().map(|room| candidate(room, None)).collect()
}

fn candidate(value: &str, words: Option<&str>) -> CompletionCandidate {
    CompletionCandidate::new(value).help(words.map(|words| safe(&excerpt(words, TITLE)).into_owned().into()))
}

/// The sessions that go on from what is typed; none where they are not to be had.
///
/// An id that a shell would have to quote, or that could steer a terminal, is not offered.
fn known(typed: &str) -> Vec<Session> {
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else { return Vec::new() };
    let found = runtime.block_on(async { tokio::time::timeout(PATIENCE, beginning(typed)).await });
    runtime.shutdown_background();
    let Ok(Ok(mut sessions)) = found else { return Vec::new() };
    let is_plain = |text: &str| safe(text) == text && !text.contains(|letter: char| letter.is_whitespace());
    sessions.retain(|session| is_plain(&session.id));
    sessions
}

async fn beginning(typed: &str) -> Result<Vec<Session>> {
    let location = Location::find(store_on_line(std::env::args_os()).as_deref())?;
    let store = Store::to_look_at(&location.address, PATIENCE).await?;
    store.sessions_beginning(typed, MOST).await
}

/// The store that the line so far names, else that of the environment.
fn store_on_line(arguments: impl Iterator<Item = OsString>) -> Option<OsString> {
    let typed: Vec<OsString> = arguments.skip_while(|argument| argument != "--").skip(1).collect();
    let behind = |at: usize, argument: &OsString| match argument.to_str()? {
        "--store" => typed.get(at + 1).cloned(),
        text => text.strip_prefix("--store=").map(OsString::from),
    };
    let named = typed.iter().enumerate().find_map(|(at, argument)| behind(at, argument));
    named.filter(|named| !named.is_empty()).or_else(|| std::env::var_os("TURNSCOPE_STORE"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_store_of_the_line_is_asked() {
        let line = |words: &[&str]| {
            let words: Vec<OsString> = words.iter().map(OsString::from).collect();
            store_on_line(words.into_iter())
        };
        assert_eq!(line(&["turnscope", "--", "turnscope", "--store", "a.db", "show"]), Some("a.db".into()));
        assert_eq!(line(&["turnscope", "--", "turnscope", "show", "--store=b.db", ""]), Some("b.db".into()));
    }

    #[test]
    fn every_argument_that_is_a_session_is_completed() {
        let mut command = line();
        command.build();
        for name in ["timeline", "show", "search", "check", "export", "stats", "purge", "copy"] {
            let under = command.find_subcommand(name).expect("a command");
            let argument = under.get_arguments().find(|argument| argument.get_id() == "session").expect("a session");
            assert!(argument.get::<ArgValueCompleter>().is_some(), "{name}");
        }
    }
}

//! The program from outside: what is typed, what comes out, and with which exit code.

mod server;

#[path = "cli/desk.rs"]
mod desk;
#[path = "page/harm.rs"]
mod harm;
#[path = "cli/sample.rs"]
mod sample;

#[path = "cli/importing.rs"]
mod importing;
#[path = "cli/reading.rs"]
mod reading;
#[path = "cli/showing.rs"]
mod showing;
#[path = "cli/leaving.rs"]
mod leaving;
#[path = "cli/checking.rs"]
mod checking;
#[path = "cli/cutting.rs"]
mod cutting;
#[path = "cli/forms.rs"]
mod forms;
#[path = "cli/filtering.rs"]
mod filtering;
#[path = "cli/refusing.rs"]
mod refusing;
#[path = "cli/terminal.rs"]
mod terminal;
#[path = "cli/watching.rs"]
mod watching;
#[path = "cli/purging.rs"]
mod purging;
#[path = "cli/planting.rs"]
mod planting;
#[path = "cli/redacting.rs"]
mod redacting;
#[path = "cli/settling.rs"]
mod settling;
#[path = "cli/spoiling.rs"]
mod spoiling;
#[path = "cli/proving.rs"]
mod proving;
#[path = "cli/reindexing.rs"]
mod reindexing;
#[path = "cli/hostile.rs"]
mod hostile;
#[path = "cli/recovering.rs"]
mod recovering;
#[path = "cli/helping.rs"]
mod helping;
#[path = "cli/shells.rs"]
mod shells;

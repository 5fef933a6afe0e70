//! `turnscope man`: manual pages, made of what `--help` says.

use std::fs;
use std::io::Write;
use std::path::Path;

use anyhow::{Context, Result};
use clap::CommandFactory;
use clap_mangen::Man;

use super::output::Output;
use super::{Ended, tell, usage};
use crate::cli::{self, Line};

pub fn manual(wanted: &cli::Man, output: &mut Output) -> Result<Ended> {
    let mut line = Line::command();
    line.build();
    match &wanted.out_dir {
        Some(folder) => write_all(&line, folder)?,
        None => output.bytes(&page(find(&line, &wanted.command)?)?)?,
    }
    Ok(Ended::Well)
}

/// The command of that name, and below it the next.
fn find<'a>(line: &'a clap::Command, names: &[String]) -> Result<&'a clap::Command> {
    let mut command = line;
    for name in names {
        command = command.find_subcommand(name).ok_or_else(|| {
            let known: Vec<&str> = command.get_subcommands().map(clap::Command::get_name).collect();
            usage(format!("no command `{name}`; there are {}", known.join(", ")))
        })?;
    }
    Ok(command)
}

fn write_all(line: &clap::Command, folder: &Path) -> Result<()> {
    fs::create_dir_all(folder).with_context(|| format!("could not make the folder {}", folder.display()))?;
    let mut left = vec![line];
    let mut written = 0;
    while let Some(command) = left.pop() {
        let path = folder.join(format!("{}.1", title(command)));
        fs::write(&path, page(command)?).with_context(|| format!("could not write {}", path.display()))?;
        written += 1;
        left.extend(command.get_subcommands().filter(|under| under.get_name() != "help"));
    }
    tell(&format!("wrote {written} pages to {}", folder.display()));
    Ok(())
}

/// `turnscope-purge-hold`.
fn title(command: &clap::Command) -> String {
    command.get_display_name().unwrap_or_else(|| command.get_name()).to_owned()
}

/// One page. What stands below the options is kept line by line, because examples are aligned.
fn page(command: &clap::Command) -> Result<Vec<u8>> {
    let below = command.get_after_help().map(ToString::to_string).unwrap_or_default();
    let man = Man::new(command.clone().after_help("")).source(format!("turnscope {}", env!("CARGO_PKG_VERSION")));
    let mut page = Vec::new();
    man.render_title(&mut page)?;
    man.render_name_section(&mut page)?;
    man.render_synopsis_section(&mut page)?;
    man.render_description_section(&mut page)?;
    if command.get_arguments().any(|argument| !argument.is_hide_set()) {
        man.render_options_section(&mut page)?;
    }
    if command.has_subcommands() {
        man.render_subcommands_section(&mut page)?;
    }
    if !below.is_empty() {
        let mut text = roff(&below);
        text.insert_str(0, if below.starts_with("Examples:") { ".SH EXAMPLES\n.nf\n" } else { ".SH NOTES\n.nf\n" });
        page.write_all(text.replace("\nExamples:\n", "\n").as_bytes())?;
        page.write_all(b".fi\n")?;
    }
    Ok(page)
}

/// Lines as they are, with nothing in them that would be read as a request.
fn roff(text: &str) -> String {
    let line = |line: &str| {
        let line = line.replace('\\', r"\e").replace('-', r"\-").replace('\'', r"\(aq").replace('`', r"\(ga");
        if line.starts_with('.') { format!("\\&{line}\n") } else { format!("{line}\n") }
    };
    text.lines().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_line_is_a_request() {
        assert_eq!(roff(".x\n'a-b' \\n"), "\\&.x\n\\(aqa\\-b\\(aq \\en\n");
    }

    #[test]
    fn every_command_has_a_page_that_says_what_its_help_says() {
        let mut line = Line::command();
        line.build();
        let names: Vec<&str> = line.get_subcommands().map(clap::Command::get_name).collect();
        for command in line.get_subcommands().filter(|under| under.get_name() != "help") {
            let page = String::from_utf8(page(command).expect("a page")).expect("UTF-8");
            assert!(page.contains(".SH NAME") && page.contains(".SH SYNOPSIS"), "{page}");
            assert_eq!(page.contains(".SH EXAMPLES"), command.get_after_help().is_some(), "{names:?}");
        }
    }
}

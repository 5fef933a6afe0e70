//! What may stand in the configuration file, and what is wrong with one: each fault with its line.

use std::ffi::OsString;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::ValueEnum;
use toml::Spanned;

use super::hiding::OwnRules;
use super::written::Written;
use super::{line_of, prices, unusable};
use crate::cli::{Color, Theme};
use crate::domain::telling;
use crate::run::zone::Zone;
use crate::ui::{self, Keys, Rebinding};

/// The file as it is written.
#[derive(Debug)]
pub struct File {
    path: PathBuf,
    text: String,
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// From 1 on; 0 where it is the file as a whole.
    pub line: usize,
    pub reason: String,
}

impl Fault {
    /// `path:line: reason`.
    pub fn told(&self, path: &Path) -> String {
        match self.line {
            0 => format!("{}: {}", path.display(), self.reason),
            line => format!("{}:{line}: {}", path.display(), self.reason),
        }
    }
}

/// What the file says, checked.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    pub store: Option<OsString>,
    pub color: Option<Color>,
    pub theme: Option<Theme>,
    /// A theme of the user's own.
    pub theme_of_user: Option<ui::theme::Theme>,
    pub mouse: Option<bool>,
    pub tz: Option<String>,
    pub retention: Option<u32>,
    pub prices: Option<PathBuf>,
    /// More rules of what to hide.
    pub redaction: Option<OwnRules>,
    pub sources: Sources,
    pub keys: Keys,
}

/// What `turnscope import` reads when nothing is named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sources {
    /// The folders of every known agent.
    pub agents: bool,
    pub folders: Vec<PathBuf>,
}

impl Default for Sources {
    fn default() -> Self {
        Self { agents: true, folders: Vec::new() }
    }
}

impl File {
    pub fn read(path: &Path) -> Result<Self> {
        let text = fs::read_to_string(path).map_err(|error| match error.kind() {
            ErrorKind::InvalidData => unusable(path, "it is no UTF-8"),
            _ => unusable(path, telling::in_plain_words(&error)),
        })?;
        Ok(Self { path: path.to_owned(), text })
    }

    /// What it says, or all that is wrong with it.
    pub fn settings(&self) -> Result<Settings, Vec<Fault>> {
        let (written, wrong) = Written::of(&self.text);
        let mut faults: Vec<Fault> = wrong.iter().map(|error| self.of_toml(error)).collect();
        let mut settings = Settings {
            store: written.store.as_ref().map(|store| self.address(store.get_ref())),
            mouse: written.mouse,
            retention: written.retention,
            ..Settings::default()
        };
        settings.color = self.one_of::<Color>("color", written.color.as_ref(), &mut faults);
        self.theme(written.theme.as_ref(), &mut settings, &mut faults);
        if let Some(tz) = &written.tz {
            match Zone::parse(tz.get_ref()) {
                Ok(_) => settings.tz = Some(tz.get_ref().clone()),
                Err(error) => faults.push(self.fault(tz, error.to_string())),
            }
        }
        if let Some(written) = &written.prices {
            let path = self.beside(written.get_ref());
            match prices(Some(&path)) {
                Ok(_) => settings.prices = Some(path),
                Err(error) => faults.push(self.fault(written, error.to_string())),
            }
        }
        match written.redaction.as_ref().map(|own| (own, OwnRules::of(own.get_ref(), |path| self.beside(path)))) {
            None => {}
            Some((_, Ok(own))) => settings.redaction = Some(own),
            Some((own, Err(refused))) => {
                let line = refused.rule.and_then(|rule| self.line_of_rule(&rule));
                let line = line.unwrap_or_else(|| self.line(own.span().start));
                faults.push(Fault { line, reason: refused.reason });
            }
        }
        settings.sources.agents = written.sources.agents.unwrap_or(true);
        settings.sources.folders = written.sources.folders.iter().map(|folder| self.beside(folder.get_ref())).collect();
        self.keys(&written.keys, &mut settings, &mut faults);
        faults.sort_by_key(|fault| fault.line);
        faults.dedup();
        if faults.is_empty() { Ok(settings) } else { Err(faults) }
    }

    fn of_toml(&self, error: &toml::de::Error) -> Fault {
        let line = error.span().map_or(0, |span| self.line(span.start));
        let reason = error.message().replace('\n', " ");
        Fault { line, reason }
    }

    fn fault(&self, value: &Spanned<String>, reason: String) -> Fault {
        Fault { line: self.line(value.span().start), reason }
    }

    fn line(&self, at: usize) -> usize {
        line_of(&self.text, at)
    }

    /// The line of the first member with a name, in the table of keys where there is one.
    fn line_of_key(&self, name: &str) -> usize {
        let bare = |line: &str| {
            let key = line.split('=').next().unwrap_or(line).trim().trim_matches(['"', '\'']);
            key == name || key.ends_with(&format!(".{name}"))
        };
        let keys = self.text.lines().position(|line| line.trim_start().starts_with("[keys")).unwrap_or(0);
        let found = self.text.lines().skip(keys).position(bare);
        found.map_or(0, |at| keys + at + 1)
    }

    /// A word that an option takes too.
    fn one_of<T: ValueEnum>(&self, name: &str, value: Option<&Spanned<String>>, faults: &mut Vec<Fault>) -> Option<T> {
        let value = value?;
        let known = T::from_str(value.get_ref(), false);
        if known.is_err() {
            let names: Vec<String> = T::value_variants()
                .iter()
                .filter_map(|variant| Some(variant.to_possible_value()?.get_name().to_owned()))
                .collect();
            let reason = format!("{name}: `{}` is none of {}", value.get_ref(), names.join(", "));
            faults.push(self.fault(value, reason));
        }
        known.ok()
    }

    /// `auto`, `dark`, `light`, or the path of a theme.
    fn theme(&self, value: Option<&Spanned<String>>, settings: &mut Settings, faults: &mut Vec<Fault>) {
        let Some(value) = value else { return };
        if !value.get_ref().ends_with(".toml") {
            settings.theme = self.one_of("theme", Some(value), faults);
            if let (None, Some(fault)) = (settings.theme, faults.last_mut()) {
                fault.reason.push_str(", nor the path of a theme (*.toml)");
            }
            return;
        }
        let path = self.beside(value.get_ref());
        let read = fs::read_to_string(&path).map_err(|error| telling::in_plain_words(&error));
        match read.and_then(|text| ui::theme::Theme::parse(&text)) {
            Ok(theme) => settings.theme_of_user = Some(theme),
            Err(reason) => faults.push(self.fault(value, format!("theme {}: {reason}", path.display()))),
        }
    }

    /// The line in which a rule of redaction is named.
    fn line_of_rule(&self, name: &str) -> Option<usize> {
        let quoted = |line: &str| ['"', '\''].iter().any(|quote| line.contains(&format!("{quote}{name}{quote}")));
        let named = |line: &str| line.trim_start().starts_with("name") && quoted(line);
        self.text.lines().position(named).map(|at| at + 1)
    }

    fn keys(&self, written: &toml::Table, settings: &mut Settings, faults: &mut Vec<Fault>) {
        let mut rebindings = Vec::new();
        for (name, value) in written {
            let place = ["sessions", "timeline", "event", "review"].contains(&name.as_str());
            match value {
                toml::Value::Table(rows) if place => {
                    for (action, value) in rows {
                        self.row(name, action, value, &mut rebindings, faults);
                    }
                }
                _ if place => faults.push(Fault {
                    line: self.line_of_key(name),
                    reason: format!("keys.{name}: expected a table such as [keys.{name}]"),
                }),
                value => self.row("", name, value, &mut rebindings, faults),
            }
        }
        match Keys::with(&rebindings) {
            Ok(keys) => settings.keys = keys,
            Err(wrong) => faults.extend(wrong.into_iter().map(|(index, reason)| Fault {
                line: self.line_of_key(&rebindings[index].name),
                reason: format!("keys: {reason}"),
            })),
        }
    }

    fn row(&self, place: &str, name: &str, value: &toml::Value, rows: &mut Vec<Rebinding>, faults: &mut Vec<Fault>) {
        let text = |value: &toml::Value| value.as_str().map(str::to_owned);
        let keys = match value {
            toml::Value::String(keys) => Some(vec![keys.clone()]),
            toml::Value::Array(list) => list.iter().map(text).collect(),
            _ => None,
        };
        match keys {
            Some(keys) => rows.push(Rebinding { place: place.to_owned(), name: name.to_owned(), keys }),
            None => faults.push(Fault {
                line: self.line_of_key(name),
                reason: format!("keys: `{name}` needs keys such as \"gg\" or [\"j\", \"^N\"]"),
            }),
        }
    }

    /// A store as `--store` takes it; the path of one is reckoned from the file.
    fn address(&self, text: &str) -> OsString {
        if text.contains("://") { text.into() } else { self.beside(text).into_os_string() }
    }

    /// A path as it is meant in the file: from the file's folder, or from the home folder behind `~/`.
    fn beside(&self, text: &str) -> PathBuf {
        if let (Some(rest), Some(home)) = (text.strip_prefix("~/"), std::env::var_os("HOME")) {
            return PathBuf::from(home).join(rest);
        }
        self.path.parent().map_or_else(|| text.into(), |folder| folder.join(text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Settings, Vec<Fault>> {
        File { path: PathBuf::from("/etc/turnscope/config.toml"), text: text.to_owned() }.settings()
    }

    fn faults(text: &str) -> Vec<(usize, String)> {
        read(text).expect_err("wrong").into_iter().map(|fault| (fault.line, fault.reason)).collect()
    }

    #[test]
    fn every_member_may_be_left_out() {
        let settings = read("").expect("sound");
        assert!(settings.store.is_none() && settings.sources == Sources::default());
    }

    #[test]
    fn paths_are_reckoned_from_the_file_and_addresses_are_kept() {
        let settings = read("store = \"team.db\"\n[sources]\nagents = false\nfolders = [\"runs\", \"/var/runs\"]\n");
        let settings = settings.expect("sound");
        assert_eq!(settings.store, Some("/etc/turnscope/team.db".into()));
        let folders = ["/etc/turnscope/runs", "/var/runs"].map(PathBuf::from).to_vec();
        assert_eq!(settings.sources, Sources { agents: false, folders });
        let settings = read("store = \"postgres://db.example/team\"").expect("sound");
        assert_eq!(settings.store, Some("postgres://db.example/team".into()));
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line() {
        let told = faults("mouse = true\nstroe = \"x\"\n");
        assert_eq!(told[0].0, 2, "{told:?}");
        assert!(told[0].1.contains("stroe") && told[0].1.contains("store"), "{told:?}");
        assert_eq!(faults("a = ").first().map(|fault| fault.0), Some(1));
        let told = faults("\ncolor = \"green\"\ntz = \"Mars\"\nprices = \"/nothing/there\"\n");
        let lines: Vec<usize> = told.iter().map(|fault| fault.0).collect();
        assert_eq!(lines, [2, 3, 4], "{told:?}");
        assert!(told[0].1.contains("none of auto, always, never"), "{told:?}");
        let told = faults(
            "mouse = 1\nstroe = \"x\"\nretention = -1\ncolor = \"green\"\n\n[sources]\nagents = 3\nfolders = [1, \"x\", 2]\nfolder = 4\n\n[keys]\nfind-search = 7\n",
        );
        let lines: Vec<usize> = told.iter().map(|fault| fault.0).collect();
        assert_eq!(lines, [1, 2, 3, 4, 7, 8, 8, 9, 12], "{told:?}");
        let told = faults("mouse = \nstore = \"x\"\ntz = \n");
        let lines: Vec<usize> = told.iter().map(|fault| fault.0).collect();
        assert_eq!(lines, [1, 3], "{told:?}");
        let told = faults("retention = -1\n");
        assert_eq!(told[0].0, 1, "{told:?}");
    }

    #[test]
    fn rules_of_redaction_stand_in_the_file_or_in_a_table_of_their_own() {
        let own = "[redaction]\nexempt.values = [\"example.org\"]\n\n[[redaction.rule]]\nname = \"badge\"\n\
                   pattern = 'B-\\d{4}'\n\n[[redaction.rule]]\nname = \"hush\"\nkeys = [\"hush\"]\n";
        let own = read(own).expect("sound").redaction.expect("is there");
        let rules = crate::domain::redact::Rules::new(&[&own.text], &[]).expect("sound");
        assert!(["badge", "hush"].iter().all(|name| rules.list.iter().any(|rule| rule.own && rule.name == *name)));
        assert!(rules.harmless.contains(&"example.org".to_owned()));
        let wrong = "mouse = true\n[[redaction.rule]]\nname = \"badge\"\npattern = \"(\"\n";
        let told = faults(wrong);
        assert!(told.len() == 1 && told[0].0 == 3, "{told:?}");
        assert!(told[0].1.starts_with("redaction: rule `badge`: its pattern cannot be read"), "{told:?}");
        let told = faults("\n[redaction]\nrulez = 1\n");
        assert!(told[0].0 == 2 && told[0].1.contains("rulez"), "{told:?}");
        let told = faults("\nredaction = \"/nothing/there.toml\"\n");
        assert!(told[0].0 == 2 && told[0].1.contains("could not read /nothing/there.toml"), "{told:?}");
    }

    #[test]
    fn keys_are_checked_where_they_stand() {
        let told = faults("[keys]\nfind-search = \"n\"\n\n[keys.event]\nlook-rawww = \"R\"\n");
        assert_eq!(told.len(), 1, "{told:?}");
        assert_eq!(told[0].0, 5);
        assert!(told[0].1.contains("did you mean"), "{told:?}");
        let told = faults("[keys]\nfind-search = \"n\"\n");
        assert_eq!(told[0].0, 2);
        assert!(told[0].1.contains("both"), "{told:?}");
        assert!(faults("[keys]\nfind-search = 7\n")[0].1.contains("needs keys"));
    }
}

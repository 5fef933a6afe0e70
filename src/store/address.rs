//! Where a store is: a file on this machine, or a PostgreSQL database.

use std::ffi::OsStr;
use std::fmt::{self, Debug, Display, Formatter};
use std::path::{Path, PathBuf};

/// Where a store is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    File(PathBuf),
    Server(Url),
}

/// The address of a PostgreSQL database: `postgres://user:password@host:port/database?options`.
///
/// The password is never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Url(String);

impl Address {
    /// What somebody named: the address of a database begins as such, all else is a path.
    pub fn parse(named: &OsStr) -> Self {
        match named.to_str().filter(|text| text.starts_with("postgres://") || text.starts_with("postgresql://")) {
            Some(url) => Self::Server(Url(url.to_owned())),
            None => Self::File(PathBuf::from(named)),
        }
    }

    /// The file, where it is one.
    pub fn file(&self) -> Option<&Path> {
        match self {
            Self::File(path) => Some(path),
            Self::Server(_) => None,
        }
    }
}

impl From<&Path> for Address {
    fn from(path: &Path) -> Self {
        Self::File(path.to_owned())
    }
}

impl From<&PathBuf> for Address {
    fn from(path: &PathBuf) -> Self {
        Self::File(path.clone())
    }
}

impl From<&Address> for Address {
    fn from(address: &Address) -> Self {
        address.clone()
    }
}

/// As [`Address::parse`].
impl From<&str> for Address {
    fn from(named: &str) -> Self {
        Self::parse(OsStr::new(named))
    }
}

impl Display for Address {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => Display::fmt(&path.display(), formatter),
            Self::Server(url) => Display::fmt(url, formatter),
        }
    }
}

impl Url {
    /// All of it, for the driver.
    pub(super) fn secret(&self) -> &str {
        &self.0
    }

    /// What the address says behind its `?` about one thing.
    pub(super) fn option(&self, name: &str) -> Option<&str> {
        let (_, options) = self.0.split_once('?')?;
        let options = options.split(['&', '#']);
        options.filter_map(|option| option.split_once('=')).find(|(own, _)| *own == name).map(|(_, value)| value)
    }
}

impl Display for Url {
    /// Without password and options.
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        let plain = self.0.split(['?', '#']).next().unwrap_or_default();
        let Some((scheme, rest)) = plain.split_once("://") else { return formatter.write_str("postgres://…") };
        match rest.rsplit_once('@') {
            Some((who, place)) => {
                let user = who.split(':').next().unwrap_or_default();
                write!(formatter, "{scheme}://{user}@{place}")
            }
            None => {
                // A password with a `?`, `#` or `/` in it ends before its `@`; what stands before that is no port.
                let place = rest.split('/').next().unwrap_or_default();
                let port = place.rsplit_once(':').map(|(_, port)| port);
                let is_port = |port: &str| port.ends_with(']') || port.bytes().all(|byte| byte.is_ascii_digit());
                let behind = self.0.len() > plain.len() && self.0[plain.len()..].contains('@');
                match port {
                    Some(port) if behind || !is_port(port) => write!(formatter, "{scheme}://…"),
                    _ => write!(formatter, "{scheme}://{rest}"),
                }
            }
        }
    }
}

impl Debug for Url {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        write!(formatter, "Url({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_told_from_a_path_and_its_password_is_never_shown() {
        for (named, shown) in [
            ("postgres://me:p@ss:word@db.example:5433/team?sslmode=require", "postgres://me@db.example:5433/team"),
            ("postgresql:///team?host=/run&password=secret", "postgresql:///team"),
            ("postgres://db.example/team", "postgres://db.example/team"),
            ("postgres://[::1]:5433/team?user=a@b", "postgres://…"),
            ("postgres://db.example/team?user=a@b", "postgres://db.example/team"),
            ("postgres://me:wo?rd@db.example/team", "postgres://…"),
            ("postgres://me:12#word@db.example/team", "postgres://…"),
            ("postgres://me:wo/rd@db.example/team", "postgres://me@db.example/team"),
        ] {
            let address = Address::parse(OsStr::new(named));
            assert_eq!(address.file(), None);
            assert_eq!((address.to_string(), format!("{address:?}").contains("secret")), (shown.to_owned(), false));
            assert!(!format!("{address:?}").contains("word"));
        }
        let path = Address::parse(OsStr::new("./postgres:/x.db"));
        assert_eq!(path.file(), Some(Path::new("./postgres:/x.db")));
    }
}

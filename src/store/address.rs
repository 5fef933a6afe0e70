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
        match named.to_str().and_then(|text| Some((text, text.split_once("://")?))) {
            // Schemes have no case.
            Some((_, (scheme, rest)))
                if ["postgres", "postgresql"].iter().any(|own| own.eq_ignore_ascii_case(scheme)) =>
            {
                Self::Server(Url(format!("{}://{rest}", scheme.to_ascii_lowercase())))
            }
            _ => Self::File(PathBuf::from(named)),
        }
    }

    /// What somebody named as if it were the address of a database, and is none that is known here: how it begins. The
    /// rest may be a password.
    pub fn foreign(named: &OsStr) -> Option<String> {
        let text = named.to_str()?;
        let scheme = text.split(':').next()?.trim();
        let is_scheme = |byte: u8| byte.is_ascii_alphanumeric() || b"+.-".contains(&byte);
        let is_word = scheme.bytes().next()?.is_ascii_alphabetic() && scheme.bytes().all(is_scheme);
        let behind = text.split_once(':').map_or("", |(_, behind)| behind);
        let is_ours = scheme.to_ascii_lowercase().starts_with("postgres");
        let is_url = is_word && (behind.starts_with("//") || is_ours && text.contains(':'));
        (is_url && Self::parse(named).file().is_some()).then(|| format!("{scheme}:…"))
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

    /// Whether a list of hosts stands where one is asked.
    pub(super) fn names_several_hosts(&self) -> bool {
        let plain = self.0.split(['?', '#']).next().unwrap_or_default();
        let rest = plain.split_once("://").map_or("", |(_, rest)| rest);
        // A password may have a comma.
        let place = rest.rsplit_once('@').map_or(rest, |(_, place)| place);
        let place = place.split('/').next().unwrap_or_default();
        let named = ["host", "hostaddr", "port"].iter().filter_map(|name| self.option(name));
        place.contains(',') || named.into_iter().any(|told| told.contains(','))
    }

    /// The number behind its host that is the port of nothing. Where it may be a piece of a password there is none.
    pub(super) fn impossible_port(&self) -> Option<String> {
        let shown = self.to_string();
        let place = shown.split_once("://")?.1;
        let place = place.rsplit_once('@').map_or(place, |(_, place)| place).split('/').next()?;
        let (_, port) = place.rsplit_once(':')?;
        let is_number = !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
        (is_number && port.parse::<u16>().is_err()).then(|| port.to_owned())
    }

    /// What the address says behind its `?` about one thing.
    pub(super) fn option(&self, name: &str) -> Option<&str> {
        self.options().find(|(own, _)| *own == name).map(|(_, value)| value)
    }

    /// All that the address says behind its `?`.
    pub(super) fn options(&self) -> impl Iterator<Item = (&str, &str)> {
        let options = self.0.split_once('?').map_or("", |(_, options)| options).split(['&', '#']);
        options.filter(|option| !option.is_empty()).map(|option| option.split_once('=').unwrap_or((option, "")))
    }
}

impl Display for Url {
    /// Without password and options.
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        let plain = self.0.split(['?', '#']).next().unwrap_or_default();
        let Some((scheme, rest)) = plain.split_once("://") else { return formatter.write_str("postgres://…") };
        // An `@` behind a `?` or `#` may be that of a password with such a sign.
        let behind = self.0.len() > plain.len() && self.0[plain.len()..].contains('@');
        match rest.rsplit_once('@') {
            Some(_) if behind => write!(formatter, "{scheme}://…"),
            Some((who, place)) => {
                let user = who.split(':').next().unwrap_or_default();
                write!(formatter, "{scheme}://{user}@{place}")
            }
            None => {
                // A password with a `?`, `#` or `/` in it ends before its `@`; what stands before that is no port.
                let place = rest.split('/').next().unwrap_or_default();
                let port = place.rsplit_once(':').map(|(_, port)| port);
                let is_port = |port: &str| port.ends_with(']') || port.bytes().all(|byte| byte.is_ascii_digit());
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
            ("postgres://me:p@wo?rd@db.example/team", "postgres://…"),
            ("POSTGRES://me:word@db.example/team", "postgres://me@db.example/team"),
        ] {
            let address = Address::parse(OsStr::new(named));
            assert_eq!(address.file(), None);
            assert_eq!((address.to_string(), format!("{address:?}").contains("secret")), (shown.to_owned(), false));
            assert!(!format!("{address:?}").contains("word"));
        }
        for named in
            ["mysql://me:word@h/db", "postgresql+asyncpg://me:word@h/db", " postgres://me:word@h", "postgres:/me"]
        {
            let told = Address::foreign(OsStr::new(named)).expect("is none of ours");
            assert!(told.ends_with(":…") && !told.contains("word"), "{told}");
        }
        for named in ["./postgres:/x.db", "store.db", "a:b.db", "postgres://me@h/db", ":memory:"] {
            assert_eq!(Address::foreign(OsStr::new(named)), None, "{named}");
        }
        let path = Address::parse(OsStr::new("./postgres:/x.db"));
        assert_eq!(path.file(), Some(Path::new("./postgres:/x.db")));
    }

    #[test]
    fn what_an_address_says_is_known_or_refused_by_its_name() {
        let said = |address: &str| match Address::parse(OsStr::new(address)) {
            Address::Server(url) => url.check().err().map(|error| format!("{error:#}")),
            Address::File(_) => Some("it is a file".to_owned()),
        };
        for fine in
            ["", "sslmode=require&", "keepalives=1&channel_binding=prefer", "options[jit]=off&pool_mode=session"]
        {
            assert_eq!(said(&format!("postgres://me@h/db?{fine}")), None, "{fine}");
        }
        for (wrong, named) in [
            ("sslmod=require", "sslmod, which is not known"),
            ("sslmode=require&sslmode=no", "sslmode=no, which must be"),
            ("channel_binding=require", "channel_binding=require, which must be disable or prefer"),
            ("channel_binding=require", "as it is not done here"),
            ("require_auth=scram-sha-256", "require_auth, which is not known"),
            ("schema=other", "schema=other, which must be public"),
            ("connection_limit=few", "connection_limit=few, which must be a whole number"),
            ("host=one,two", "its address names several hosts"),
        ] {
            let told = said(&format!("postgres://me@h/db?{wrong}")).expect("is refused");
            assert!(told.contains(named), "{told}");
        }
        let told = said("postgres://me:wo,rd@h1:1,h2:2/db").expect("is refused");
        assert!(told.contains("names several hosts") && !told.contains("wo,rd"), "{told}");
        assert_eq!(said("postgres://me:wo,rd@h/db"), None);
        for (wrong, port) in
            [("me@h:65536/db", "65536"), ("h:99999", "99999"), ("me:word@[::1]:123456?user=a", "123456")]
        {
            let told = said(&format!("postgres://{wrong}")).expect("is refused");
            assert!(
                told.contains(&format!("its address says the port {port}, which must be a number up to 65535")),
                "{told}"
            );
        }
        for secret in
            ["postgres://me:70000?word@h/db", "postgres://me:70000#word@h/db", "postgres://me:70000/word@h/db"]
        {
            let told = said(secret).expect("is refused");
            assert!(!told.contains("70000"), "{told}");
        }
        let told = said("postgres://me:12?hidden=x@h/db").expect("is refused");
        assert!(!told.contains("hidden") && told.contains("says something"), "{told}");
    }
}

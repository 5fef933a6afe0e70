//! What the address of a database may say behind its `?`, and what of it is meant, passed over, or refused by its name.

use std::net::IpAddr;
use std::str::FromStr;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use sqlx::postgres::{PgConnectOptions, PgSslMode};

use super::Url;
use crate::domain::excerpt;

/// So much of a value that an address names is told where it is refused.
const LONGEST_TOLD: usize = 40;

/// Seconds that an address names; [`options`] has seen that they are some.
pub(super) fn limit(url: &Url, name: &str, usual: Duration) -> Duration {
    url.option(name).and_then(seconds).unwrap_or(usual)
}

fn seconds(told: &str) -> Option<Duration> {
    let seconds = told.parse::<f64>().ok().filter(|seconds| *seconds > 0.0 && *seconds < 86_400.0);
    seconds.map(Duration::from_secs_f64)
}

/// Whether a pooler lends connections for no longer than a transaction.
pub(super) fn is_lent(url: &Url) -> bool {
    // What Prisma calls it.
    let is_prismas = url.option("pgbouncer") == Some("true");
    url.option("pool_mode").map_or(is_prismas, |mode| mode == "transaction")
}

/// Whether what an address says can be meant.
type Understands = fn(&str) -> bool;

/// What an address may say that is not understood whatever it says: how it is told, and what it must be.
const UNDERSTOOD: &[(&str, Understands, &str)] = &[
    ("sslmode", is_ssl_mode, SSL_MODES),
    ("ssl-mode", is_ssl_mode, SSL_MODES),
    ("port", |told| told.parse::<u16>().is_ok(), "a number of a port"),
    ("hostaddr", |told| told.parse::<IpAddr>().is_ok(), "the number of a host, such as 127.0.0.1"),
    ("statement-cache-capacity", |told| told.parse::<usize>().is_ok(), "a number of statements"),
    ("connect_timeout", is_seconds, SECONDS),
    ("statement_timeout", is_seconds, SECONDS),
    ("write_timeout", is_seconds, SECONDS),
    ("pgbouncer", |told| ["true", "false"].contains(&told), "true or false"),
    // Tables are found in whatever schema they lie; which one, another program's address says.
    (
        "schema",
        |told| told == "public",
        "public: the tables of a store lie in turnscope, and others are found anywhere",
    ),
    ("connection_limit", is_count, COUNT),
    ("pool_timeout", is_count, COUNT),
    ("pool_mode", |told| ["session", "transaction"].contains(&told), "session or transaction"),
    // What is known elsewhere, and not done here: whoever asks for it is not left to believe in it.
    ("channel_binding", is_no_must, NO_MUST),
    ("gssencmode", is_no_must, NO_MUST),
    ("ssl_min_protocol_version", |told| ["TLSv1", "TLSv1.1", "TLSv1.2"].contains(&told), "TLSv1, TLSv1.1 or TLSv1.2"),
    ("sslnegotiation", |told| told == "postgres", "postgres"),
    ("sslcompression", |told| told == "0", "0"),
    ("sslsni", |told| told == "1", "1"),
    ("client_encoding", |told| ["utf8", "utf-8", "auto"].contains(&told.to_lowercase().as_str()), "utf8 or auto"),
    ("load_balance_hosts", |told| told == "disable", "disable"),
];
/// What it may say besides, whatever that is: what the driver takes, and what changes nothing that is relied upon.
const TAKEN: &[&str] = &[
    "host",
    "dbname",
    "user",
    "password",
    "sslrootcert",
    "ssl-root-cert",
    "ssl-ca",
    "sslcert",
    "ssl-cert",
    "sslkey",
    "ssl-key",
    "options",
    "application_name",
    "fallback_application_name",
    "keepalives",
    "keepalives_idle",
    "keepalives_interval",
    "keepalives_count",
    "tcp_user_timeout",
    "target_session_attrs",
];
/// Variables of the environment that stand for what an address does not say, and would be passed over in silence.
const VARIABLES: &[(&str, &str)] = &[
    ("PGSSLMODE", "sslmode"),
    ("PGCHANNELBINDING", "channel_binding"),
    ("PGGSSENCMODE", "gssencmode"),
    ("PGSSLMINPROTOCOLVERSION", "ssl_min_protocol_version"),
];
const NO_MUST: &str = "disable or prefer, as it is not done here";
const COUNT: &str = "a whole number";
const SSL_MODES: &str = "disable, allow, prefer, require, verify-ca or verify-full";
const SECONDS: &str = "a number of seconds above 0 and below 86400";

fn is_ssl_mode(told: &str) -> bool {
    PgSslMode::from_str(told).is_ok()
}

fn is_count(told: &str) -> bool {
    told.parse::<u32>().is_ok()
}

fn is_seconds(told: &str) -> bool {
    seconds(told).is_some()
}

fn is_no_must(told: &str) -> bool {
    ["disable", "prefer"].contains(&told)
}

/// Whether an address may say something of this name.
fn is_known(name: &str) -> bool {
    // A setting of the server.
    let is_setting = name.starts_with("options[") && name.ends_with(']');
    is_setting || TAKEN.contains(&name) || UNDERSTOOD.iter().any(|(known, ..)| *known == name)
}

/// Says that an address says something of a name that nobody knows, and which ones are known.
fn unknown(name: &str, url: &Url) -> anyhow::Error {
    // With an `@` anywhere it may be a piece of a password with a `?` in it.
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.[]".contains(&byte);
    let is_shown =
        name.bytes().all(is_word) && !url.options().any(|(own, told)| own.contains('@') || told.contains('@'));
    let name = if is_shown { excerpt(name, LONGEST_TOLD) } else { "something".into() };
    let known = UNDERSTOOD.iter().map(|(known, ..)| *known).chain(TAKEN.iter().copied());
    anyhow!("its address says {name}, which is not known here; known are {}", known.collect::<Vec<_>>().join(", "))
}

/// Says what an address says about one thing, and what it may say.
fn refused(name: &str, told: &str, may: &str) -> anyhow::Error {
    // With an `@` it may be the end of a password with a `?` in it.
    let told = if told.contains('@') { "…" } else { told };
    anyhow!("its address says {name}={}, which must be {may}", excerpt(told, LONGEST_TOLD))
}

/// What an address says to the driver, when all that it says can be meant.
pub(super) fn options(url: &Url) -> Result<PgConnectOptions> {
    for (name, told) in url.options() {
        if !is_known(name) {
            return Err(unknown(name, url));
        }
        let wrong = UNDERSTOOD.iter().find(|(known, is_understood, _)| *known == name && !is_understood(told));
        if let Some((_, _, may)) = wrong {
            return Err(refused(name, told, may));
        }
    }
    for (variable, name) in VARIABLES {
        let Some(told) = std::env::var(variable).ok().filter(|told| !told.is_empty()) else { continue };
        let wrong = UNDERSTOOD.iter().find(|(known, is_understood, _)| known == name && !is_understood(&told));
        if let Some((_, _, may)) = wrong.filter(|_| url.option(name).is_none()) {
            return Err(anyhow!(
                "the environment says {variable}={}, which must be {may}",
                excerpt(&told, LONGEST_TOLD)
            ));
        }
    }
    if url.names_several_hosts() {
        bail!("its address names several hosts, and one is asked: name that one");
    }
    if let Some(port) = url.impossible_port() {
        bail!("its address says the port {}, which must be a number up to {}", excerpt(&port, LONGEST_TOLD), u16::MAX);
    }
    let options = PgConnectOptions::from_str(url.secret());
    // What the driver says of an address may repeat the password.
    let options = options.map_err(|_| anyhow!("this is not the address of a PostgreSQL database"))?;
    // In an address the number of a host stands in brackets, and the driver looks it up by name with them.
    let bare = options.get_host().strip_prefix('[').and_then(|host| host.strip_suffix(']')).map(str::to_owned);
    let options = match bare {
        Some(host) => options.host(&host),
        None => options,
    };
    // A pooler refuses settings that it does not know.
    Ok(options.application_name("turnscope").extra_float_digits(None))
}

impl Url {
    /// Whether all that the address says can be meant.
    ///
    /// # Errors
    /// What cannot, with the address.
    pub fn check(&self) -> Result<()> {
        options(self).map(drop).with_context(|| self.to_string())
    }

    /// What tells the database from others, whoever asks: host, port and name.
    ///
    /// # Errors
    /// When it is no address of a database.
    pub fn place(&self) -> Result<String> {
        let options = options(self).with_context(|| self.to_string())?;
        let name = options.get_database().unwrap_or(options.get_username());
        Ok(format!("{}/{name}", host_of(&options)))
    }

    /// ` at HOST:PORT`, for words about who does not answer, where the address as it is shown does not say that itself.
    pub(super) fn sought(&self) -> String {
        let Some(host) = options(self).ok().map(|options| host_of(&options)) else { return String::new() };
        let shown = self.to_string();
        let is_shown = ["@", "://"].iter().any(|sign| shown.contains(&format!("{sign}{host}")));
        if is_shown { String::new() } else { format!(" at {host}") }
    }
}

/// Who is asked: the host or the folder of a socket, and the port.
pub(super) fn host_of(options: &PgConnectOptions) -> String {
    let host = match options.get_socket() {
        Some(folder) => folder.to_string_lossy().into_owned(),
        None if options.get_host().contains(':') => format!("[{}]", options.get_host()),
        None => options.get_host().to_owned(),
    };
    format!("{host}:{}", options.get_port())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Address;

    fn url(address: &str) -> Url {
        match Address::from(address) {
            Address::Server(url) => url,
            Address::File(path) => panic!("{} is a file", path.display()),
        }
    }

    #[test]
    fn who_is_asked_is_told_where_the_address_does_not_show_it() {
        for (address, told) in [
            ("postgres://me@h:1/db", ""),
            ("postgres://me@[::1]:1/db", ""),
            ("postgres://me:word@h/db?port=1", " at h:1"),
            ("postgres://me@h:1/db?hostaddr=127.0.0.2", " at 127.0.0.2:1"),
            ("postgres:///db?host=/run/pg&port=6432&password=word", " at /run/pg:6432"),
        ] {
            assert_eq!(url(address).sought(), told, "{address}");
        }
    }

    #[test]
    fn the_number_of_a_host_is_no_name() {
        assert_eq!(options(&url("postgres://me@[::1]:1/db")).expect("is understood").get_host(), "::1");
    }

    #[test]
    fn a_pooler_is_known_by_either_name_and_ours_wins() {
        for (said, lent) in [
            ("", false),
            ("pgbouncer=true", true),
            ("pgbouncer=false", false),
            ("pool_mode=transaction", true),
            ("pgbouncer=true&connection_limit=1&pool_timeout=0&schema=public", true),
            ("pgbouncer=true&pool_mode=session", false),
        ] {
            let url = url(&format!("postgres://me@h/db?{said}"));
            assert!(url.check().is_ok(), "{said}");
            assert_eq!(is_lent(&url), lent, "{said}");
        }
    }
}

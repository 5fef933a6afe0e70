//! What may be typed of the server: how it listens, and who may send.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::Retention;
use crate::ingest::Scope;

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  turnscope serve                                    on this machine, for whoever is on it
  turnscope serve --listen 127.0.0.1:0               a free port; stderr says which
  turnscope serve --listen 0.0.0.0:4318 --certificate cert.pem --key key.pem
  curl -d '{\"event\":\"saved\",\"room\":\"blue\",\"payload\":{\"file\":\"a.txt\"}}' -H 'Content-Type: application/json' \\
    http://127.0.0.1:4318/api/agent/telemetry

POST /api/agent/telemetry   one event, or an array of them; 200 once they are on the disk
POST /v1/traces /v1/logs    OpenTelemetry's spans and log records, protobuf or JSON
GET  /healthz /metrics      for whoever watches it

A bearer is the token of a service (`turnscope token add`, or AGENT_TELEMETRY_INGEST_TOKEN) or the JWT of a user:
TURNSCOPE_JWT_SECRET (HS256), or files in TURNSCOPE_JWT_PUBLIC_KEY (RS256, ES256) or TURNSCOPE_JWKS; audience and issuer
must be those of TURNSCOPE_JWT_AUDIENCE and TURNSCOPE_JWT_ISSUER where they are set. Without a bearer only whoever is on
this machine may send, and only while nothing of all this is configured.")]
pub struct Serve {
    /// Where to listen; port 0 takes a free one
    #[arg(long, value_name = "ADDR:PORT", default_value = "127.0.0.1:4318")]
    pub listen: SocketAddr,

    #[command(flatten)]
    pub retention: Retention,

    /// A PEM file with the certificate for TLS, and those that vouch for it
    #[arg(long, value_name = "FILE")]
    pub certificate: Option<PathBuf>,

    /// A PEM file with the certificate's private key
    #[arg(long, value_name = "FILE")]
    pub key: Option<PathBuf>,

    /// Seconds by which the clock of whoever issues JWTs may differ
    #[arg(long, value_name = "SECONDS", default_value_t = 30)]
    pub leeway: u64,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  turnscope token add ci                       prints a token, once
  turnscope token add board --scope read --expires 90d
  turnscope token rotate ci --keep 1d          a new one; the old one opens for another day
  turnscope token revoke ci")]
pub struct TokenLine {
    #[command(subcommand)]
    pub action: TokenAction,
}

#[derive(Debug, Subcommand)]
pub enum TokenAction {
    /// Make a token and print it, once: only its digest is kept
    Add {
        /// What it is called
        name: String,
        /// What it is for
        #[arg(long, value_enum, value_delimiter = ',', default_value = "ingest")]
        scope: Vec<Scope>,
        /// How long it is valid: 90d, 12h [default: until it is revoked]
        #[arg(long, value_name = "TIME")]
        expires: Option<String>,
    },
    /// Give a token a new text; the old one stays valid for a while
    Rotate {
        /// What it is called
        name: String,
        /// How long the old text stays valid
        #[arg(long, value_name = "TIME", default_value = "1h")]
        keep: String,
    },
    /// List all tokens, without their texts
    List,
    /// End a token now
    Revoke {
        /// What it is called
        name: String,
    },
}

impl ValueEnum for Scope {
    fn value_variants<'a>() -> &'a [Self] {
        &[Self::Ingest, Self::Read]
    }

    fn to_possible_value(&self) -> Option<clap::builder::PossibleValue> {
        Some(clap::builder::PossibleValue::new(self.name()))
    }
}

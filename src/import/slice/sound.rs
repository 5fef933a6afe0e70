//! What the digests of a slice are worth: read before anything of it is stored.

use std::collections::HashMap;
use std::io::Read;

use anyhow::{Result, bail};
use sha2::{Digest, Sha256};

use super::super::Control;
use super::super::read::Cancelled;
use super::rows::bytes_of;
use crate::domain::{Carried, Document, Parts, SealCheck, Sealed, flag};
use crate::store::{NewEvent, digest};

/// What a body really is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Found {
    pub digest: [u8; 32],
    pub size: i64,
}

/// The bodies that a slice holds, and its seal.
#[derive(Debug)]
pub struct Sound {
    /// By the digest under which each is carried; `None` for one that cannot be decoded.
    bodies: HashMap<[u8; 32], Option<Found>>,
    says_sealed: bool,
    seal: Sealed,
    fault: Option<String>,
    is_cut: bool,
}

impl Sound {
    /// Reads a slice to its end, or to where it is no slice any more.
    pub fn of(file: &mut impl Read, control: &Control) -> Result<Self> {
        let (mut document, mut seal) = (Document::default(), SealCheck::default());
        let mut weighing = Weighing::default();
        let mut is_broken = false;
        let mut buffer = vec![0; 1 << 20];
        loop {
            let size = file.read(&mut buffer)?;
            if size == 0 {
                break;
            }
            if control.is_cancelled() {
                bail!(Cancelled);
            }
            seal.feed(&buffer[..size]);
            if document.feed(&buffer[..size], &mut weighing).is_err() {
                is_broken = true;
                break;
            }
        }
        weighing.stop();
        // Of what is cut the reader tells more.
        let is_cut = !is_broken && !document.is_complete();
        let seal = if is_broken || is_cut { Sealed::Whole } else { seal.conclude() };
        let fault = document.fault().map(|fault| format!("it is not JSON: {fault}"));
        Ok(Self { bodies: weighing.bodies, says_sealed: weighing.says_sealed, seal, fault, is_cut })
    }

    /// Whether it ends before its end.
    pub fn is_cut(&self) -> bool {
        self.is_cut
    }

    /// What the body is that is carried under a digest; `None` where there is none that can be decoded.
    pub fn found(&self, named: &[u8; 32]) -> Option<Found> {
        self.bodies.get(named).copied().flatten()
    }

    /// Why the slice as a whole is not what was written, where a digest or its form says so.
    pub fn broken_seal(&self) -> Option<String> {
        match &self.seal {
            Sealed::Broken(reason) => Some(reason.clone()),
            Sealed::No if self.says_sealed => Some("it says that it is sealed, and the seal is gone".to_owned()),
            Sealed::No | Sealed::Whole => self.fault.clone(),
        }
    }

    /// Makes an event name the bodies that are there, and say which of them are not those that were written.
    ///
    /// Returns what is wrong, and by what the event is known then; `None` where all is well.
    pub fn mend(&self, new: &mut NewEvent, content: Option<[u8; 16]>) -> Option<(String, Option<[u8; 16]>)> {
        let mut reasons = Vec::new();
        let mut content = content;
        for body in &mut new.bodies {
            let role = body.role.name();
            let (name, reason) = match self.found(&body.digest) {
                Some(found) if found == (Found { digest: body.digest, size: body.size }) => continue,
                Some(found) => {
                    let (said, is) = (hex::encode(body.digest), hex::encode(found.digest));
                    let reason = format!(
                        "{role}: the slice says {said} of {} bytes and holds {is} of {}",
                        body.size, found.size
                    );
                    (body.digest, body.size) = (found.digest, found.size);
                    // Other bytes make it another event: beside the true one it is a conflict.
                    let own = [content.unwrap_or_default().as_slice(), found.digest.as_slice()].concat();
                    content = digest(&own).first_chunk().copied();
                    ("digest_mismatch", reason)
                }
                None => {
                    let said = hex::encode(body.digest);
                    (
                        "blob_missing",
                        format!("{role}: the slice names {said} of {} bytes and does not hold it", body.size),
                    )
                }
            };
            new.event.attributes.push((name.to_owned(), reason.clone()));
            new.event.flags |= flag::TRUNCATED;
            reasons.push(reason);
        }
        (!reasons.is_empty()).then(|| (reasons.join("; "), content))
    }
}

/// Hashes the bodies of a slice while it streams by.
#[derive(Default)]
struct Weighing {
    bodies: HashMap<[u8; 32], Option<Found>>,
    says_sealed: bool,
    body: Option<Body>,
}

struct Body {
    named: [u8; 32],
    carried: Carried,
    hasher: Sha256,
    size: i64,
    broken: bool,
}

impl Weighing {
    /// Takes what there is of the body that is being read.
    fn stop(&mut self) {
        let Some(body) = self.body.take() else { return };
        let found = Found { digest: body.hasher.finalize().into(), size: body.size };
        self.bodies.insert(body.named, (!body.broken).then_some(found));
    }
}

impl Parts for Weighing {
    fn begin(&mut self, section: &str, name: Option<&str>, _offset: u64) -> Result<()> {
        self.says_sealed |= section == "sealed";
        let named = name.filter(|_| section == "bodies").and_then(|name| bytes_of::<32>(name).ok());
        self.body = named.map(|named| Body {
            named,
            carried: Carried::default(),
            hasher: Sha256::new(),
            size: 0,
            broken: false,
        });
        Ok(())
    }

    fn bytes(&mut self, bytes: &[u8]) -> Result<()> {
        if let Some(body) = self.body.as_mut().filter(|body| !body.broken) {
            let mut plain = Vec::with_capacity(bytes.len());
            body.broken = body.carried.feed(bytes, &mut plain).is_err();
            body.hasher.update(&plain);
            body.size += plain.len() as i64;
        }
        Ok(())
    }

    fn end(&mut self) -> Result<()> {
        self.stop();
        Ok(())
    }
}

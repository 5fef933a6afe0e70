//! Bodies of requests: read within limits of size, time and memory, and unpacked where they are packed.

use std::io::Read;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderMap, StatusCode, header};
use flate2::read::MultiGzDecoder;
use http_body_util::BodyExt;

use super::answer::Failure;

/// The largest body, as it comes and unpacked.
pub(super) const MOST: usize = 64 << 20;
/// A body that is worked on takes about so many times its size, all in all.
const FACTOR: usize = 3;
/// A part that cannot be cut into smaller ones takes so many times its size besides.
const HEAVY: usize = 7;
/// What is kept for small bodies alone, and how much such a one takes at most.
const FOR_SMALL: usize = 16 << 20;
const SMALL: usize = 256 << 10;
/// Longer ones are unpacked beside the threads that answer.
const LONG: usize = 256 << 10;

/// What is understood and stored of a long body at a time.
pub(super) const PART: usize = 2 << 20;
pub(super) const PART_EVENTS: usize = 1000;

/// Does work that takes long where it is about many bytes, without keeping others from theirs.
pub(super) fn thought<T>(bytes: usize, work: impl FnOnce() -> T) -> T {
    if bytes <= LONG { work() } else { tokio::task::block_in_place(work) }
}

/// How much memory all bodies together may take, and how slowly they may come.
#[derive(Debug, Clone)]
pub(super) struct Limits {
    pub memory: Arc<AtomicUsize>,
    pub most_memory: usize,
    /// The longest time between two parts of a body.
    pub idle: Duration,
    /// The longest time for a whole body.
    pub whole: Duration,
}

impl Limits {
    pub(super) fn new(most_memory: usize) -> Self {
        Self { memory: Arc::default(), most_memory, idle: Duration::from_secs(10), whole: Duration::from_secs(60) }
    }
}

/// Memory that is taken until this is dropped.
#[derive(Debug)]
pub(super) struct Taken {
    memory: Arc<AtomicUsize>,
    most: usize,
    size: usize,
    /// What of it is for the body.
    body: usize,
}

impl Taken {
    fn none(limits: &Limits) -> Self {
        Self { memory: Arc::clone(&limits.memory), most: limits.most_memory, size: 0, body: 0 }
    }

    /// Takes memory for a body of this size in place of what was taken before.
    fn grow(&mut self, body: usize) -> Result<(), Failure> {
        self.body = body * FACTOR;
        self.grow_to(self.body)
    }

    /// Takes so much more for what a long part of a body comes to; see [`HEAVY`].
    pub(super) fn weigh(&mut self, part: usize) -> Result<(), Failure> {
        if part > PART { self.grow_to(self.body + part * HEAVY) } else { Ok(()) }
    }

    fn grow_to(&mut self, size: usize) -> Result<(), Failure> {
        let more = size.saturating_sub(self.size);
        let before = self.memory.fetch_add(more, Ordering::AcqRel);
        self.size += more;
        // Whoever is alone may have as much as one body can need, and large ones do not keep small ones out.
        let most = self.most + if self.size <= SMALL { FOR_SMALL } else { 0 };
        if before + more > most && before + more > self.size {
            return Err(Failure::busy("too much is being received at once"));
        }
        Ok(())
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        self.memory.fetch_sub(self.size, Ordering::AcqRel);
    }
}

/// The bytes of a body, unpacked, and the memory that they take.
pub(super) async fn read(body: Body, headers: &HeaderMap, limits: &Limits) -> Result<(Vec<u8>, Taken), Failure> {
    let packed = is_packed(headers)?;
    let length = headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
    if length.is_some_and(|length| length > MOST) {
        return Err(too_large());
    }
    let mut taken = Taken::none(limits);
    let read = tokio::time::timeout(limits.whole, receive(body, limits, &mut taken)).await;
    let bytes = read.map_err(|_| too_slow())??;
    if !packed {
        return Ok((bytes, taken));
    }
    if bytes.len() <= LONG {
        unpack(&bytes, taken)
    } else {
        tokio::task::spawn_blocking(move || unpack(&bytes, taken))
            .await
            .map_err(|_| Failure::new(StatusCode::INTERNAL_SERVER_ERROR, "the body could not be unpacked"))?
    }
}

async fn receive(mut body: Body, limits: &Limits, taken: &mut Taken) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    loop {
        let frame = tokio::time::timeout(limits.idle, body.frame()).await.map_err(|_| too_slow())?;
        let Some(frame) = frame else { return Ok(bytes) };
        let frame = frame.map_err(|error| Failure::bad(format!("the body broke off: {error}")))?;
        let Ok(data) = frame.into_data() else { continue };
        if bytes.len() + data.len() > MOST {
            return Err(too_large());
        }
        taken.grow(bytes.len() + data.len())?;
        bytes.extend_from_slice(&data);
    }
}

fn unpack(packed: &[u8], mut taken: Taken) -> Result<(Vec<u8>, Taken), Failure> {
    let mut decoder = MultiGzDecoder::new(packed);
    let mut bytes = Vec::new();
    let mut part = [0; 64 << 10];
    loop {
        let size = decoder.read(&mut part).map_err(|error| Failure::bad(format!("the body is no gzip: {error}")))?;
        if size == 0 {
            return Ok((bytes, taken));
        }
        if bytes.len() + size > MOST {
            return Err(too_large());
        }
        taken.grow(packed.len() + bytes.len() + size)?;
        bytes.extend_from_slice(&part[..size]);
    }
}

fn is_packed(headers: &HeaderMap) -> Result<bool, Failure> {
    let encoding = headers.get(header::CONTENT_ENCODING).map(|encoding| encoding.to_str().unwrap_or("?").trim());
    match encoding {
        None | Some("" | "identity") => Ok(false),
        Some(gzip) if gzip.eq_ignore_ascii_case("gzip") => Ok(true),
        Some(other) => {
            let words = format!("Content-Encoding `{other}` is not known: gzip or none");
            Err(Failure::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, words))
        }
    }
}

fn too_large() -> Failure {
    Failure::new(StatusCode::PAYLOAD_TOO_LARGE, format!("the body is larger than {} MiB", MOST >> 20))
}

fn too_slow() -> Failure {
    Failure::new(StatusCode::REQUEST_TIMEOUT, "the body did not come in time")
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(bytes).expect("is packed");
        encoder.finish().expect("is packed")
    }

    async fn read_with(body: Vec<u8>, encoding: Option<&'static str>, limits: &Limits) -> Result<Vec<u8>, u16> {
        let mut headers = HeaderMap::new();
        if let Some(encoding) = encoding {
            headers.insert(header::CONTENT_ENCODING, encoding.parse().expect("is a value"));
        }
        read(Body::from(body), &headers, limits)
            .await
            .map(|(bytes, _)| bytes)
            .map_err(|failure| failure.status.as_u16())
    }

    #[tokio::test]
    async fn a_body_comes_as_it_is_or_unpacked_within_its_limits() {
        let limits = Limits::new(512 << 20);
        let plain = read_with(b"{}".to_vec(), None, &limits).await;
        assert_eq!(plain, Ok(b"{}".to_vec()));
        let text = b"abc".repeat(200_000);
        assert_eq!(read_with(gzip(&text), Some("GZIP"), &limits).await, Ok(text));
        assert_eq!(read_with(b"{}".to_vec(), Some("gzip"), &limits).await, Err(400));
        assert_eq!(read_with(b"{}".to_vec(), Some("br"), &limits).await, Err(415));
        assert_eq!(read_with(vec![b'x'; MOST], None, &limits).await.map(|bytes| bytes.len()), Ok(MOST));
        assert_eq!(read_with(vec![b'x'; MOST + 1], None, &limits).await, Err(413));
        // A bomb is given up as soon as it is too large.
        assert_eq!(read_with(gzip(&vec![0; MOST + 1]), Some("gzip"), &limits).await, Err(413));
        assert_eq!(limits.memory.load(Ordering::Acquire), 0, "all memory was given back");
    }

    #[tokio::test]
    async fn bodies_together_take_no_more_memory_than_they_may() {
        let limits = Limits::new(10 << 20);
        let headers = HeaderMap::new();
        let first = read(Body::from(vec![b'x'; 2 << 20]), &headers, &limits).await.expect("fits");
        assert_eq!(read_with(vec![b'x'; 4 << 20], None, &limits).await, Err(503));
        drop(first);
        // Alone a body may be larger than all of them together.
        assert!(read_with(vec![b'x'; 4 << 20], None, &limits).await.is_ok());
    }
}

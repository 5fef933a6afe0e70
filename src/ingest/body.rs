//! Bodies of requests: read within limits of size, time and memory, and unpacked where they are packed.

use std::io::Read;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderMap, StatusCode, header};
use flate2::read::MultiGzDecoder;
use http_body_util::BodyExt;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

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
/// Larger ones come one at a time, and share no memory with the others.
const LARGE: usize = 4 << 20;
/// Longer ones are unpacked beside the threads that answer.
const LONG: usize = 256 << 10;

/// What is understood and stored of a long body at a time.
pub(super) const PART: usize = 2 << 20;
pub(super) const PART_EVENTS: usize = 1000;

/// Does work that takes long where it is about many bytes, without keeping others from theirs.
pub(super) fn thought<T>(bytes: usize, work: impl FnOnce() -> T) -> T {
    if bytes <= LONG { work() } else { tokio::task::block_in_place(work) }
}

/// How much memory all bodies together may take, the large one aside, and how slowly they may come.
#[derive(Debug, Clone)]
pub(super) struct Limits {
    pub memory: Arc<AtomicUsize>,
    pub most_memory: usize,
    /// The seat of the one large body.
    pub seat: Arc<Semaphore>,
    /// The longest time that a large body waits for its seat.
    pub seated: Duration,
    /// The longest time between two parts of a body.
    pub idle: Duration,
    /// The longest time for a whole body, without that in which it waits for its seat.
    pub whole: Duration,
}

impl Limits {
    pub(super) fn new(most_memory: usize) -> Self {
        Self {
            memory: Arc::default(),
            most_memory,
            seat: Arc::new(Semaphore::new(1)),
            seated: Duration::from_secs(30),
            idle: Duration::from_secs(10),
            whole: Duration::from_secs(60),
        }
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
    /// The seat of a large body, whose memory is not counted.
    seat: Option<OwnedSemaphorePermit>,
}

impl Taken {
    fn none(limits: &Limits) -> Self {
        Self { memory: Arc::clone(&limits.memory), most: limits.most_memory, size: 0, body: 0, seat: None }
    }

    /// Takes the seat of the one large body, once it is free; so long only what has come of it is counted.
    async fn sit(&mut self, limits: &Limits, come: usize) -> Result<(), Failure> {
        self.shrink_to(come);
        let free = Arc::clone(&limits.seat).acquire_owned();
        let seat = tokio::time::timeout(limits.seated, free).await;
        // The seat is never closed.
        let Ok(Ok(seat)) = seat else { return Err(Failure::busy("other large bodies are being received")) };
        self.shrink_to(0);
        self.seat = Some(seat);
        Ok(())
    }

    fn shrink_to(&mut self, size: usize) {
        let less = self.size.saturating_sub(size);
        self.memory.fetch_sub(less, Ordering::AcqRel);
        self.size -= less;
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
        if self.seat.is_some() {
            return Ok(());
        }
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
        self.shrink_to(0);
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
    if length.is_some_and(|length| length > LARGE) {
        taken.sit(limits, 0).await?;
    }
    let mut bytes = receive(body, limits, &mut taken).await?;
    if !packed {
        return Ok((bytes, taken));
    }
    loop {
        let unpacked;
        (bytes, taken, unpacked) = if bytes.len() <= LONG {
            unpack(bytes, taken)?
        } else {
            tokio::task::spawn_blocking(move || unpack(bytes, taken))
                .await
                .map_err(|_| Failure::new(StatusCode::INTERNAL_SERVER_ERROR, "the body could not be unpacked"))??
        };
        match unpacked {
            Some(unpacked) => return Ok((unpacked, taken)),
            None => taken.sit(limits, bytes.len()).await?,
        }
    }
}

async fn receive(mut body: Body, limits: &Limits, taken: &mut Taken) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    let mut latest = Instant::now() + limits.whole;
    loop {
        let until = latest.min(Instant::now() + limits.idle);
        let frame = tokio::time::timeout_at(until, body.frame()).await.map_err(|_| too_slow())?;
        let Some(frame) = frame else { return Ok(bytes) };
        let frame = frame.map_err(|error| Failure::bad(format!("the body broke off: {error}")))?;
        let Ok(data) = frame.into_data() else { continue };
        if bytes.len() + data.len() > MOST {
            return Err(too_large());
        }
        if bytes.len() + data.len() > LARGE && taken.seat.is_none() {
            // Nothing more is read meanwhile, so the client is held back.
            let began = Instant::now();
            taken.sit(limits, bytes.len() + data.len()).await?;
            latest += began.elapsed();
        }
        taken.grow(bytes.len() + data.len())?;
        bytes.extend_from_slice(&data);
    }
}

/// What was packed, the memory that is taken, and what it came to, unless that is large and has no seat yet.
type Unpacked = (Vec<u8>, Taken, Option<Vec<u8>>);

fn unpack(packed: Vec<u8>, mut taken: Taken) -> Result<Unpacked, Failure> {
    let mut decoder = MultiGzDecoder::new(&packed[..]);
    let mut bytes = Vec::new();
    let mut part = [0; 64 << 10];
    loop {
        let size = decoder.read(&mut part).map_err(|error| Failure::bad(format!("the body is no gzip: {error}")))?;
        if size == 0 {
            return Ok((packed, taken, Some(bytes)));
        }
        if bytes.len() + size > MOST {
            return Err(too_large());
        }
        if bytes.len() + size > LARGE && taken.seat.is_none() {
            return Ok((packed, taken, None));
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

    /// A body in parts of a MiB, without a length; counts those that were asked for.
    fn in_parts(parts: usize, asked: &Arc<AtomicUsize>) -> Body {
        let asked = Arc::clone(asked);
        let parts = (0..parts).map(move |_| {
            asked.fetch_add(1, Ordering::AcqRel);
            Ok::<_, std::convert::Infallible>(vec![b'x'; 1 << 20])
        });
        Body::from_stream(futures_util::stream::iter(parts))
    }

    #[tokio::test]
    async fn of_two_large_bodies_the_second_is_read_once_the_first_is_done_with() {
        let limits = Limits { whole: Duration::from_secs(1), ..Limits::new(40 << 20) };
        let headers = HeaderMap::new();
        let mut long = HeaderMap::new();
        long.insert(header::CONTENT_LENGTH, (60 << 20).into());
        let asked = [Arc::default(), Arc::default(), Arc::default()];
        let first = read(in_parts(60, &asked[0]), &long, &limits).await.expect("is alone");
        assert_eq!((first.0.len(), limits.memory.load(Ordering::Acquire)), (60 << 20, 0));
        let wait = |asked: &Arc<AtomicUsize>, headers: &HeaderMap| {
            let (body, headers, limits) = (in_parts(60, asked), headers.clone(), limits.clone());
            tokio::spawn(async move { read(body, &headers, &limits).await.map(|(bytes, _)| bytes.len()) })
        };
        let (told, untold) = (wait(&asked[1], &long), wait(&asked[2], &headers));
        tokio::time::sleep(Duration::from_millis(1100)).await;
        let read_of = |at: usize| asked[at].load(Ordering::Acquire);
        assert_eq!((read_of(0), read_of(1), read_of(2)), (60, 0, 5), "one is known to be large, and one only then");
        assert_eq!(limits.memory.load(Ordering::Acquire), 5 << 20);
        // Others are not kept out meanwhile.
        for size in [2, SMALL, LARGE] {
            assert_eq!(read_with(vec![b'x'; size], None, &limits).await.map(|bytes| bytes.len()), Ok(size));
        }
        // Nor does one that is large when it is unpacked get past the first.
        let hasty = Limits { seated: Duration::from_millis(10), ..limits.clone() };
        let bomb = gzip(&vec![0; LARGE + 1]);
        assert_eq!(read_with(bomb.clone(), Some("gzip"), &hasty).await, Err(503));
        let refused = read(in_parts(60, &Arc::default()), &long, &hasty).await.expect_err("is kept out");
        assert!(refused.retry_after.is_some(), "{refused:?}");
        drop(first);
        for waited in [told, untold] {
            assert_eq!(waited.await.expect("ran").expect("has its turn"), 60 << 20);
        }
        assert_eq!(read_with(bomb, Some("gzip"), &hasty).await.map(|bytes| bytes.len()), Ok(LARGE + 1));
        assert_eq!((limits.memory.load(Ordering::Acquire), limits.seat.available_permits()), (0, 1));
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

//! Packed files: what they are packed with, told by their first bytes, and what they are called without it.

/// How a file is packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Packing {
    Gzip,
    Zstd,
    /// Messages one after another, each packed with zstd behind its length in four bytes: OpenTelemetry's collector
    /// writes them.
    ZstdMessages,
}

/// So many first bytes tell.
pub const TELLING: usize = 8;

const GZIP: &[u8] = &[0x1F, 0x8B];
const ZSTD: &[u8] = &[0x28, 0xB5, 0x2F, 0xFD];
const ENDINGS: [&str; 3] = [".gz", ".zst", ".zstd"];

impl Packing {
    pub fn of(head: &[u8]) -> Option<Self> {
        match head {
            _ if head.starts_with(GZIP) => Some(Self::Gzip),
            _ if head.starts_with(ZSTD) => Some(Self::Zstd),
            _ if head.get(4..8) == Some(ZSTD) => Some(Self::ZstdMessages),
            _ => None,
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Zstd | Self::ZstdMessages => "zstd",
        }
    }
}

/// The name without the ending of what a file is packed with.
pub fn plain_name(name: &str) -> &str {
    ENDINGS.iter().find_map(|ending| name.strip_suffix(ending)).filter(|plain| !plain.is_empty()).unwrap_or(name)
}

//! Token usage in exclusive buckets. Unknown is not zero.

/// Who counted the tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum UsageSource {
    Provider,
    Sdk,
    Estimated,
}

impl UsageSource {
    pub fn name(self) -> &'static str {
        match self {
            Self::Provider => "provider",
            Self::Sdk => "sdk",
            Self::Estimated => "estimated",
        }
    }

    pub fn parse(name: &str) -> Option<Self> {
        [Self::Provider, Self::Sdk, Self::Estimated].into_iter().find(|source| source.name() == name)
    }
}

/// Tokens of one model call. Buckets do not overlap: `input` is what was neither read from nor written to a cache.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Usage {
    pub input: Option<i64>,
    pub cache_read: Option<i64>,
    pub cache_write: Option<i64>,
    /// Without `reasoning`, where the dialect splits it; else with it, and `reasoning` is `None`.
    pub output: Option<i64>,
    pub reasoning: Option<i64>,
    /// The rule that read these numbers, such as `claude.message.usage`.
    pub rule: String,
    pub source: UsageSource,
}

impl Usage {
    pub fn new(rule: impl Into<String>, source: UsageSource) -> Self {
        Self {
            input: None,
            cache_read: None,
            cache_write: None,
            output: None,
            reasoning: None,
            rule: rule.into(),
            source,
        }
    }

    /// The buckets and their sum, with their names.
    pub fn named(&self) -> [(&'static str, Option<i64>); 6] {
        [
            ("input", self.input),
            ("cache read", self.cache_read),
            ("cache write", self.cache_write),
            ("output", self.output),
            ("reasoning", self.reasoning),
            ("total", self.total()),
        ]
    }

    /// The sum of the known buckets; `None` only when input and output are both unknown.
    pub fn total(&self) -> Option<i64> {
        if self.input.is_none() && self.output.is_none() {
            return None;
        }
        let buckets = [self.input, self.cache_read, self.cache_write, self.output, self.reasoning];
        Some(buckets.into_iter().flatten().fold(0, i64::saturating_add))
    }
}

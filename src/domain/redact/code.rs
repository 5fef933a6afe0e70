//! What stands where a value would and is none: words for one, places to put one, and expressions of programs.

/// Words that stand where a value would, and are none.
const PLACEHOLDERS: [&str; 42] = [
    "null",
    "none",
    "nil",
    "undefined",
    "true",
    "false",
    "string",
    "str",
    "number",
    "integer",
    "int",
    "float",
    "boolean",
    "bool",
    "object",
    "array",
    "any",
    "void",
    "bytes",
    "text",
    "required",
    "optional",
    "redacted",
    "hidden",
    "masked",
    "removed",
    "empty",
    "missing",
    "invalid",
    "unknown",
    "default",
    "example",
    "password",
    "secret",
    "token",
    "xxx",
    "option",
    "vec",
    "self",
    "unset",
    "n/a",
    "[redacted]",
];
/// What an expression of a program begins with, when a member of it is meant.
const PROGRAM: [&str; 26] = [
    "self",
    "this",
    "process",
    "os",
    "env",
    "config",
    "settings",
    "req",
    "request",
    "args",
    "options",
    "opts",
    "cfg",
    "ctx",
    "context",
    "params",
    "user",
    "data",
    "state",
    "props",
    "credentials",
    "secrets",
    "github",
    "var",
    "local",
    "module",
];
/// What a value is given by where the line goes on as a program.
const KEYWORDS: [&str; 18] = [
    "await", "async", "match", "function", "func", "fn", "new", "if", "return", "yield", "lambda", "not", "typeof",
    "input", "mut", "const", "move", "unsafe",
];
/// How a variable of the environment is read in programs, which no password begins with.
const READING: [&str; 8] =
    ["process.env.", "os.environ", "os.getenv", "System.getenv", "import.meta.env", "secrets.", "Deno.env", "ENV["];

/// Endings of files of which a tool tells a line.
const FILES: [&str; 38] = [
    "rs", "py", "pyi", "ts", "tsx", "js", "jsx", "mjs", "cjs", "go", "java", "kt", "kts", "scala", "rb", "php", "c",
    "h", "cc", "cpp", "hpp", "cs", "swift", "m", "ex", "exs", "erl", "clj", "hs", "lua", "sh", "sql", "yml", "yaml",
    "toml", "json", "md", "tf",
];

/// Whether it is no value but a word for one, or a place where one is to be put.
pub(super) fn is_placeholder(value: &[u8]) -> bool {
    let value = value.trim_ascii();
    // A list or a line of a program goes on behind it.
    let value = value.strip_suffix(b",").or_else(|| value.strip_suffix(b";")).unwrap_or(value);
    if value.is_empty() || super::stub::is_stub(value) {
        return true;
    }
    if PLACEHOLDERS.iter().any(|word| value.eq_ignore_ascii_case(word.as_bytes())) {
        return true;
    }
    let variable = value.strip_prefix(b"$").is_some_and(|name| {
        name.iter().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || *byte == b'_')
    });
    let framed = [(&b"${"[..], &b"}"[..]), (b"{{", b"}}"), (b"<", b">"), (b"%(", b"s"), (b"$(", b")")];
    variable
        || framed.iter().any(|(open, close)| value.starts_with(open) && value.ends_with(close) && value.len() < 64)
        || value.iter().all(|byte| matches!(byte, b'*' | b'.' | b'x' | b'X' | b'-' | b'_' | b'?'))
        || value.iter().all(|byte| !byte.is_ascii_alphanumeric() && byte.is_ascii())
        || value == b"%s"
        || is_hint(value)
}

/// Whether it says what is to be put there: `YOUR_API_KEY`, `your-token-here`.
fn is_hint(value: &[u8]) -> bool {
    let is_word = value.iter().all(|byte| byte.is_ascii_alphabetic() || matches!(byte, b'_' | b'-' | b' '));
    let begins = value
        .get(..5)
        .is_some_and(|start| start[..4].eq_ignore_ascii_case(b"your") && matches!(start[4], b'_' | b'-' | b' '));
    is_word && begins && value.len() < 64
}

/// What a header has behind the word for its scheme: `Bearer …`.
pub(super) fn without_scheme(value: &[u8]) -> &[u8] {
    let scheme = ["bearer", "basic", "token"].into_iter().find(|scheme| {
        let ends = value.get(scheme.len()).is_none_or(|byte| *byte == b' ');
        ends && value.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme.as_bytes()))
    });
    scheme.map_or(value, |scheme| value[scheme.len()..].trim_ascii())
}

/// Whether a name with a value is a place in a file: `src/token.rs:45:12`.
pub(super) fn is_place(name: &[u8], value: &[u8]) -> bool {
    let ending = name.rsplit(|byte| *byte == b'.').next().filter(|ending| ending.len() < name.len());
    let is_file = ending.is_some_and(|ending| FILES.iter().any(|file| ending.eq_ignore_ascii_case(file.as_bytes())));
    let digits = value.iter().take_while(|byte| byte.is_ascii_digit() || matches!(byte, b':' | b'-' | b',')).count();
    is_file && digits > 0 && value.get(digits).is_none_or(|byte| !byte.is_ascii_alphanumeric())
}

/// Whether it is an expression of a program that gives the value, not the value.
pub(super) fn is_code(name: &[u8], value: &[u8], next: Option<u8>) -> bool {
    let is_keyword = KEYWORDS.iter().any(|word| value == word.as_bytes()) && matches!(next, Some(b' ' | b'(' | b'\t'));
    let is_pointer = value.starts_with(b"*mut") || value.starts_with(b"*const");
    if is_keyword || is_pointer || value == name || reads_environment(value) {
        return true;
    }
    let named = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'?' | b'!' | b'$' | b':');
    if !value.iter().all(named) || value.first().is_none_or(u8::is_ascii_digit) {
        return false;
    }
    let is_path = memchr::memmem::find(value, b"::").is_some();
    let first = value.split(|byte| *byte == b'.').next().unwrap_or(value);
    let last = value.rsplit(|byte| *byte == b'.').next().unwrap_or(value);
    // `creds.password` behind `password` is a member of the same name.
    let own = name.rsplit(|byte| *byte == b'.').next().unwrap_or(name);
    let is_member = first.len() < value.len()
        && (PROGRAM.iter().any(|word| first == word.as_bytes()) || last.eq_ignore_ascii_case(own));
    is_path || is_member || matches!(next, Some(b'(' | b'['))
}

/// Whether a program or a shell reads the value from somewhere else.
pub(super) fn reads_environment(value: &[u8]) -> bool {
    value.starts_with(b"$(") || value.starts_with(b"`") || READING.iter().any(|word| value.starts_with(word.as_bytes()))
}

/// Whether a word is such as nobody writes in prose or as a name in a program: letters with digits among them.
pub(super) fn is_mixed(value: &[u8]) -> bool {
    let letters = value.iter().filter(|byte| byte.is_ascii_alphabetic()).count();
    let digits = value.iter().filter(|byte| byte.is_ascii_digit()).count();
    let odd = |byte: &u8| byte.is_ascii_whitespace() || matches!(byte, b'(' | b'<' | b'>' | b'"' | b'`' | b'\\');
    value.len() >= 6
        && letters >= 3
        && digits >= 1
        && !value.iter().any(odd)
        && !is_type(value)
        && !is_identifier(value)
        && !is_placeholder(value)
}

/// Whether it is a name of several words in a program: `utf16_code_to_length`.
fn is_identifier(value: &[u8]) -> bool {
    let named = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || *byte == b'_';
    value.contains(&b'_') && value.iter().all(named)
}

/// Whether it is the name of a type or a method with its size: `int32`, `uint64_t`, `sha256`, `base64`.
fn is_type(value: &[u8]) -> bool {
    const SIZES: [&[u8]; 8] = [b"1", b"8", b"16", b"32", b"64", b"128", b"256", b"512"];
    let value = value.strip_suffix(b"_t").unwrap_or(value);
    let letters = value.iter().take_while(|byte| byte.is_ascii_alphabetic()).count();
    SIZES.contains(&&value[letters..])
}

//! The manifest over all bodies that leave: it depends on nothing but their bytes.

use serde_json::{Value, json};

use crate::store::digest;

/// The digests and sizes of bodies in order, a digest over them, and that digest alone.
pub fn manifest(bodies: impl Iterator<Item = ([u8; 32], i64)>) -> (Value, String) {
    let mut list = Vec::new();
    let mut text = String::new();
    for (digest, size) in bodies {
        let name = hex::encode(digest);
        text.push_str(&format!("{name} {size}\n"));
        list.push(json!({ "sha256": name, "size": size }));
    }
    let digest = hex::encode(digest(text.as_bytes()));
    (json!({ "bodies": list, "digest": digest }), digest)
}

//! Users, who prove by a JWT who they are: a shared secret, a public key, or a set of keys.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use jsonwebtoken::jwk::{JwkSet, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use serde::Deserialize;

use super::verifying::{self, ALGORITHMS};

/// Where the keys of users' JWTs come from, and what the tokens must say.
#[derive(Debug, Clone, Default)]
pub struct UserKeys {
    /// The secret of HS256 tokens.
    pub secret: Option<String>,
    /// A PEM file with the public key of RS256 or ES256 tokens.
    pub public_key: Option<PathBuf>,
    /// A JSON file with a set of keys, found by the `kid` of a token.
    pub key_set: Option<PathBuf>,
    pub audience: Option<String>,
    pub issuer: Option<String>,
    /// Seconds by which the clock of the issuer may differ from ours.
    pub leeway: u64,
}

/// One key, and the tokens that it is for.
struct UserKey {
    id: Option<String>,
    algorithm: Algorithm,
    key: DecodingKey,
}

/// Checks users' JWTs.
pub(super) struct Users {
    keys: Vec<UserKey>,
    audience: Option<String>,
    issuer: Option<String>,
    leeway: u64,
}

#[derive(Deserialize)]
struct Claims {
    sub: Option<String>,
}

impl Users {
    /// Reads the keys; `None` where none is configured.
    pub(super) fn of(from: &UserKeys) -> Result<Option<Self>> {
        verifying::install();
        let mut keys = Vec::new();
        if let Some(secret) = from.secret.as_deref().filter(|secret| !secret.is_empty()) {
            let key = DecodingKey::from_secret(secret.as_bytes());
            keys.push(UserKey { id: None, algorithm: Algorithm::HS256, key });
        }
        if let Some(path) = &from.public_key {
            keys.push(public_key(path)?);
        }
        if let Some(path) = &from.key_set {
            keys.extend(key_set(path)?);
        }
        if keys.is_empty() && (from.audience.is_some() || from.issuer.is_some()) {
            bail!(
                "an audience or issuer of users is set, and no key to check them by: TURNSCOPE_JWT_SECRET, \
                 TURNSCOPE_JWT_PUBLIC_KEY or TURNSCOPE_JWKS"
            );
        }
        let users = Self { keys, audience: from.audience.clone(), issuer: from.issuer.clone(), leeway: from.leeway };
        Ok((!users.keys.is_empty()).then_some(users))
    }

    /// The user whose valid token this is: its subject.
    pub(super) fn user(&self, token: &str) -> Option<String> {
        let header = decode_header(token).ok()?;
        // What must be understood of it is nothing that is known here (RFC 7515, 4.1.11).
        if header.crit.is_some() {
            return None;
        }
        let fits = |key: &&UserKey| {
            key.algorithm == header.alg && (header.kid.is_none() || key.id.is_none() || key.id == header.kid)
        };
        self.keys.iter().filter(fits).find_map(|key| {
            let claims = decode::<Claims>(token, &key.key, &self.validation(key.algorithm)).ok()?.claims;
            Some(claims.sub.unwrap_or_else(|| "unnamed".to_owned()))
        })
    }

    fn validation(&self, algorithm: Algorithm) -> Validation {
        let mut validation = Validation::new(algorithm);
        validation.leeway = self.leeway;
        validation.validate_nbf = true;
        validation.validate_aud = self.audience.is_some();
        let mut required = vec!["exp"];
        if let Some(audience) = &self.audience {
            validation.set_audience(&[audience]);
            required.push("aud");
        }
        if let Some(issuer) = &self.issuer {
            validation.set_issuer(&[issuer]);
            required.push("iss");
        }
        validation.set_required_spec_claims(&required);
        validation
    }
}

fn public_key(path: &Path) -> Result<UserKey> {
    let pem = read(path)?;
    let key = DecodingKey::from_rsa_pem(&pem).map(|key| (Algorithm::RS256, key));
    let key = key.or_else(|_| DecodingKey::from_ec_pem(&pem).map(|key| (Algorithm::ES256, key)));
    match key {
        Ok((algorithm, key)) => Ok(UserKey { id: None, algorithm, key }),
        Err(_) => bail!("{}: holds no public key in PEM for RS256 or ES256", path.display()),
    }
}

fn key_set(path: &Path) -> Result<Vec<UserKey>> {
    let set: JwkSet =
        serde_json::from_slice(&read(path)?).with_context(|| format!("{}: holds no set of keys", path.display()))?;
    let mut keys = Vec::new();
    // A set may hold keys for other things and of other kinds; they are passed over, as RFC 7517 wants it.
    for jwk in set.keys.iter().filter(|jwk| jwk.common.public_key_use != Some(PublicKeyUse::Encryption)) {
        let Ok(key) = DecodingKey::from_jwk(jwk) else { continue };
        let algorithm = ALGORITHMS.into_iter().find(|algorithm| algorithm.family() == key.family());
        keys.extend(algorithm.map(|algorithm| UserKey { id: jwk.common.key_id.clone(), algorithm, key }));
    }
    if keys.is_empty() {
        bail!("{}: holds no key for HS256, RS256 or ES256", path.display());
    }
    Ok(keys)
}

fn read(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).with_context(|| format!("could not read {}", path.display()))
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
    use ring::{hmac, rand};
    use serde_json::{Value, json};

    use super::*;

    /// A token of the key below, with the subject `ada`, that ends in the year 2100; its private key is nowhere.
    const RS256: &str = "eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJhZGEiLCJleHAiOjQxMDI0NDQ4MDB9.BeHnVoFz9rXcVYtSLcsZJRoCC3Or8QkFLWPdg_upggGCPPY8gRvxFN4I0IdfmgeVOHyZ8X2K6xDxTJQo_ZetjcLGCy-Hzn5lIwc5hGRZ4zDPCFAWHgx3LRDhvpjBB1Cp6NKa_Uygckz6tm7_jGTnlE_h0rd_HBKNrrTSAaKIMGVv0h6ePwrOHGADAMER25etMjlv652j_-wdKoCQyiOzHQZoMxuupbPQz5G1enczuJgPlJ1kR95FLvUvIYhPhO1qupn7RYmrltHjILOABmgjw5E_3te7o5iBQb3hvMUM8ZmBhLbQtEQeZjvQaEqUNpNhafO5vkS5oE0WmX2x6I6arQ";
    const RS256_KEY: &str = "\
-----BEGIN PUBLIC KEY-----\n\
MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAl+ciKkP0FveNjaXTvERd\n\
Jk8L0B06z/Q/i/i1AJ6gTy2ClbOYboApECIhMg97UqppMOfkGBHk6NE/DGRSOqzU\n\
xtwtmV+HgcUDvqD+DOTGdX0klaqtrzClQ81iUOBC6YToJIuSWOdJNUy/vl2vM1QL\n\
Zq7vR7DOLnC+9g8STMX2TRiEknveDEm6Ndj4YLEbnzXairbjtoIJng9ZIXCR/GeZ\n\
pOsFceyobPChxhU9lwO7PjNUT0WUioRlsJAp7hsePsvuKAS1lN0Wb/uQKoqAEFSz\n\
XrhdmtT4iL4M6DO2/t4n+inrIrwBjd5Fvka57UjKKAbEaVB1bhpUAYotbtMl9al3\n\
PwIDAQAB\n\
-----END PUBLIC KEY-----\n\n";

    fn part(value: &Value) -> String {
        URL_SAFE_NO_PAD.encode(value.to_string())
    }

    fn signed(header: &Value, claims: &Value, sign: impl Fn(&[u8]) -> Vec<u8>) -> String {
        let message = format!("{}.{}", part(header), part(claims));
        let signature = URL_SAFE_NO_PAD.encode(sign(message.as_bytes()));
        format!("{message}.{signature}")
    }

    fn by_secret(secret: &str, claims: &Value) -> String {
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
        signed(&json!({"alg": "HS256"}), claims, |message| hmac::sign(&key, message).as_ref().to_vec())
    }

    fn users(keys: UserKeys) -> Users {
        Users::of(&keys).expect("keys are read").expect("there are keys")
    }

    fn now() -> i64 {
        jiff::Timestamp::now().as_second()
    }

    fn secret() -> UserKeys {
        UserKeys { secret: Some("a secret".to_owned()), leeway: 30, ..UserKeys::default() }
    }

    #[test]
    fn a_shared_secret_opens_while_the_token_is_valid() {
        let users = users(secret());
        let user = |claims: Value| users.user(&by_secret("a secret", &claims));
        assert_eq!(user(json!({"sub": "ada", "exp": now() + 60})).as_deref(), Some("ada"));
        assert_eq!(user(json!({"exp": now() + 60})).as_deref(), Some("unnamed"));
        // The clocks may differ a little, and not more.
        assert_eq!(user(json!({"sub": "ada", "exp": now() - 10})).as_deref(), Some("ada"));
        assert_eq!(user(json!({"sub": "ada", "exp": now() - 60})), None);
        assert_eq!(user(json!({"sub": "ada", "exp": now() + 600, "nbf": now() + 300})), None);
        assert_eq!(user(json!({"sub": "ada"})), None, "without an end it is none");
        assert_eq!(users.user(&by_secret("another", &json!({"exp": now() + 60}))), None);
        let critical = |header: Value| {
            let key = hmac::Key::new(hmac::HMAC_SHA256, b"a secret");
            let sign = |message: &[u8]| hmac::sign(&key, message).as_ref().to_vec();
            users.user(&signed(&header, &json!({"sub": "ada", "exp": now() + 60}), sign))
        };
        assert_eq!(critical(json!({"alg": "HS256", "x": "y"})).as_deref(), Some("ada"));
        assert_eq!(critical(json!({"alg": "HS256", "x": "y", "crit": ["x"]})), None);
        assert_eq!(critical(json!({"alg": "HS256", "crit": []})), None);
        for garbage in ["", "a.b.c", "..", "Bearer", &"x.".repeat(10_000)] {
            assert_eq!(users.user(garbage), None);
        }
    }

    #[test]
    fn audience_and_issuer_must_be_those_that_are_wanted() {
        let wanted = UserKeys { audience: Some("us".to_owned()), issuer: Some("them".to_owned()), ..secret() };
        let users = users(wanted);
        let user = |more: Value| {
            let mut claims = json!({"sub": "ada", "exp": now() + 60});
            claims.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
            users.user(&by_secret("a secret", &claims)).is_some()
        };
        assert!(user(json!({"aud": "us", "iss": "them"})) && user(json!({"aud": ["x", "us"], "iss": "them"})));
        let wrong = [json!({}), json!({"aud": "us"}), json!({"iss": "them"}), json!({"aud": "x", "iss": "them"})];
        assert!(wrong.into_iter().all(|claims| !user(claims)));
    }

    #[test]
    fn a_set_of_keys_and_public_keys_open_and_no_other_algorithm_does() {
        let folder = tempfile::tempdir().expect("a folder");
        let random = rand::SystemRandom::new();
        let private = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).expect("is made");
        let pair =
            EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, private.as_ref(), &random).expect("a key");
        let point = pair.public_key().as_ref();
        let coordinate = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let jwk = json!({"kty": "EC", "crv": "P-256", "kid": "k1", "x": coordinate(&point[1..33]), "y": coordinate(&point[33..])});
        let set = folder.path().join("keys.json");
        fs::write(&set, json!({"keys": [jwk]}).to_string()).expect("is written");
        let sign = |header: Value| {
            let claims = json!({"sub": "grace", "exp": now() + 60});
            signed(&header, &claims, |message| pair.sign(&random, message).expect("is signed").as_ref().to_vec())
        };
        let of_set = users(UserKeys { key_set: Some(set), ..UserKeys::default() });
        assert_eq!(of_set.user(&sign(json!({"alg": "ES256", "kid": "k1"}))).as_deref(), Some("grace"));
        assert_eq!(of_set.user(&sign(json!({"alg": "ES256", "kid": "k2"}))), None);

        let pem = folder.path().join("key.pem");
        fs::write(&pem, RS256_KEY).expect("is written");
        let of_key = users(UserKeys { public_key: Some(pem), ..UserKeys::default() });
        assert_eq!(of_key.user(RS256).as_deref(), Some("ada"));
        assert_eq!(of_key.user(&RS256.replace("MDB9.", "MTB9.")), None, "a claim was changed");
        // The public key is no secret: nothing that is signed with it as one opens.
        assert_eq!(of_key.user(&by_secret(RS256_KEY, &json!({"sub": "eve", "exp": now() + 60}))), None);
        let unsigned =
            format!("{}.{}.", part(&json!({"alg": "none"})), part(&json!({"sub": "eve", "exp": now() + 60})));
        assert!(of_key.user(&unsigned).is_none() && of_set.user(&unsigned).is_none());
    }

    #[test]
    fn keys_that_cannot_be_used_are_told_and_none_is_none() {
        assert!(Users::of(&UserKeys::default()).expect("is read").is_none());
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("x");
        let missing = UserKeys { key_set: Some(path.clone()), ..UserKeys::default() };
        assert!(Users::of(&missing).is_err());
        fs::write(&path, "{\"keys\":[]}").expect("is written");
        assert!(Users::of(&missing).is_err_and(|error| error.to_string().contains("holds no key")));
        let no_pem = UserKeys { public_key: Some(path), ..UserKeys::default() };
        assert!(Users::of(&no_pem).is_err_and(|error| error.to_string().contains("RS256 or ES256")));
    }
}

//! Who may send and read: tokens of services, JWTs of users, and anybody on this machine where nothing is configured.

use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::users::Users;
use crate::store::Token;

/// What a request wants to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    Ingest,
    Read,
}

impl Scope {
    pub fn name(self) -> &'static str {
        match self {
            Self::Ingest => "ingest",
            Self::Read => "read",
        }
    }
}

/// Who sent a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Principal {
    /// A service, by the name of its token.
    Service(String),
    /// A user, by the subject of the JWT.
    User(String),
    /// Somebody on this machine.
    Anonymous,
}

impl Principal {
    /// As it stands on rows: `service:NAME`, `user:SUBJECT`, `anonymous`.
    pub(super) fn name(&self) -> String {
        match self {
            Self::Service(name) => format!("service:{name}"),
            Self::User(subject) => format!("user:{subject}"),
            Self::Anonymous => "anonymous".to_owned(),
        }
    }
}

/// Why a request is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Denied {
    /// 401
    Unauthorized,
    /// 403: it is known who asks, and that they may not.
    Forbidden,
}

/// What decides who may do what.
pub(super) struct Auth {
    /// The digest of the token in the environment.
    pub environment: Option<[u8; 32]>,
    pub users: Option<Users>,
    /// Only this machine can reach the listener.
    pub loopback: bool,
}

impl Auth {
    /// Who a request comes from, by its `Authorization` header, and whether they may do what they want.
    ///
    /// `tokens` are those of the store, `now` in µs since 1970.
    pub(super) fn admit(
        &self,
        authorization: Option<&str>,
        tokens: &[Token],
        scope: Scope,
        now: i64,
    ) -> Result<Principal, Denied> {
        let Some(authorization) = authorization.map(str::trim).filter(|header| !header.is_empty()) else {
            let open = self.environment.is_none() && self.users.is_none() && tokens.is_empty() && self.loopback;
            return if open { Ok(Principal::Anonymous) } else { Err(Denied::Unauthorized) };
        };
        let bearer = bearer(authorization);
        match self.service(bearer, tokens, now) {
            Some((name, true)) => return Ok(Principal::Service(name)),
            Some((name, false)) => {
                let token = tokens.iter().find(|token| token.name == name);
                let may = token.is_some_and(|token| token.scopes.iter().any(|own| own == scope.name()));
                return if may { Ok(Principal::Service(name)) } else { Err(Denied::Forbidden) };
            }
            None => {}
        }
        let user = self.users.as_ref().and_then(|users| users.user(bearer));
        user.map(Principal::User).ok_or(Denied::Unauthorized)
    }

    /// The service whose token this is, and whether it may do everything. All tokens are looked at, whichever fits.
    fn service(&self, bearer: &str, tokens: &[Token], now: i64) -> Option<(String, bool)> {
        let digest = digest(bearer);
        let mut found = None;
        for token in tokens {
            let same: bool = token.digest.ct_eq(&digest).into();
            if same && token.is_valid(now) {
                found = Some((token.name.clone(), false));
            }
        }
        let of_environment = self.environment.is_some_and(|own| own.ct_eq(&digest).into());
        if of_environment { Some(("environment".to_owned(), true)) } else { found }
    }
}

/// What stands behind `Bearer`, in any case; the original took the token alone as well.
fn bearer(authorization: &str) -> &str {
    match authorization.split_once(' ') {
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("bearer") => rest.trim(),
        _ => authorization,
    }
}

/// What is kept of a token, and compared.
pub fn digest(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_000_000;

    fn token(name: &str, secret: &str, scopes: &[&str]) -> Token {
        Token {
            name: name.to_owned(),
            digest: digest(secret),
            scopes: scopes.iter().map(|scope| (*scope).to_owned()).collect(),
            created: 0,
            expires: None,
            revoked: None,
        }
    }

    fn auth(environment: Option<&str>, loopback: bool) -> Auth {
        Auth { environment: environment.map(digest), users: None, loopback }
    }

    #[test]
    fn the_name_of_a_principal_says_what_it_is() {
        let principals = [Principal::Service("ci".to_owned()), Principal::User("ada".to_owned()), Principal::Anonymous];
        assert_eq!(principals.map(|principal| principal.name()), ["service:ci", "user:ada", "anonymous"]);
    }

    #[test]
    fn without_a_bearer_only_an_open_loopback_takes_anything() {
        let none: [Token; 0] = [];
        assert_eq!(auth(None, true).admit(None, &none, Scope::Ingest, NOW), Ok(Principal::Anonymous));
        assert_eq!(auth(None, true).admit(Some("  "), &none, Scope::Ingest, NOW), Ok(Principal::Anonymous));
        let closed = [
            auth(None, false).admit(None, &none, Scope::Ingest, NOW),
            auth(Some("t"), true).admit(None, &none, Scope::Ingest, NOW),
            auth(None, true).admit(None, &[token("ci", "s", &["ingest"])], Scope::Ingest, NOW),
            // A credential that nobody knows is no way in, even where none would be needed.
            auth(None, true).admit(Some("Bearer wrong"), &none, Scope::Ingest, NOW),
        ];
        assert_eq!(closed, [const { Err(Denied::Unauthorized) }; 4]);
    }

    #[test]
    fn a_token_is_taken_in_any_spelling_of_bearer_and_does_what_its_scopes_say() {
        let tokens = [token("ci", "s3cret", &["ingest"]), token("board", "watch", &["read"])];
        let auth = auth(Some("env"), false);
        let admit = |header: &str, scope| auth.admit(Some(header), &tokens, scope, NOW);
        let ci = Ok(Principal::Service("ci".to_owned()));
        for header in ["Bearer s3cret", "bearer  s3cret ", "BEARER s3cret", "s3cret"] {
            assert_eq!(admit(header, Scope::Ingest), ci, "{header}");
        }
        assert_eq!(admit("Bearer s3cret", Scope::Read), Err(Denied::Forbidden));
        assert_eq!(admit("Bearer watch", Scope::Read), Ok(Principal::Service("board".to_owned())));
        assert_eq!(admit("Bearer watch", Scope::Ingest), Err(Denied::Forbidden));
        assert_eq!(admit("Bearer env", Scope::Read), Ok(Principal::Service("environment".to_owned())));
        assert_eq!(admit("Bearer s3cre", Scope::Ingest), Err(Denied::Unauthorized));
    }

    #[test]
    fn a_token_that_is_revoked_or_over_is_none() {
        let revoked = Token { revoked: Some(NOW - 1), ..token("a", "x", &["ingest"]) };
        let over = Token { expires: Some(NOW), ..token("b", "y", &["ingest"]) };
        let coming = Token { revoked: Some(NOW + 1), expires: Some(NOW + 1), ..token("c", "z", &["ingest"]) };
        let tokens = [revoked, over, coming];
        let admit = |header: &str| auth(None, true).admit(Some(header), &tokens, Scope::Ingest, NOW);
        assert_eq!((admit("x"), admit("y")), (Err(Denied::Unauthorized), Err(Denied::Unauthorized)));
        assert_eq!(admit("z"), Ok(Principal::Service("c".to_owned())));
    }
}

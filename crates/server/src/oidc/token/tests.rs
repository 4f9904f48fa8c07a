//! Tokens and what they prove, a row each. The keys are made here.

use std::sync::LazyLock;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use hmac::{Hmac, Mac};
use num_bigint::BigUint;
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, EcdsaSigningAlgorithm,
    Ed25519KeyPair, KeyPair,
};
use serde_json::{Value, json};
use sha2::{Digest, Sha256, Sha384, Sha512};

use super::*;
use crate::oidc::signature;

const NOW: i64 = 1_800_000_000;
const OURS: &str = "https://issuer.example";

/// The private keys of the issuer.
struct Issuer {
    rsa: Rsa,
    p256: EcdsaKeyPair,
    p384: EcdsaKeyPair,
    ed: Ed25519KeyPair,
    /// A key of somebody else, with whom nobody shares anything.
    stranger: EcdsaKeyPair,
}

struct Rsa {
    n: BigUint,
    d: BigUint,
}

static ISSUER: LazyLock<Issuer> = LazyLock::new(|| {
    let random = SystemRandom::new();
    let ec = |algorithm: &'static EcdsaSigningAlgorithm| {
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(algorithm, &random).expect("a key");
        EcdsaKeyPair::from_pkcs8(algorithm, pkcs8.as_ref(), &random).expect("a key")
    };
    let ed = Ed25519KeyPair::generate_pkcs8(&random).expect("a key");
    Issuer {
        rsa: Rsa::new(),
        p256: ec(&ECDSA_P256_SHA256_FIXED_SIGNING),
        p384: ec(&ECDSA_P384_SHA384_FIXED_SIGNING),
        ed: Ed25519KeyPair::from_pkcs8(ed.as_ref()).expect("a key"),
        stranger: ec(&ECDSA_P256_SHA256_FIXED_SIGNING),
    }
});

impl Rsa {
    fn new() -> Rsa {
        let e = BigUint::from(65_537u32);
        loop {
            let (p, q) = (prime(), prime());
            let phi = (&p - 1u32) * (&q - 1u32);
            if let (Some(d), true) = (e.modinv(&phi), p != q) {
                return Rsa { n: p * q, d };
            }
        }
    }

    /// A signature of PKCS #1 1.5, of a hash that its prefix of DER names.
    fn sign(&self, prefix: &[u8], hash: &[u8]) -> Vec<u8> {
        let mut padded = vec![0xff; 256];
        let end = 256 - prefix.len() - hash.len();
        (padded[0], padded[1], padded[end - 1]) = (0, 1, 0);
        padded[end..].copy_from_slice(&[prefix, hash].concat());
        let signature = BigUint::from_bytes_be(&padded).modpow(&self.d, &self.n).to_bytes_be();
        [vec![0; 256 - signature.len()], signature].concat()
    }
}

/// A prime of 1024 bits whose two highest bits are set, so that a product has 2048.
fn prime() -> BigUint {
    let (one, two) = (BigUint::from(1u32), BigUint::from(2u32));
    loop {
        let mut bytes = [0; 128];
        getrandom::fill(&mut bytes).expect("random bytes");
        bytes[0] |= 0xc0;
        bytes[127] |= 1;
        let candidate = BigUint::from_bytes_be(&bytes);
        let has_factor = (3u32..2000).step_by(2).any(|factor| &candidate % factor == BigUint::ZERO);
        // A number of this size that passes by chance is rarer than a fault of the machine.
        if !has_factor && two.modpow(&(&candidate - &one), &candidate) == one {
            return candidate;
        }
    }
}

/// The issuer's public keys, each under the name of its type, and some that no token may be checked with.
fn key_set() -> Value {
    let issuer = &*ISSUER;
    let ec = |pair: &EcdsaKeyPair, curve: &str, id: &str| {
        let point = &pair.public_key().as_ref()[1..];
        let (x, y) = point.split_at(point.len() / 2);
        json!({ "kty": "EC", "crv": curve, "kid": id, "x": BASE64URL.encode(x), "y": BASE64URL.encode(y) })
    };
    let rsa = |id: &str| {
        let n = BASE64URL.encode(issuer.rsa.n.to_bytes_be());
        json!({ "kty": "RSA", "kid": id, "n": n, "e": "AQAB" })
    };
    let with = |mut key: Value, name: &str, value: Value| {
        key[name] = value;
        key
    };
    let ed = BASE64URL.encode(issuer.ed.public_key().as_ref());
    json!({ "keys": [
        rsa("rsa"),
        with(rsa("rsa-only-512"), "alg", json!("RS512")),
        with(rsa("rsa-for-encryption"), "use", json!("enc")),
        with(rsa("rsa-that-signs"), "key_ops", json!(["sign"])),
        ec(&issuer.p256, "P-256", "p256"),
        ec(&issuer.p384, "P-384", "p384"),
        ec(&issuer.p256, "P-521", "p521"),
        { "kty": "OKP", "crv": "Ed25519", "kid": "ed", "x": ed },
        { "kty": "oct", "kid": "symmetric", "k": BASE64URL.encode(SECRET) },
        { "kty": "novel", "kid": "novel" },
    ]})
}

const SECRET: &[u8] = b"a secret that nobody should share";

/// A token before it is made.
struct Draft {
    header: Value,
    claims: Value,
    sign: fn(&[u8]) -> Vec<u8>,
    /// What is done to the token at last.
    change: fn(String) -> String,
    now: i64,
}

fn rs256(message: &[u8]) -> Vec<u8> {
    const PREFIX: &[u8] = b"\x30\x31\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01\x05\x00\x04\x20";
    ISSUER.rsa.sign(PREFIX, &Sha256::digest(message))
}

fn rs384(message: &[u8]) -> Vec<u8> {
    const PREFIX: &[u8] = b"\x30\x41\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x02\x05\x00\x04\x30";
    ISSUER.rsa.sign(PREFIX, &Sha384::digest(message))
}

fn rs512(message: &[u8]) -> Vec<u8> {
    const PREFIX: &[u8] = b"\x30\x51\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x03\x05\x00\x04\x40";
    ISSUER.rsa.sign(PREFIX, &Sha512::digest(message))
}

fn ec(pair: &EcdsaKeyPair, message: &[u8]) -> Vec<u8> {
    pair.sign(&SystemRandom::new(), message).expect("a signature").as_ref().to_vec()
}

fn es256(message: &[u8]) -> Vec<u8> {
    ec(&ISSUER.p256, message)
}

fn es384(message: &[u8]) -> Vec<u8> {
    ec(&ISSUER.p384, message)
}

fn eddsa(message: &[u8]) -> Vec<u8> {
    ISSUER.ed.sign(message).as_ref().to_vec()
}

fn hs256(key: &[u8], message: &[u8]) -> Vec<u8> {
    let mut code = Hmac::<Sha256>::new_from_slice(key).expect("any length");
    code.update(message);
    code.finalize().into_bytes().to_vec()
}

impl Draft {
    /// A token that proves that Ann is Ann.
    fn new() -> Draft {
        let (exp, iat, nbf) = (NOW + 300, NOW - 10, NOW - 10);
        Draft {
            header: json!({ "alg": "ES256", "typ": "JWT", "kid": "p256" }),
            claims: json!({ "iss": OURS, "aud": "ledgers", "sub": "ann", "exp": exp, "iat": iat, "nbf": nbf }),
            sign: es256,
            change: |token| token,
            now: NOW,
        }
    }

    fn alg(mut self, algorithm: &str, key: &str, sign: fn(&[u8]) -> Vec<u8>) -> Draft {
        (self.header["alg"], self.header["kid"], self.sign) = (json!(algorithm), json!(key), sign);
        self
    }

    fn header(mut self, name: &str, value: Value) -> Draft {
        self.header[name] = value;
        self
    }

    fn claim(mut self, name: &str, value: Value) -> Draft {
        self.claims[name] = value;
        self
    }

    fn without(mut self, name: &str) -> Draft {
        for part in [&mut self.claims, &mut self.header] {
            part.as_object_mut().expect("an object").remove(name);
        }
        self
    }

    fn at(mut self, now: i64) -> Draft {
        self.now = now;
        self
    }

    fn change(mut self, change: fn(String) -> String) -> Draft {
        self.change = change;
        self
    }

    fn token(&self) -> String {
        let part = |part: &Value| BASE64URL.encode(part.to_string());
        let message = format!("{}.{}", part(&self.header), part(&self.claims));
        let signature = BASE64URL.encode((self.sign)(message.as_bytes()));
        (self.change)(format!("{message}.{signature}"))
    }
}

fn settings() -> OidcSettings {
    OidcSettings {
        issuer: OURS.to_owned(),
        audience: "ledgers".to_owned(),
        claim: "sub".to_owned(),
        keys: String::new(),
        certificates: None,
    }
}

fn keys() -> Keys {
    signature::install();
    Keys::parse(key_set().to_string().as_bytes()).expect("a key set")
}

const UNKNOWN: &str = "it is signed with a key that is not among the issuer's";
const UNFIT: &str = "the key that it names is for another algorithm";
const ALGORITHM: &str = "its algorithm is none of RS256, RS384, RS512, ES256, ES384 and EdDSA";
const HEADER: &str = "its header cannot be read";
const SIGNATURE: &str = "its signature is wrong";
const AUDIENCE: &str = "it is for another audience";
const ISSUER_IS_OTHER: &str = "it is of another issuer";
const CLAIMS: &str = "its claims cannot be read";
const EXPIRED: &str = "it has expired";
const TIME: &str = "one of its times is no number of seconds since 1970";
const DEMANDS: &str = "its header demands what this server does not know";
const SHAPE: &str = "it is no signed token";

/// What is different about a token, and what it proves: a user, or why it is refused.
#[rustfmt::skip]
fn algorithms_and_keys() -> Vec<(&'static str, Draft, &'static str)> {
    let draft = Draft::new;
    vec![
        ("as it should be", draft(), "ann"),
        ("RS256", draft().alg("RS256", "rsa", rs256), "ann"),
        ("RS384", draft().alg("RS384", "rsa", rs384), "ann"),
        ("RS512", draft().alg("RS512", "rsa", rs512), "ann"),
        ("ES384", draft().alg("ES384", "p384", es384), "ann"),
        ("EdDSA", draft().alg("EdDSA", "ed", eddsa), "ann"),
        ("a key for RS512 alone", draft().alg("RS512", "rsa-only-512", rs512), "ann"),
        ("a key for RS512 alone, and RS256", draft().alg("RS256", "rsa-only-512", rs256), UNFIT),
        ("a key for encryption", draft().alg("RS256", "rsa-for-encryption", rs256), UNKNOWN),
        ("a key that only signs", draft().alg("RS256", "rsa-that-signs", rs256), UNKNOWN),
        ("alg none, signed", draft().header("alg", json!("none")), HEADER),
        ("alg none, without a signature", draft().alg("none", "p256", |_| Vec::new()), HEADER),
        ("alg NONE", draft().alg("NONE", "p256", |_| Vec::new()), HEADER),
        ("alg missing", draft().without("alg"), HEADER),
        ("alg in lower case", draft().header("alg", json!("es256")), HEADER),
        ("HS256 with the bytes of the public key",
            draft().alg("HS256", "rsa", |message| hs256(&ISSUER.rsa.n.to_bytes_be(), message)), ALGORITHM),
        ("HS256 with the text of the public key", draft().alg("HS256", "rsa", |message| {
            hs256(key_set()["keys"][0]["n"].as_str().expect("text").as_bytes(), message)
        }), ALGORITHM),
        ("HS256 with the point of the public key",
            draft().alg("HS256", "p256", |message| hs256(ISSUER.p256.public_key().as_ref(), message)), ALGORITHM),
        ("HS256 with a shared secret", draft().alg("HS256", "symmetric", |message| hs256(SECRET, message)), ALGORITHM),
        ("PS256", draft().alg("PS256", "rsa", rs256), ALGORITHM),
        ("ES512", draft().alg("ES512", "p521", es256), HEADER),
        ("kid of nobody", draft().header("kid", json!("nobody")), UNKNOWN),
        ("kid of a key of an unknown type", draft().header("kid", json!("novel")), UNKNOWN),
        ("kid of a symmetric key", draft().header("kid", json!("symmetric")), UNKNOWN),
        ("kid of a curve that is not built", draft().header("kid", json!("p521")), UNKNOWN),
        ("kid missing", draft().without("kid"), "it names no key, and the issuer has several"),
        ("kid is a number", draft().header("kid", json!(1)), HEADER),
        ("ES256 with the key of ES384", draft().alg("ES256", "p384", es256), UNFIT),
        ("ES384 with the key of ES256", draft().alg("ES384", "p256", es384), UNFIT),
        ("ES256 with the RSA key", draft().alg("ES256", "rsa", es256), UNFIT),
        ("RS256 with the P-256 key", draft().alg("RS256", "p256", rs256), UNFIT),
        ("EdDSA with the P-256 key", draft().alg("EdDSA", "p256", eddsa), UNFIT),
        ("signed by a stranger", draft().alg("ES256", "p256", |message| ec(&ISSUER.stranger, message)), SIGNATURE),
        ("signed by RS384 and called RS256", draft().alg("RS256", "rsa", rs384), SIGNATURE),
        ("no signature", draft().alg("ES256", "p256", |_| Vec::new()), SIGNATURE),
        ("a signature of zeros", draft().alg("ES256", "p256", |_| vec![0; 64]), SIGNATURE),
        ("a critical extension", draft().header("crit", json!(["exp"])), DEMANDS),
        ("a body that is not encoded", draft().header("b64", json!(false)).header("crit", json!(["b64"])), DEMANDS),
        ("a key of its own, which nobody asks", draft().header("jwk", json!({"kty": "oct", "k": "AA"})), "ann"),
    ]
}

#[rustfmt::skip]
fn claims_and_times() -> Vec<(&'static str, Draft, &'static str)> {
    let draft = Draft::new;
    vec![
        ("iss missing", draft().without("iss"), "it names no issuer"),
        ("iss of another", draft().claim("iss", json!("https://other.example")), ISSUER_IS_OTHER),
        ("iss with a slash more", draft().claim("iss", json!("https://issuer.example/")), ISSUER_IS_OTHER),
        ("iss in upper case", draft().claim("iss", json!("HTTPS://ISSUER.EXAMPLE")), ISSUER_IS_OTHER),
        ("iss is a list", draft().claim("iss", json!([OURS])), ISSUER_IS_OTHER),
        ("iss is null", draft().claim("iss", Value::Null), ISSUER_IS_OTHER),
        ("aud missing", draft().without("aud"), "it names no audience"),
        ("aud of another", draft().claim("aud", json!("mail")), AUDIENCE),
        ("aud a list with ours", draft().claim("aud", json!(["mail", "ledgers"])), "ann"),
        ("aud a list of ours alone", draft().claim("aud", json!(["ledgers"])), "ann"),
        ("aud a list without ours", draft().claim("aud", json!(["mail", "calendar"])), AUDIENCE),
        ("aud an empty list", draft().claim("aud", json!([])), AUDIENCE),
        ("aud a list in a list", draft().claim("aud", json!([["ledgers"]])), AUDIENCE),
        ("aud begins with ours", draft().claim("aud", json!("ledgers2")), AUDIENCE),
        ("aud is ours with a space", draft().claim("aud", json!("ledgers mail")), AUDIENCE),
        ("aud is null", draft().claim("aud", Value::Null), AUDIENCE),
        ("aud is an object", draft().claim("aud", json!({"ledgers": 1})), AUDIENCE),
        ("sub missing", draft().without("sub"), "the claim that names the user is missing"),
        ("sub is empty", draft().claim("sub", json!("")), "the claim that names the user is no text"),
        ("sub is a list", draft().claim("sub", json!(["ann"])), CLAIMS),
        ("sub is a number", draft().claim("sub", json!(1)), "the claim that names the user is no text"),
        ("sub of another", draft().claim("sub", json!("bob")), "bob"),
        ("exp missing", draft().without("exp"), "it has no end"),
        ("exp a text", draft().claim("exp", json!("1900000000")), TIME),
        ("exp null", draft().claim("exp", Value::Null), TIME),
        ("exp before 1970", draft().claim("exp", json!(-1)), TIME),
        ("exp beyond all numbers", draft().claim("exp", json!(1e300)), TIME),
        ("exp a fraction", draft().claim("exp", json!(NOW as f64 + 0.5)), "ann"),
        ("one second before the end of the skew", draft().at(NOW + 300 + 59), "ann"),
        ("expired by the skew", draft().at(NOW + 300 + 60), EXPIRED),
        ("expired by one second beyond the skew", draft().at(NOW + 300 + 61), EXPIRED),
        ("long expired", draft().at(NOW + 1_000_000), EXPIRED),
        ("iat missing", draft().without("iat"), "it does not say when it was issued"),
        ("iat a text", draft().claim("iat", json!("now")), TIME),
        ("iat in the future by the skew", draft().claim("iat", json!(NOW + 60)), "ann"),
        ("iat in the future by one second more", draft().claim("iat", json!(NOW + 61)), "it was issued in the future"),
        ("nbf missing", draft().without("nbf"), "ann"),
        ("nbf a text", draft().claim("nbf", json!("later")), TIME),
        ("nbf in the future by the skew", draft().claim("nbf", json!(NOW + 60)), "ann"),
        ("nbf in the future by one second more", draft().claim("nbf", json!(NOW + 61)), "it is not valid yet"),
    ]
}

#[rustfmt::skip]
fn shapes() -> Vec<(&'static str, Draft, &'static str)> {
    let draft = Draft::new;
    vec![
        ("nothing", draft().change(|_| String::new()), SHAPE),
        ("two parts", draft().change(|token| token.rsplit_once('.').expect("parts").0.to_owned()), SHAPE),
        ("four parts", draft().change(|token| token + ".AAAA"), SHAPE),
        ("an encrypted token", draft().change(|token| token + ".AAAA.AAAA"), SHAPE),
        ("a space behind it", draft().change(|token| token + " "), SIGNATURE),
        ("padded Base64", draft().change(|token| token + "=="), SIGNATURE),
        ("empty header", draft().change(|token| format!(".{}", token.split_once('.').expect("parts").1)), HEADER),
        ("the longest", draft().claim("pad", json!("x".repeat(11_000))), "ann"),
        ("too long", draft().claim("pad", json!("x".repeat(16 << 10))), "it is too long"),
        ("claims that are a list", {
            let mut draft = draft();
            draft.claims = json!(["ann"]);
            draft
        }, CLAIMS),
    ]
}

fn decision(draft: &Draft, keys: &Keys) -> String {
    decided(&draft.token(), keys, draft.now)
}

fn decided(token: &str, keys: &Keys, now: i64) -> String {
    decide(token, keys, &settings(), now).map_or_else(|why| why.to_string(), |proven| proven.user)
}

#[test]
fn tokens_prove_what_the_tables_say() {
    let keys = keys();
    let rows: Vec<_> = [algorithms_and_keys(), claims_and_times(), shapes()].into_iter().flatten().collect();
    assert!(rows.len() >= 80, "{}", rows.len());
    let wrong = rows.into_iter().filter_map(|(what, draft, expected)| {
        let decided = decision(&draft, &keys);
        (decided != expected).then(|| format!("{what}: {decided}, not {expected}"))
    });
    let wrong: Vec<String> = wrong.collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Each bit of each part, for a kind of signature each.
#[test]
fn a_token_with_a_changed_bit_proves_nothing() {
    let keys = keys();
    let drafts =
        [Draft::new(), Draft::new().alg("RS256", "rsa", rs256), Draft::new().alg("EdDSA", "ed", eddsa)];
    for draft in drafts {
        let token = draft.token();
        assert_eq!(decided(&token, &keys, NOW), "ann");
        for at in 0..token.len() {
            for bit in 0..7 {
                let mut changed = token.clone().into_bytes();
                changed[at] ^= 1 << bit;
                let changed = String::from_utf8(changed).expect("ASCII");
                assert_ne!(decided(&changed, &keys, NOW), "ann", "byte {at}, bit {bit}");
            }
        }
    }
}

/// What the settings name counts, and nothing else.
#[test]
fn another_claim_can_name_the_user() {
    let keys = keys();
    let settings = OidcSettings { claim: "email".to_owned(), ..settings() };
    let of = |draft: Draft| decide(&draft.token(), &keys, &settings, NOW);
    assert_eq!(
        of(Draft::new().claim("email", json!("a@b.example"))).map(|proven| proven.user),
        Ok("a@b.example".to_owned())
    );
    assert!(of(Draft::new()).is_err());
}

#[test]
fn a_token_without_kid_is_checked_with_the_only_key() {
    signature::install();
    let only = json!({ "keys": [key_set()["keys"][4]] });
    let keys = Keys::parse(only.to_string().as_bytes()).expect("a key set");
    assert_eq!(decision(&Draft::new().without("kid"), &keys), "ann");
    assert_eq!(decision(&Draft::new().without("kid").alg("EdDSA", "p256", eddsa), &keys), UNFIT);
}

#[test]
fn key_sets_are_bounded_and_public() {
    let refused = |set: Value| Keys::parse(set.to_string().as_bytes()).expect_err("refused");
    let key = key_set()["keys"][4].clone();
    let many = |count: usize| json!({ "keys": vec![key.clone(); count] });
    assert!(Keys::parse(many(64).to_string().as_bytes()).is_ok());
    assert!(refused(many(65)).contains("65 keys"));
    assert!(refused(json!({ "keys": [] })).contains("no key"));
    assert!(refused(json!([])).contains("no JSON Web Key Set"));
    let mut private = key.clone();
    private["d"] = json!("AAAA");
    assert!(refused(json!({ "keys": [private] })).contains("private key"));
    let symmetric = json!({ "keys": [{ "kty": "oct", "k": "AAAA", "kid": "a" }] });
    assert!(refused(symmetric).contains("no key"));
}

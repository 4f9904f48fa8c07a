//! One key, and what it seals.

use chacha20poly1305::aead::AeadInPlace;
use chacha20poly1305::{KeyInit, Tag, XChaCha20Poly1305, XNonce};
use hmac::{Hmac, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

const NONCE_BYTES: usize = 24;
const TAG_BYTES: usize = 16;

/// Sealed bytes are longer than clear ones by so much: a nonce in front and a tag behind.
pub const SEALED_BYTES_MORE: usize = NONCE_BYTES + TAG_BYTES;

/// A key of 256 bits. Its memory is overwritten when it is dropped, and it is never printed.
#[derive(Clone)]
pub struct SealingKey {
    bytes: Zeroizing<[u8; 32]>,
    cipher: XChaCha20Poly1305,
}

/// Sealed bytes cannot be opened: they are not as they were written, they belong to something else, or they were
/// sealed under another key. Nobody can tell which of the three it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the sealed bytes were changed, belong elsewhere, or were sealed under another key")]
pub struct NotOpened;

impl SealingKey {
    /// A new key from the machine's random numbers.
    pub fn random() -> SealingKey {
        let mut bytes = Zeroizing::new([0; 32]);
        fill_randomly(&mut *bytes);
        SealingKey::from_bytes(&bytes)
    }

    /// The key with these bytes.
    pub fn from_bytes(bytes: &[u8; 32]) -> SealingKey {
        SealingKey { bytes: Zeroizing::new(*bytes), cipher: XChaCha20Poly1305::new(bytes.into()) }
    }

    /// Its bytes, to be sealed under another key.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.bytes
    }

    /// The key for one purpose that follows from this one. Keys of different purposes tell nothing about each other.
    pub fn derive(&self, purpose: &str) -> SealingKey {
        let mut hmac = <Hmac<Sha256> as Mac>::new_from_slice(&*self.bytes).expect("any length is a key");
        hmac.update(b"everstrand key for ");
        hmac.update(purpose.as_bytes());
        SealingKey::from_bytes(&hmac.finalize().into_bytes().into())
    }

    /// Encrypts `clear`. Only the same key opens the answer, and only with the same `associated` bytes, which say what
    /// is sealed and where it belongs.
    pub fn seal(&self, associated: &[u8], clear: &[u8]) -> Vec<u8> {
        let mut sealed = Vec::with_capacity(clear.len() + SEALED_BYTES_MORE);
        self.seal_into(associated, clear, &mut sealed);
        sealed
    }

    /// Appends what [`SealingKey::seal`] answers to `sealed`.
    pub fn seal_into(&self, associated: &[u8], clear: &[u8], sealed: &mut Vec<u8>) {
        let mut nonce = [0; NONCE_BYTES];
        fill_randomly(&mut nonce);
        sealed.extend_from_slice(&nonce);
        let start = sealed.len();
        sealed.extend_from_slice(clear);
        let tag = self.cipher.encrypt_in_place_detached(
            XNonce::from_slice(&nonce),
            associated,
            &mut sealed[start..],
        );
        sealed.extend_from_slice(&tag.expect("nothing of ours has 256 GiB"));
    }

    /// What was sealed.
    pub fn open(&self, associated: &[u8], sealed: &[u8]) -> Result<Vec<u8>, NotOpened> {
        let (nonce, rest) = sealed.split_at_checked(NONCE_BYTES).ok_or(NotOpened)?;
        let (encrypted, tag) =
            rest.len().checked_sub(TAG_BYTES).map(|end| rest.split_at(end)).ok_or(NotOpened)?;
        let mut clear = encrypted.to_vec();
        let (nonce, tag) = (XNonce::from_slice(nonce), Tag::from_slice(tag));
        let opened = self.cipher.decrypt_in_place_detached(nonce, associated, &mut clear, tag);
        opened.map(|()| clear).map_err(|_| NotOpened)
    }
}

impl std::fmt::Debug for SealingKey {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("SealingKey(secret)")
    }
}

/// A machine without random numbers cannot keep a secret, so this panics there, as the standard library's maps do.
fn fill_randomly(bytes: &mut [u8]) {
    getrandom::fill(bytes).expect("the machine has random numbers");
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn only_the_same_key_and_purpose_open_unchanged_bytes(
            clear in prop::collection::vec(any::<u8>(), 0..300),
            associated in prop::collection::vec(any::<u8>(), 0..40),
            changed in any::<prop::sample::Index>(),
            bit in 0..8_u8,
        ) {
            let key = SealingKey::random();
            let mut sealed = key.seal(&associated, &clear);
            prop_assert_eq!(sealed.len(), clear.len() + SEALED_BYTES_MORE);
            prop_assert_eq!(key.open(&associated, &sealed), Ok(clear.clone()));
            prop_assert_eq!(SealingKey::random().open(&associated, &sealed), Err(NotOpened));
            prop_assert_eq!(key.derive("a").open(&associated, &sealed), Err(NotOpened));
            prop_assert_eq!(key.open(&[&associated[..], b"x"].concat(), &sealed), Err(NotOpened));
            prop_assert_eq!(key.open(&associated, &sealed[1..]), Err(NotOpened));
            let at = changed.index(sealed.len());
            sealed[at] ^= 1 << bit;
            prop_assert_eq!(key.open(&associated, &sealed), Err(NotOpened));
        }
    }

    #[test]
    fn the_same_bytes_are_sealed_otherwise_each_time() {
        let key = SealingKey::random();
        assert_ne!(key.seal(b"", b"clear"), key.seal(b"", b"clear"));
    }

    /// Libsodium sealed the same text to the same bytes (PyNaCl 1.6.2, `crypto_aead_xchacha20poly1305_ietf_encrypt`).
    #[test]
    fn libsodium_seals_to_the_same_bytes() {
        let key: [u8; 32] = std::array::from_fn(|at| 0x80 + u8::try_from(at).unwrap());
        let nonce: [u8; 24] = std::array::from_fn(|at| 0x40 + u8::try_from(at).unwrap());
        let sealed = [
            0x90, 0x2c, 0x1f, 0x91, 0x3f, 0x97, 0x91, 0x28, 0xdb, 0x79, 0x12, 0xb6, 0x86, 0xdd, 0xbd, 0x22,
            0x5a, 0x26, 0x06, 0x4e, 0x72, 0x25, 0xef, 0xcc, 0xb9, 0xdb, 0x9c, 0x68, 0xc8, 0xf3, 0x1a, 0x5f,
            0x51, 0x37, 0xf1, 0x7f, 0x83, 0x72, 0xa7, 0xbd, 0x18, 0xf4, 0x72, 0x07,
        ];
        let opened = SealingKey::from_bytes(&key).open(b"slot 7", &[&nonce[..], &sealed].concat());
        assert_eq!(opened.unwrap(), b"a ledger keeps what was said");
    }
}

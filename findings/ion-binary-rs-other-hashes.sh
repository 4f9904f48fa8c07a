#!/usr/bin/env bash
# ion-binary-rs 0.8.13 gives zeros, timestamps, symbol zero and repeated fields other Ion hashes than the libraries of the Ion project.
#
# One would expect: the hashes of one specification are the same everywhere. The crate's own tests compare with them.
# What happens: a timestamp without seconds is hashed as if it had some, 0.00 as 0, minus zero as zero, and a struct with a name twice without the first of the two fields. Java, Python, JavaScript and Go agree with each other.
# Why it matters: whoever verifies a ledger's revisions in Rust with the crate `qldb`'s stack finds tampering where there is none: 2020-01-01 and 0.00 are in every second document. A commit digest over such parameters is refused.
# Instead: the hashes of this repository's crates, or of ion-rs with the feature experimental-ion-hash.
# Source: the Ion Hash specification, docs/spec.html, "5: decimal", "6: timestamp". ion-binary-rs src/ion_hash_encoder.rs: the hash is taken over its own value type.
. "$(dirname "$0")/lib.sh"
rust_with 'ion-binary-rs = "=0.8.13"' 'sha2 = "=0.10.9"'
python_with pyqldb==3.2.4 boto3==1.40.60 botocore==1.40.60
cat >main.rs <<'END'
use ion_binary_rs::{IonHash, IonParser};

fn main() {
    for hex in std::env::args().skip(1) {
        let bytes: Vec<u8> = (0..hex.len() / 2).map(|i| u8::from_str_radix(&hex[2 * i..2 * i + 2], 16).unwrap()).collect();
        let value = IonParser::new(&bytes[..]).consume_all().unwrap().remove(0);
        println!("{}", IonHash::digest::<sha2::Sha256>(&value)[..4].iter().map(|byte| format!("{byte:02x}")).collect::<String>());
    }
}
END
values=(e00100ea51c2 e00100ea528080 e00100ea65c00fd08181 e00100ea68800fd08181808080 e00100ead6842101842102 e00100ea2105)
paste -d' ' <("$python" - "${values[@]}" <<'END'
import sys
import ionhash
from amazon.ion.simpleion import dumps, loads

for value in sys.argv[1:]:
    value = loads(bytes.fromhex(value))
    print(dumps(value, binary=False)[9:], value.ion_hash("sha256").hex()[:8])
END
) <(rust_run "${values[@]}") >seen
expect "a value, its hash by ionhash, by ion-binary-rs" '0.00 28b7fe52 2c5827b6
-0d0 e595862b 2c5827b6
2000-01-01T d58fc1df 2913b181
2000-01-01T00:00:00Z 2913b181 2913b181
{name:1,name:2} db49efdf 4cdaba33
5 055988fd 055988fd' "$(cat seen)"

#!/usr/bin/env bash
# ion-binary-rs 0.8.13 writes 1d3 so that Java reads 0.001, and .1234567890123 of a second as .000482253.
#
# One would expect: a crate that reads and writes binary Ion, and is the one that the community's crate `qldb` stands on, reads a value and writes the same value, or refuses it.
# What happens: a positive exponent is written in ten bytes, which ion-java reads with the other sign and amazon.ion refuses. Fractions of more than nine digits are another fraction, minus zero and zeros with places are 0, and each
#   timestamp gets seconds, whatever precision it had. There is no error.
# Why it matters: a Rust program that reads a document of a ledger and writes it again has put another amount, or another time, into it.
# Instead: ion-rs, or the Ion of this repository.
# Source: the specification, docs/binary.html, "Decimal" and "Timestamp". ion-binary-rs, its value type: decimals are a BigDecimal, timestamps a chrono DateTime, which keep neither the sign of zero nor the precision.
. "$(dirname "$0")/lib.sh"
rust_with 'ion-binary-rs = "=0.8.13"'
python_with amazon.ion==0.15.0
java_with com.amazon.ion:ion-java:1.12.1
cat >main.rs <<'END'
use ion_binary_rs::{IonEncoder, IonParser};

fn main() {
    let values: [&[u8]; 6] = [
        &[0x52, 0x83, 0x01],
        &[0x51, 0xc2],
        &[0x52, 0x80, 0x80],
        &[0x52, 0xc2, 0x05],
        &[0x63, 0xc0, 0x0f, 0xd0],
        &[0x6e, 0x8f, 0x80, 0x0f, 0xd0, 0x81, 0x81, 0x80, 0x80, 0x80, 0xcd, 0x01, 0x1f, 0x71, 0xfb, 0x04, 0xcb],
    ];
    for value in values {
        let given = [&[0xe0, 0x01, 0x00, 0xea], value].concat();
        let mut encoder = IonEncoder::new();
        encoder.add(IonParser::new(&given[..]).consume_all().unwrap().remove(0));
        let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        println!("{} {}", hex(&given), hex(&encoder.encode()));
    }
}
END
cat >Read.java <<'END'
import com.amazon.ion.system.IonSystemBuilder;
import java.math.BigInteger;
import java.util.Arrays;

class Read {
    public static void main(String[] streams) {
        for (int i = 0; i < streams.length; i++) {
            byte[] bytes = new BigInteger(streams[i], 16).toByteArray();
            System.out.print(IonSystemBuilder.standard().build().singleValue(Arrays.copyOfRange(bytes, 1, bytes.length)) + (i % 2 == 0 ? " " : "\n"));
        }
    }
}
END
rust_run >streams
# shellcheck disable=SC2046
seen=$(paste -d' ' <(java_run Read.java $(cat streams)) <("$python" - $(cut -d' ' -f2 streams) <<'END'
import sys
from amazon.ion.exceptions import IonException
from amazon.ion.simpleion import dumps, loads

for stream in sys.argv[1:]:
    try:
        print(dumps(loads(bytes.fromhex(stream)), binary=False)[9:])
    except IonException as error:
        print(str(error).strip())
END
))
expect "a value; what is written of it, as ion-java reads it, and as amazon.ion does" '1d3 0.001 IERR_NUMERIC_OVERFLOW
0.00 0. 0d0
-0. 0. 0d0
0.05 0.05 0.05
2000T 2000-01-01T00:00:00Z 2000-01-01T00:00:00Z
2000-01-01T00:00:00.1234567890123Z 2000-01-01T00:00:00.000482253Z 2000-01-01T00:00:00.000482253Z' "$seen"

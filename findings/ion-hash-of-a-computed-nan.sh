#!/usr/bin/env bash
# ionhash 1.2.1, ion-hash-js 2.1.0 and ion-hash-java 1.0.0 give a NaN that was computed another hash than `nan`.
#
# One would expect: Ion has one NaN, and the specification of Ion Hash gives its bytes: 7f f8 00 00 00 00 00 00.
# What happens: the libraries hash the bits that the float carries. 0.0/0.0 or infinity minus infinity has the sign bit set on x86 processors (ff f8 …), and so has a different hash from the NaN that is written `nan`, though
#   both are written and read as `nan` in text. ion-hash-go 1.1.2 answers the specification's hash for both.
# Why it matters: the drivers for QLDB hash parameters for the commit digest with these libraries. A server that keeps to the specification refuses the commit with "Digests don't match", and only for NaNs that came out
#   of a calculation. Hashes of one document differ between languages.
# Instead: float("nan") in place of any NaN before it is sent: `value if value == value else float("nan")`.
# Source: the Ion Hash specification, docs/spec.html, "4: float": the table of special values, and "each float has just one encoding". ionhash/hasher.py takes _serialize_float of
#   amazon.ion's binary writer, which packs the bits.
. "$(dirname "$0")/lib.sh"
python_with pyqldb==3.2.4 boto3==1.40.60 botocore==1.40.60
node_with ion-js@5.2.1 ion-hash-js@2.1.0
java_with com.amazon.ion:ion-hash-java:1.0.0 com.amazon.ion:ion-java:1.12.1
go_with github.com/amzn/ion-hash-go@v1.1.2 github.com/amzn/ion-go@v1.1.3
written=e00100ea487ff8000000000000 computed=e00100ea48fff8000000000000
cat >Nan.java <<'END'
import com.amazon.ion.IonReader;
import com.amazon.ion.system.IonReaderBuilder;
import com.amazon.ionhash.*;
import java.math.BigInteger;
import java.util.Arrays;

class Nan {
    public static void main(String[] values) {
        StringBuilder line = new StringBuilder("Java");
        for (String value : values) {
            byte[] bytes = new BigInteger(value, 16).toByteArray();
            IonReader reader = IonReaderBuilder.standard().build(Arrays.copyOfRange(bytes, 1, bytes.length));
            IonHashReader hashing = IonHashReaderBuilder.standard().withHasherProvider(new MessageDigestIonHasherProvider("SHA-256")).withReader(reader).build();
            hashing.next();
            hashing.next();
            line.append(" ").append(String.format("%064x", new BigInteger(1, hashing.digest())), 0, 8);
        }
        System.out.println(line);
    }
}
END
cat >main.go <<'END'
package main

import (
	"encoding/hex"
	"fmt"
	"os"

	ionhash "github.com/amzn/ion-hash-go"
	"github.com/amzn/ion-go/ion"
)

func main() {
	fmt.Print("Go")
	for _, value := range os.Args[1:] {
		bytes, _ := hex.DecodeString(value)
		reader, err := ionhash.NewHashReader(ion.NewReaderBytes(bytes), ionhash.NewCryptoHasherProvider(ionhash.SHA256))
		if err != nil {
			panic(err)
		}
		for reader.Next() {
		}
		sum, _ := reader.Sum(nil)
		fmt.Printf(" %x", sum[:4])
	}
	fmt.Println()
}
END
seen=$("$python" - $written $computed <<'END'
import sys
import ionhash
from amazon.ion.simpleion import loads

print("Python", *(loads(bytes.fromhex(value)).ion_hash("sha256").hex()[:8] for value in sys.argv[1:]))
END
node -e '
const ion = require("ion-js"), { digest } = require("ion-hash-js");
console.log("JavaScript", ...process.argv.slice(1).map((value) => Buffer.from(digest(ion.load(Buffer.from(value, "hex")), "sha256")).toString("hex").slice(0, 8)));
' $written $computed
java_run Nan.java $written $computed
go_run $written $computed)
expect "hash of the NaN that is written nan, hash of the NaN that 0.0/0.0 gives on x86" 'Python ed865017 9041b9bb
JavaScript ed865017 9041b9bb
Java ed865017 9041b9bb
Go ed865017 ed865017' "$seen"

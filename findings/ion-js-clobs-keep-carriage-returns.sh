#!/usr/bin/env bash
# ion-js 5.2.1 keeps CR LF in a clob of long strings, where ion-java, amazon.ion and ion-go read LF.
#
# One would expect: a line that ends with CR LF or CR inside '''…''' ends with LF in the value, in a string and in a clob.
# What happens: ion-js does so for CR LF in a string, and neither for a clob nor for a lone CR. ion-java, amazon.ion and ion-go do so in every case.
# Why it matters: a file with a clob that went through an editor or a checkout on Windows has other bytes, and another hash, in Node.js than in every other language.
# Instead: one line, with \n written out: {{"a\nb"}}.
# Source: the specification, docs/spec.html, "Strings" and "Clobs": the escapes and newline normalisation of long strings hold for clobs, too. dist/commonjs/es6/IonParserTextRaw.js: the reader of clobs does not look for \r.
. "$(dirname "$0")/lib.sh"
node_with ion-js@5.2.1
python_with amazon.ion==0.15.0
java_with com.amazon.ion:ion-java:1.12.1
go_with github.com/amazon-ion/ion-go@v1.5.0
printf "'''a\r\nb\rc'''\n" >string.ion
printf "{{'''a\r\nb\rc'''}}\n" >clob.ion
cat >Read.java <<'END2'
import com.amazon.ion.*;
import com.amazon.ion.system.IonSystemBuilder;
import java.nio.file.*;
import java.util.HexFormat;

class Read {
    public static void main(String[] none) throws Exception {
        IonLoader loader = IonSystemBuilder.standard().build().getLoader();
        IonString string = (IonString) loader.load(Files.readAllBytes(Path.of("string.ion"))).get(0);
        IonClob clob = (IonClob) loader.load(Files.readAllBytes(Path.of("clob.ion"))).get(0);
        HexFormat hex = HexFormat.of();
        System.out.println("ion-java " + hex.formatHex(string.stringValue().getBytes()) + " " + hex.formatHex(clob.getBytes()));
    }
}
END2
cat >main.go <<'END2'
package main

import (
	"fmt"
	"os"

	"github.com/amazon-ion/ion-go/ion"
)

func reader(file string) ion.Reader {
	bytes, _ := os.ReadFile(file)
	reader := ion.NewReaderBytes(bytes)
	reader.Next()
	return reader
}

func main() {
	text, _ := reader("string.ion").StringValue()
	clob, _ := reader("clob.ion").ByteValue()
	fmt.Printf("ion-go %x %x\n", *text, clob)
}
END2
seen=$(node -e '
const ion = require("ion-js"), fs = require("fs");
const [string, clob] = ["string.ion", "clob.ion"].map((file) => ion.load(fs.readFileSync(file)));
console.log("ion-js", Buffer.from(string.stringValue()).toString("hex"), Buffer.from(clob.uInt8ArrayValue()).toString("hex"));
'
"$python" - <<'END2'
from amazon.ion.simpleion import loads

string, clob = (loads(open(file, "rb").read()) for file in ("string.ion", "clob.ion"))
print("amazon.ion", string.encode().hex(), bytes(clob).hex())
END2
java_run Read.java
go_run)
expect "the bytes of the string, and of the clob" 'ion-js 610a620d63 610d0a620d63
amazon.ion 610a620a63 610a620a63
ion-java 610a620a63 610a620a63
ion-go 610a620a63 610a620a63' "$seen"

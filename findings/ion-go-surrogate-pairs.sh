#!/usr/bin/env bash
# ion-go 1.5.0 reads an escaped character beyond U+FFFF as two replacement characters.
#
# One would expect: "\uD83D\uDE00", as JSON writers escape a character beyond U+FFFF, is that character. Ion text is a superset of JSON.
# What happens: each half becomes U+FFFD. The four libraries for Java, JavaScript, Python and C read the character. A half that stands alone is taken, too, where the others refuse it.
# Why it matters: JSON with escapes is the usual way of text into a ledger. The name is lost, and the replacement is stored and hashed.
# Instead: decode JSON with encoding/json, then write Ion; or let the JSON writer leave characters as they are.
# Source: the specification, docs/spec.html, "String": \u escapes are as in JSON, and pairs form one code point. ion/tokenizer.go: readHexEscapeSeq(4) gives a rune for each \u.
. "$(dirname "$0")/lib.sh"
go_with github.com/amazon-ion/ion-go@v1.5.0
cat >main.go <<'END'
package main

import (
	"encoding/json"
	"fmt"

	"github.com/amazon-ion/ion-go/ion"
)

func main() {
	text := []byte(`"\uD834\uDD1E"`)
	var fromJSON, fromIon string
	fmt.Println(json.Unmarshal(text, &fromJSON), ion.Unmarshal(text, &fromIon))
	fmt.Printf("%+q %+q\n", fromJSON, fromIon)
}
END
expect "errors of both; the character by encoding/json, and by ion-go" '<nil> <nil>
"\U0001d11e" "\ufffd\ufffd"' "$(go_run)"

#!/usr/bin/env bash
# ion-go 1.5.0: Decode and Encode of one value drop annotations and turn symbols, clobs and s-expressions into other types.
#
# One would expect: a value that the library itself decodes without a target type, and encodes again, is the same Ion value.
# What happens: annotations are gone, a symbol is a struct of the library's inner fields (Text, LocalSID, Source), a clob is a blob, an s-expression a list, each typed null a plain null, and
#   of two fields of one name the last is left. There is no error.
# Why it matters: a Go service that takes documents in and passes them on (`interface{}`, map[string]interface{}) stores other documents than it was given; their Ion hashes differ.
# Instead: copy with ion.Reader and ion.Writer, value by value, or decode into types of one's own with tags (`ion:"kind,symbol"`).
# Source: ion/unmarshal.go, decodeTo for interface{}; ion/marshal.go, encodeValue: SymbolToken is a Go struct like any other.
. "$(dirname "$0")/lib.sh"
go_with github.com/amazon-ion/ion-go@v1.5.0
cat >main.go <<'END'
package main

import (
	"fmt"

	"github.com/amazon-ion/ion-go/ion"
)

func main() {
	for _, text := range []string{`EUR::150`, `debit`, `{{"clob"}}`, `(1 2)`, `null.int`, `{a: 1, a: 2}`} {
		var value interface{}
		if err := ion.UnmarshalString(text, &value); err != nil {
			panic(err)
		}
		again, err := ion.MarshalText(value)
		fmt.Println(text, string(again), err)
	}
}
END
expect "a value, and what is left of it" 'EUR::150 150 <nil>
debit {Text:"debit",LocalSID:-1,Source:null} <nil>
{{"clob"}} {{Y2xvYg==}} <nil>
(1 2) [1,2] <nil>
null.int null <nil>
{a: 1, a: 2} {a:2} <nil>' "$(go_run)"

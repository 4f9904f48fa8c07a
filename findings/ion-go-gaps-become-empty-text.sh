#!/usr/bin/env bash
# ion-go 1.5.0 reads a symbol whose place in the table is null as the empty symbol.
#
# One would expect: null, or anything that is no string, in a list of symbols declares a number whose text is unknown. That is no text; '' is one, and another symbol.
# What happens: the text is "", a name like any other. ion-java and amazon.ion answer that the text is unknown.
# Why it matters: a field of unknown name becomes a field of the empty name, is written so, and has the hash of that. Ion Hash demands an error for unknown text.
# Instead: refuse documents with empty names where they enter.
# Source: the specification, docs/symbols.html, "Local Symbol Tables": elements that are no strings declare unknown text. ion/readlocalsymboltable.go: appends "" for null and for other types.
. "$(dirname "$0")/lib.sh"
go_with github.com/amazon-ion/ion-go@v1.5.0
cat >main.go <<'END'
package main

import (
	"fmt"

	"github.com/amazon-ion/ion-go/ion"
)

func main() {
	reader := ion.NewReaderString(`$ion_symbol_table::{symbols: ["a", null, 5]} $10 $11 $12 $0`)
	for reader.Next() {
		symbol, err := reader.SymbolValue()
		if err != nil {
			panic(err)
		}
		if symbol.Text == nil {
			fmt.Println("unknown")
		} else {
			fmt.Printf("%q\n", *symbol.Text)
		}
	}
}
END
expect "the symbols a, null, 5 of a table, and symbol zero" '"a"
""
""
unknown' "$(go_run)"

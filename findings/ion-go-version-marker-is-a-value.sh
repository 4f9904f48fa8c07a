#!/usr/bin/env bash
# ion-go 1.5.0 returns the version marker of Ion text as a value, and reads Ion 1.1 as 1.0.
#
# One would expect: a version marker that the library does not know is refused, as the libraries for Java, Python, JavaScript and C do, because the meaning of what follows may differ.
# What happens: the marker is returned as a symbol, the first value of the stream, and what follows is read as 1.0. $ion_1_0 itself is returned as a value, too. Unmarshal of a document that
#   begins with a marker therefore gives the marker.
# Why it matters: the most careful writers begin with $ion_1_0, as the specification recommends, and amazon.ion always does: Unmarshal of what Python wrote gives a symbol instead of the document.
# Instead: use binary, where markers are known, or skip top-level symbols that begin with $ion_.
# Source: the specification, docs/symbols.html, "Ion Version Markers". ion/textreader.go: there is no case for the marker.
. "$(dirname "$0")/lib.sh"
go_with github.com/amazon-ion/ion-go@v1.5.0
cat >main.go <<'END'
package main

import (
	"fmt"

	"github.com/amazon-ion/ion-go/ion"
)

func main() {
	for _, text := range []string{"$ion_1_0 {amount: 1}", "$ion_1_1 {amount: 1}"} {
		reader := ion.NewReaderString(text)
		for reader.Next() {
			fmt.Print(reader.Type(), " ")
		}
		var document struct {
			Amount int `ion:"amount"`
		}
		err := ion.UnmarshalString(text, &document)
		fmt.Println(reader.Err(), document.Amount, err)
	}
}
END
expect "the types of the values, the reader's error, the amount by Unmarshal and its error" 'symbol struct <nil> 0 ion: cannot decode {0} into struct { Amount int "ion:\"amount\"" }
symbol struct <nil> 0 ion: cannot decode {0} into struct { Amount int "ion:\"amount\"" }' "$(go_run)"

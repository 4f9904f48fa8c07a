#!/usr/bin/env bash
# ion-go 1.5.0: MarshalBinary of a map gives other bytes each time, and MarshalText the same.
#
# One would expect: the same map gives the same bytes, as encoding/json does, and as MarshalText of the library does.
# What happens: MarshalText sorts the keys; MarshalBinary takes them in Go's random order, and numbers the symbols in that order.
# Why it matters: a signature, checksum or "has it changed?" over the bytes fails at random. (Ion Hash does not mind the order.)
# Instead: ion.NewEncoderOpts(ion.NewBinaryWriter(&buffer), ion.EncodeSortMaps), a struct instead of a map, or Ion Hash.
# Source: ion/marshal.go: MarshalText passes EncodeSortMaps, MarshalBinary 0.
. "$(dirname "$0")/lib.sh"
go_with github.com/amazon-ion/ion-go@v1.5.0
cat >main.go <<'END'
package main

import (
	"fmt"

	"github.com/amazon-ion/ion-go/ion"
)

func main() {
	document := map[string]int{"a": 1, "b": 2, "c": 3, "d": 4, "e": 5, "f": 6}
	binary, text := map[string]bool{}, map[string]bool{}
	for i := 0; i < 200; i++ {
		b, _ := ion.MarshalBinary(document)
		t, _ := ion.MarshalText(document)
		binary[string(b)], text[string(t)] = true, true
	}
	fmt.Println(len(text), len(binary) > 1)
}
END
expect "different texts in 200 runs, more than one binary" '1 true' "$(go_run)"

#!/usr/bin/env bash
# ion-go 1.5.0 reads a decimal zero as minus zero when binary Ion spells the zero out.
#
# One would expect: in binary Ion a decimal's coefficient may be left out when it is zero, or be one byte 00. Both are 0; minus zero is the byte 80.
# What happens: the byte 00 is read as minus zero, too. The library then writes -0.
# Why it matters: 0.00 and -0.00 are different Ion values with different Ion hashes. A document with a zero that another writer spelled out cannot be verified in Go, and shows "-0.00".
# Instead: nothing in the library's reach; compare amounts with Sign(), and verify elsewhere.
# Source: the specification, docs/binary.html, "Decimal": the coefficient is an Int, whose sign is its first bit. ion/bitstream.go, the function
#   that reads decimals: `negZero = coef.Sign() == 0` wherever there is a coefficient.
. "$(dirname "$0")/lib.sh"
go_with github.com/amazon-ion/ion-go@v1.5.0
cat >main.go <<'END'
package main

import (
	"fmt"

	"github.com/amazon-ion/ion-go/ion"
)

func main() {
	for _, bytes := range []string{"\x51\xc2", "\x52\xc2\x00", "\x52\xc2\x80"} {
		var amount ion.Decimal
		err := ion.UnmarshalString("\xe0\x01\x00\xea"+bytes, &amount)
		fmt.Printf("%x %v %v\n", bytes, amount.String(), err)
	}
}
END
expect "zero without a coefficient, zero with one, minus zero" '51c2 0d-2 <nil>
52c200 -0d-2 <nil>
52c280 -0d-2 <nil>' "$(go_run)"

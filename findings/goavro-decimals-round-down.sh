#!/usr/bin/env bash
# github.com/linkedin/goavro/v2 2.15.0 writes -0.001 as -0.01, and a fixed decimal of 327.68 as 0.
#
# One would expect: a number that the schema's decimal cannot hold is refused, as github.com/hamba/avro/v2 does for too many digits, or is rounded to the nearest.
# What happens: with bytes, every number is cut downwards (towards minus infinity) to the places of the scale, so 2/3 is 0.66 and -0.001 is -0.01. The precision is not looked at. With a fixed type the integer is cut to the bytes that there are: a larger amount becomes 0, or has the other sign.
#   And zero itself cannot be written with a fixed type.
# Why it matters: debits and credits that are rounded downwards do not cancel out: a third of a cent is 0.00 on one side and -0.01 on the other. An amount above the limit becomes a small one without an error.
# Instead: round with big.Rat before the write and compare with the precision, or github.com/hamba/avro/v2, which checks the precision.
# Source: the Avro specification, "Decimal": the precision is the maximum number of digits. goavro logical_type.go: decimalBytesFromNative takes the precision as `_` and divides by Div, which is Euclidean;
#   toSignedFixedBytes writes one byte for zero and pads others to the size, or cuts them.
. "$(dirname "$0")/lib.sh"
go_with github.com/linkedin/goavro/v2@v2.15.0
cat >main.go <<'END'
package main

import (
	"fmt"
	"math/big"

	"github.com/linkedin/goavro/v2"
)

func main() {
	for _, test := range []struct {
		schema  string
		amounts []*big.Rat
	}{
		{`{"type": "bytes", "logicalType": "decimal", "precision": 4, "scale": 2}`, []*big.Rat{big.NewRat(2, 3), big.NewRat(1, 1000), big.NewRat(-1, 1000), big.NewRat(9999999, 100)}},
		{`{"type": "fixed", "size": 2, "name": "amount", "logicalType": "decimal", "precision": 4, "scale": 2}`, []*big.Rat{big.NewRat(3, 2), big.NewRat(32768, 100), big.NewRat(-32769, 100), new(big.Rat)}},
	} {
		codec, err := goavro.NewCodec(test.schema)
		if err != nil {
			panic(err)
		}
		for _, amount := range test.amounts {
			bytes, err := codec.BinaryFromNative(nil, amount)
			if err != nil {
				fmt.Println(amount.FloatString(3), "error")
				continue
			}
			read, _, err := codec.NativeFromBinary(bytes)
			if err != nil {
				panic(err)
			}
			fmt.Println(amount.FloatString(3), read.(*big.Rat).FloatString(3))
		}
	}
}
END
expect "with bytes, four digits, two of them places: number, what is read; then with a fixed type of two bytes" '0.667 0.660
0.001 0.000
-0.001 -0.010
99999.990 99999.990
1.500 1.500
327.680 0.000
-327.690 327.670
0.000 error' "$(go_run)"

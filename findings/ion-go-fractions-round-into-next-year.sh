#!/usr/bin/env bash
# ion-go 1.5.0 rounds a timestamp of more than nine fraction digits, up into the year 10000.
#
# One would expect: Ion sets no bound to the digits of a second's fraction. A library that holds nine refuses more, or cuts them and stays in the same second.
# What happens: text is rounded to nine digits, so that …59.9999999999 becomes the next minute, day or year, and 9999-12-31T23:59:59.9999999999Z the year 10000, which the library
#   then writes and which neither it nor others can read. 0.9999999995 rounds down where 0.0000000005 rounds up.
# Why it matters: the value that was read is not the one in the ledger, by up to a year in its calendar fields; its revision's hash cannot be verified in Go.
# Instead: write at most nine digits; verify such documents with another library.
# Source: ion/timestamp.go, roundFractionalSeconds: the seconds go through a float. The specification, docs/spec.html, "Timestamps": any precision, years up to 9999.
. "$(dirname "$0")/lib.sh"
go_with github.com/amazon-ion/ion-go@v1.5.0
cat >main.go <<'END'
package main

import (
	"fmt"

	"github.com/amazon-ion/ion-go/ion"
)

func main() {
	for _, text := range []string{"2019-12-31T23:59:59.9999999999Z", "2020-01-01T00:00:00.0000000005Z", "2020-01-01T00:00:00.9999999995Z", "9999-12-31T23:59:59.9999999999Z"} {
		var time ion.Timestamp
		err := ion.UnmarshalString(text, &time)
		again, _ := ion.MarshalText(time)
		var second ion.Timestamp
		fmt.Println(text, err, string(again), ion.Unmarshal(again, &second) == nil)
	}
}
END
expect "a timestamp, the error, the same written again, whether the library reads that" '2019-12-31T23:59:59.9999999999Z <nil> 2020-01-01T00:00:00.000000000Z true
2020-01-01T00:00:00.0000000005Z <nil> 2020-01-01T00:00:00.000000001Z true
2020-01-01T00:00:00.9999999995Z <nil> 2020-01-01T00:00:00.999999999Z true
9999-12-31T23:59:59.9999999999Z <nil> 10000-01-01T00:00:00.000000000Z false' "$(go_run)"

#!/usr/bin/env bash
# github.com/hamba/avro/v2 2.31.0 writes a local time as the time on the clock of the machine that writes.
#
# One would expect: local-timestamp of midnight on 1 January is midnight on 1 January, "regardless of what specific time zone", whoever writes it.
# What happens: the time.Time is first turned into the zone of the machine. Midnight in Kolkata is written as 18:30 of the day before on a server in UTC, and as 03:30 on one in Tokyo. github.com/twmb/avro 1.9.1 writes midnight everywhere.
# Why it matters: local timestamps are there for opening hours, due dates and the times on documents. The same program stores another one after a move to another region, and a test on a developer's machine cannot see it.
# Instead: github.com/twmb/avro, or time.Date(year, month, day, hour, minute, second, nanosecond, time.Local).
# Source: the Avro specification, "Local timestamps": a timestamp in a local timezone, regardless of which. hamba/avro codec_native.go, timestampMillisCodec.Encode: t.Local() before the fields are read.
. "$(dirname "$0")/lib.sh"
go_with github.com/hamba/avro/v2@v2.31.0 github.com/twmb/avro@v1.9.1
cat >main.go <<'END'
package main

import (
	"fmt"
	"time"

	hamba "github.com/hamba/avro/v2"
	twmb "github.com/twmb/avro"
)

func main() {
	const schema = `{"type": "long", "logicalType": "local-timestamp-millis"}`
	midnight := time.Date(2020, 1, 1, 0, 0, 0, 0, time.FixedZone("Kolkata", 19800))
	one, err := hamba.Marshal(hamba.MustParse(schema), midnight)
	if err != nil {
		panic(err)
	}
	parsed, err := twmb.Parse(schema)
	if err != nil {
		panic(err)
	}
	other, err := parsed.AppendEncode(nil, midnight)
	if err != nil {
		panic(err)
	}
	// What both wrote, as the plain milliseconds that a long holds.
	for _, bytes := range [][]byte{one, other} {
		var milliseconds int64
		if err := hamba.Unmarshal(hamba.MustParse(`"long"`), bytes, &milliseconds); err != nil {
			panic(err)
		}
		fmt.Print(time.UnixMilli(milliseconds).UTC().Format("2006-01-02 15:04"), " ")
	}
	fmt.Println()
}
END
go mod tidy 2>/dev/null
go build -o local .
expect "2020-01-01 00:00 in Kolkata: what hamba/avro wrote, what twmb/avro wrote; on a machine in UTC, then in Tokyo" '2019-12-31 18:30 2020-01-01 00:00 
2020-01-01 03:30 2020-01-01 00:00 ' "$(TZ=UTC ./local; TZ=Asia/Tokyo ./local)"

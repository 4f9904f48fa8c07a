#!/usr/bin/env bash
# github.com/linkedin/goavro/v2 2.15.0 and github.com/hamba/avro/v2 2.31.0 write the noon of 31 December 1969 as 1 January 1970.
#
# One would expect: the date of a time.Time is the day on which it lies, before 1970 as after.
# What happens: both divide the seconds since 1970 by 86,400, which in Go cuts towards zero. After 1970 that is the day in UTC; before 1970 it is the next day for every time but midnight in UTC.
# Why it matters: dates of birth and of deeds. A midnight in New York is 05:00 in UTC, so the same code writes the day itself for customers born after 1969 and the day after for those born before.
# Instead: time.Date(year, month, day, 0, 0, 0, 0, time.UTC) before the write.
# Source: the Avro specification, "Date": the number of days from the epoch. goavro logical_type.go, dateFromNative: val.Unix() / 86400; avro codec_native.go, dateCodec.Encode.
. "$(dirname "$0")/lib.sh"
go_with github.com/linkedin/goavro/v2@v2.15.0 github.com/hamba/avro/v2@v2.31.0
cat >main.go <<'END'
package main

import (
	"fmt"
	"time"

	"github.com/hamba/avro/v2"
	"github.com/linkedin/goavro/v2"
)

func main() {
	const schema = `{"type": "int", "logicalType": "date"}`
	codec, err := goavro.NewCodec(schema)
	if err != nil {
		panic(err)
	}
	for _, year := range []int{1970, 1969, 1960} {
		for _, hour := range []int{0, 12} {
			noon := time.Date(year, 12, 31, hour, 0, 0, 0, time.UTC)
			bytes, err := codec.BinaryFromNative(nil, noon)
			if err != nil {
				panic(err)
			}
			one, _, err := codec.NativeFromBinary(bytes)
			if err != nil {
				panic(err)
			}
			bytes, err = avro.Marshal(avro.MustParse(schema), noon)
			if err != nil {
				panic(err)
			}
			var other time.Time
			if err = avro.Unmarshal(avro.MustParse(schema), bytes, &other); err != nil {
				panic(err)
			}
			fmt.Println(noon.Format("2006-01-02 15:04"), one.(time.Time).Format(time.DateOnly), other.Format(time.DateOnly))
		}
	}
}
END
expect "time in UTC; the date that goavro wrote; the one that hamba/avro wrote" '1970-12-31 00:00 1970-12-31 1970-12-31
1970-12-31 12:00 1970-12-31 1970-12-31
1969-12-31 00:00 1969-12-31 1969-12-31
1969-12-31 12:00 1970-01-01 1970-01-01
1960-12-31 00:00 1960-12-31 1960-12-31
1960-12-31 12:00 1961-01-01 1961-01-01' "$(go_run)"

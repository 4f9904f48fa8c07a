#!/usr/bin/env bash
# github.com/jackc/pgx/v5 5.13.0 stores the last nanosecond of 2019 in 2019, and github.com/lib/pq 1.12.3 in 2020.
#
# One would expect: the two drivers of Go for PostgreSQL, which holds microseconds, store one and the same time.Time as one time.
# What happens: pgx cuts the nanoseconds off. lib/pq sends nine digits, which PostgreSQL rounds: 23:59:59.999999999 becomes midnight of the next day, and so a date, a month and a year later. Half of all times of time.Now() differ by a microsecond between the two.
# Why it matters: a key of a time that one service wrote is not found by the other; an entry of the last moment of a year, as "end of day" is often made in Go, is booked in the next. Moving from lib/pq to pgx, as lib/pq's page advises, changes both.
# Instead: t.Truncate(time.Microsecond) before each use as a parameter, for reading as for writing.
# Source: PostgreSQL's documentation, "Date/Time Types": resolution 1 microsecond. pgx pgtype/timestamptz.go: t.Unix()*1000000 + int64(t.Nanosecond())/1000. lib/pq, FormatTimestamp: the layout with nine digits.
. "$(dirname "$0")/lib.sh"
go_with github.com/jackc/pgx/v5@v5.13.0 github.com/lib/pq@v1.12.3
cat >main.go <<'END'
package main

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	_ "github.com/lib/pq"
)

func main() {
	one, err := pgx.Connect(context.Background(), "user=postgres database=postgres")
	if err != nil {
		panic(err)
	}
	other, err := sql.Open("postgres", "user=postgres dbname=postgres sslmode=disable")
	if err != nil {
		panic(err)
	}
	for _, nanoseconds := range []int{123456400, 123456600, 999999999} {
		given := time.Date(2019, 12, 31, 23, 59, 59, nanoseconds, time.UTC)
		var first, second string
		if err := one.QueryRow(context.Background(), "SELECT ($1::timestamp)::text", given).Scan(&first); err != nil {
			panic(err)
		}
		if err := other.QueryRow("SELECT ($1::timestamp)::text", given).Scan(&second); err != nil {
			panic(err)
		}
		fmt.Println(given.Format("05.000000000"), "| pgx", first, "| lib/pq", second)
	}
}
END
go mod tidy 2>/dev/null
go build -o local .
postgres_run ./local >seen
expect "seconds of the last minute of 2019, as stored" "59.123456400 | pgx 2019-12-31 23:59:59.123456 | lib/pq 2019-12-31 23:59:59.123456
59.123456600 | pgx 2019-12-31 23:59:59.123456 | lib/pq 2019-12-31 23:59:59.123457
59.999999999 | pgx 2019-12-31 23:59:59.999999 | lib/pq 2020-01-01 00:00:00" "$(cat seen)"

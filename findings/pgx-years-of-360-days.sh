#!/usr/bin/env bash
# github.com/jackc/pgx/v5 5.13.0 reads an interval of a year as 8640 hours, which are 360 days, and one of 300 years as a negative duration.
#
# One would expect: an interval with months or years, which no time.Duration can hold, is refused for a Duration, or counted as PostgreSQL counts it (EXTRACT(epoch FROM …): a year is 365.25 days). What is too large is an error, as it is for ints.
# What happens: a month is 30 days, and twelve of them a year of 360 days. PostgreSQL says 365.25 for the same value, psycopg 3.3.9 reads 365 days. Beyond 296 years the product overflows without an error, and the sign changes.
# Why it matters: terms of retention, warranty and leases are stored as years. "keep until created + term" is five days early after one year and fifty after ten; "forever", written as a large number of years, is over already.
# Instead: scan into pgtype.Interval, which keeps months, days and microseconds; or let PostgreSQL add it: created + term.
# Source: PostgreSQL's documentation, "Date/Time Functions", EXTRACT, epoch. pgx pgtype/builtin_wrappers.go, durationWrapper.ScanInterval: Months * microsecondsPerMonth, times time.Microsecond.
. "$(dirname "$0")/lib.sh"
python_with pgserver==0.1.4 'psycopg[binary]==3.3.9'
go_with github.com/jackc/pgx/v5@v5.13.0
cat >main.go <<'END'
package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/jackc/pgx/v5"
)

func main() {
	connection, err := pgx.Connect(context.Background(), "user=postgres database=postgres")
	if err != nil {
		panic(err)
	}
	for _, text := range os.Args[1:] {
		var term time.Duration
		if err := connection.QueryRow(context.Background(), "SELECT interval '"+text+"'").Scan(&term); err != nil {
			panic(err)
		}
		fmt.Printf("%s | pgx %.0f\n", text, term.Hours()/24)
	}
}
END
cat >read.py <<'END'
import os
import subprocess
import sys
import pgserver
import psycopg

os.mkdir("data")
os.chmod(".", 0o755)
server = pgserver.get_server("data")
os.environ["PGHOST"] = os.path.abspath("data")
texts = ("1 mon", "1 year", "10 years", "290 years", "300 years")
lines = subprocess.run(["./local", *texts], check=True, capture_output=True, text=True).stdout.splitlines()
with psycopg.connect(user="postgres", dbname="postgres") as connection:
    for text, line in zip(texts, lines):
        term, seconds = connection.execute(f"SELECT interval '{text}', EXTRACT(epoch FROM interval '{text}')").fetchone()
        print(line, "| PostgreSQL", round(seconds / 86400, 2).normalize().__format__("f"), "| psycopg", term.days)
END
go mod tidy 2>/dev/null
go build -o local .
expect "an interval, in days" "1 mon | pgx 30 | PostgreSQL 30 | psycopg 30
1 year | pgx 360 | PostgreSQL 365.25 | psycopg 365
10 years | pgx 3600 | PostgreSQL 3652.5 | psycopg 3650
290 years | pgx 104400 | PostgreSQL 105922.5 | psycopg 105850
300 years | pgx -105504 | PostgreSQL 109575 | psycopg 109500" "$("$python" -W ignore read.py 2>/dev/null)"

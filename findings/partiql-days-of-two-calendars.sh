#!/usr/bin/env bash
# Pins: partiql-lang-kotlin 0.2.7
# partiql-lang-kotlin 0.2.7: DATE_DIFF counts days by the Gregorian calendar, DATE_ADD by the Julian one before 1582.
#
# One would expect: adding the days that DATE_DIFF counts between two dates gives the second date.
# What happens: DATE_DIFF counts 1 day from 28 February 1500 to 1 March (1500 is no leap year in the Gregorian calendar). DATE_ADD of one day to 28 February is an error, because the 29th that it finds does not exist in Ion.
#   Of the 11 days between 4 and 15 October 1582, which DATE_DIFF counts, DATE_ADD makes the 25th.
# Why it matters: ages, terms and intervals of archives and land registers; "0001-01-01" as "unknown".
# Instead: keep such dates as text, or compute in the application.
# Source: DateAddExprFunction uses com.amazon.ion.Timestamp.addDay, which goes through java.util.GregorianCalendar; DateDiffExprFunction java.time.
. "$(dirname "$0")/lib.sh"
seen=$(partiql_ask 'DATE_DIFF(day, `1500-02-28T`, `1500-03-01T`)' 'DATE_ADD(day, 1, `1500-02-28T`)' 'DATE_DIFF(day, `1582-10-04T`, `1582-10-15T`)' 'DATE_ADD(day, 11, `1582-10-04T`)' 'DATE_ADD(day, 1, `1900-02-28T`)')
expect "a query and its answer" 'DATE_DIFF(day, `1500-02-28T`, `1500-03-01T`)  ->  1
DATE_ADD(day, 1, `1500-02-28T`)  ->  Day 29 for year 1500 and month 2 must be between 1 and 28 inclusive
DATE_DIFF(day, `1582-10-04T`, `1582-10-15T`)  ->  11
DATE_ADD(day, 11, `1582-10-04T`)  ->  1582-10-25
DATE_ADD(day, 1, `1900-02-28T`)  ->  1900-03-01' "$seen"

#!/usr/bin/env bash
# ion-java 1.12.1 counts the days before 15 October 1582 by the Julian calendar, and every other Ion library by the Gregorian one.
#
# One would expect: an Ion timestamp is a date of the internet's profile of ISO 8601, which is Gregorian for all years. 1500-03-01T00:00:00Z is the same instant for all.
# What happens: getMillis, dateValue, forMillis and forDateZ go through java.util.Date, which changes the calendar in 1582. 1500-03-01 is ten days from java.time.Instant's, and an
#   Instant of that day becomes 1500-02-20. The year 1 is off by two days the other way.
# Why it matters: deeds, births and archives have such dates, and "0001-01-01" stands for "unknown" in many databases. A date converted in Java and written to a ledger is another day.
# Instead: convert by fields: Timestamp.forSecond(year, month, …) from a LocalDateTime.
# Source: com/amazon/ion/Timestamp.java: Date.UTC in getMillis, Calendar in set_fields_from_millis. The specification, docs/spec.html, "Timestamps".
. "$(dirname "$0")/lib.sh"
java_with com.amazon.ion:ion-java:1.12.1
cat >Days.java <<'END'
import com.amazon.ion.Timestamp;
import java.time.Instant;

class Days {
    public static void main(String[] none) {
        for (String text : new String[] {"0001-01-01T00:00:00Z", "1500-03-01T00:00:00Z", "1582-10-15T00:00:00Z"}) {
            Instant instant = Instant.parse(text);
            System.out.println(text + " " + (Timestamp.valueOf(text).getMillis() - instant.toEpochMilli()) / 86400000 + " " + Timestamp.forMillis(instant.toEpochMilli(), 0));
        }
    }
}
END
expect "a date, by how many days getMillis differs from java.time, and forMillis of java.time's instant" '0001-01-01T00:00:00Z -2 0001-01-03T00:00:00.000Z
1500-03-01T00:00:00Z 10 1500-02-20T00:00:00.000Z
1582-10-15T00:00:00Z 0 1582-10-15T00:00:00.000Z' "$(java_run Days.java)"

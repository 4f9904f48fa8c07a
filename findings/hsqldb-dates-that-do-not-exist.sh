#!/usr/bin/env bash
# HSQLDB 2.7.4 and H2 2.5.252 take the 31st of February for the 29th; HSQLDB has no 10 October 1582, and H2 has.
#
# One would expect: a date that does not exist is an error in every way of reading it, as DATE '2020-02-31' is in both. Days are those of the Gregorian calendar, as the SQL standard says, in both.
# What happens: TO_DATE and TO_TIMESTAMP of HSQLDB and PARSEDATETIME of H2 move the day to the last one of the month. HSQLDB goes from 4 to 15 October 1582: days between are errors, and it counts one day between those two, where H2 counts eleven.
# Why it matters: both stand in for PostgreSQL or for a ledger in tests of Java programs. Typing errors and days in the wrong order of day and month pass there; ages and terms of archives differ from one engine to the other.
# Instead: DATE '…' or CAST, which refuse; java.time with ResolverStyle.STRICT in the program.
# Source: DATE '…' of the same two engines, which refuses; the SQL standard, whose dates are those of the Gregorian calendar. HSQLDB's error is a java.text.ParseException: it hands dates to Java's old calendar, which changes to the Julian one in 1582.
. "$(dirname "$0")/lib.sh"
java_with org.hsqldb:hsqldb:2.7.4 com.h2database:h2:2.5.252
cat >Ask.java <<'END'
import java.sql.*;

class Ask {
    public static void main(String[] queries) throws SQLException {
        try (Connection hsqldb = DriverManager.getConnection("jdbc:hsqldb:mem:dates"); Connection h2 = DriverManager.getConnection("jdbc:h2:mem:dates")) {
            for (int i = 0; i < queries.length; i += 2) {
                System.out.println(queries[i] + " -> " + ask(hsqldb, queries[i]) + " | " + queries[i + 1] + " -> " + ask(h2, queries[i + 1]));
            }
        }
    }

    static String ask(Connection connection, String query) {
        try (ResultSet rows = connection.createStatement().executeQuery("VALUES (" + query + ")")) {
            rows.next();
            return rows.getString(1).substring(0, Math.min(10, rows.getString(1).length()));
        } catch (SQLException error) {
            return "error";
        }
    }
}
END
expect "HSQLDB, H2" "DATE '2020-02-31' -> error | DATE '2020-02-31' -> error
TO_DATE('31.02.2020', 'DD.MM.YYYY') -> 2020-02-29 | PARSEDATETIME('31.02.2020', 'dd.MM.yyyy') -> 2020-02-29
DATE '1582-10-10' -> error | DATE '1582-10-10' -> 1582-10-10
DATEDIFF('day', DATE '1582-10-04', DATE '1582-10-15') -> 1 | DATEDIFF(day, DATE '1582-10-04', DATE '1582-10-15') -> 11" "$(java_run Ask.java "DATE '2020-02-31'" "DATE '2020-02-31'" \
    "TO_DATE('31.02.2020', 'DD.MM.YYYY')" "PARSEDATETIME('31.02.2020', 'dd.MM.yyyy')" "DATE '1582-10-10'" "DATE '1582-10-10'" \
    "DATEDIFF('day', DATE '1582-10-04', DATE '1582-10-15')" "DATEDIFF(day, DATE '1582-10-04', DATE '1582-10-15')")"

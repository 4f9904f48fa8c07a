#!/usr/bin/env bash
# ion-java 1.12.1: Timestamp.forMillis makes the last millisecond before 1970 one second late.
#
# One would expect: forMillis(t.getDecimalMillis(), 0) is t.
# What happens: for milliseconds between -1 and 0 the whole part is cut towards zero and the fraction is taken from the floor. -0.5 becomes 1970-01-01T00:00:00.9995Z, a second
#   after the truth. -1.5 and 0.5 are right.
# Why it matters: times that come as fractional milliseconds, from a clock of microseconds or from a calculation with small negative differences, are off by a second at this one place,
#   where tests with "time zero" look.
# Instead: Timestamp.forSecond with the fields, or add an offset of whole seconds and take it away again with addSecond.
# Source: com/amazon/ion/Timestamp.java, the private constructor of BigDecimal: millis.longValue() beside fastRoundZeroFloor(secs).
. "$(dirname "$0")/lib.sh"
java_with com.amazon.ion:ion-java:1.12.1
cat >Millis.java <<'END'
import com.amazon.ion.Timestamp;
import java.math.BigDecimal;

class Millis {
    public static void main(String[] none) {
        for (String millis : new String[] {"-1.5", "-0.5", "-0.0001", "0.5"}) {
            Timestamp time = Timestamp.forMillis(new BigDecimal(millis), 0);
            System.out.println(millis + " " + time + " " + time.getDecimalMillis());
        }
    }
}
END
expect "milliseconds since 1970, forMillis, getDecimalMillis of that" '-1.5 1969-12-31T23:59:59.9985Z -1.5
-0.5 1970-01-01T00:00:00.9995Z 999.5
-0.0001 1970-01-01T00:00:00.9999999Z 999.9999
0.5 1970-01-01T00:00:00.0005Z 0.5' "$(java_run Millis.java)"

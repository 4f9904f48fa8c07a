#!/usr/bin/env bash
# amazon.ion 0.15.0 and ion-java 1.12.1 make different JSON of one Ion value, and Python's has lost digits.
#
# One would expect: Ion's cookbook describes one way down to JSON: decimals become numbers with the same digits, timestamps strings as Ion writes them. Both libraries of the project have a converter.
# What happens: Python's IonToJSONEncoder makes a float of each decimal, so that 12345678901234567.89 becomes 1.2345678901234568e+16, and of a year or a time without offset "2020-01-01 00:00:00", with a space, no
#   offset and at most six digits. Java writes the digits and Ion's own text. Of two fields of one name Python keeps the last, Java writes both.
# Why it matters: JSON is what other systems, logs and signatures get of a ledger. Two services give two texts for one document, and one of them is no longer the amount.
# Instead: decimals as strings, timestamps by str(dumps(value, binary=False)); or ion-java's writer.
# Source: Ion's cookbook, guides/cookbook.html, "Down-converting to JSON". amazon/ion/json_encoder.py: `float(o)` for decimals, str(datetime) for timestamps; IonTextWriterBuilder.json() of ion-java.
. "$(dirname "$0")/lib.sh"
python_with amazon.ion==0.15.0
java_with com.amazon.ion:ion-java:1.12.1
document='{amount: 12345678901234567.89, year: 2020T, at: 2020-01-01T00:00:00.123456789Z, a: 1, a: 2}'
cat >ToJson.java <<'END'
import com.amazon.ion.IonWriter;
import com.amazon.ion.system.*;

class ToJson {
    public static void main(String[] texts) throws Exception {
        StringBuilder json = new StringBuilder();
        IonWriter writer = IonTextWriterBuilder.json().build(json);
        IonSystemBuilder.standard().build().singleValue(texts[0]).writeTo(writer);
        writer.close();
        System.out.println(json);
    }
}
END
seen=$("$python" - "$document" <<'END'
import json
import sys
from amazon.ion.json_encoder import IonToJSONEncoder
from amazon.ion.simpleion import loads

print(json.dumps(loads(sys.argv[1]), cls=IonToJSONEncoder, separators=(",", ":")))
END
java_run ToJson.java "$document")
expect "the document by Python and by Java" '{"amount":1.2345678901234568e+16,"year":"2020-01-01 00:00:00","at":"2020-01-01 00:00:00.123456+00:00","a":2}
{"amount":1234567890123456789e-2,"year":"2020T","at":"2020-01-01T00:00:00.123456789Z","a":1,"a":2}' "$seen"

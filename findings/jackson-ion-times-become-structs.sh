#!/usr/bin/env bash
# jackson-dataformat-ion 2.22.1: a timestamp that goes through a Map or a tree comes out as a struct of twenty fields.
#
# One would expect: readValue(…, Map.class), then writeValueAsString, gives the timestamp back: the Map holds com.amazon.ion.Timestamp. readTree likewise.
# What happens: the mapper knows how to read a Timestamp and not how to write one. It takes it for a bean and writes its getters: precision, year, zyear, millis, … It also
#   changes clobs to blobs, s-expressions to lists, symbols to strings, typed nulls to null, drops annotations, and readTree cuts 1.50 to 1.5. IonValueMapper keeps the timestamp.
# Why it matters: "read the row, change one field, insert it" stores each date of the document as a struct, and WHERE at > … finds it no more.
# Instead: IonValueMapper with IonValue, or a serializer of one's own for Timestamp.
# Source: com/fasterxml/jackson/dataformat/ion/IonObjectMapper.java registers no serializer; ionvalue/IonValueModule.java and IonTimestampSerializers serve the other mapper.
. "$(dirname "$0")/lib.sh"
java_with com.fasterxml.jackson.dataformat:jackson-dataformat-ion:2.22.1
cat >Times.java <<'END'
import com.amazon.ion.IonSystem;
import com.amazon.ion.system.IonSystemBuilder;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.dataformat.ion.IonObjectMapper;
import com.fasterxml.jackson.dataformat.ion.ionvalue.IonValueMapper;
import java.util.Map;

class Times {
    public static void main(String[] none) throws Exception {
        ObjectMapper mapper = new IonObjectMapper();
        String through = mapper.writeValueAsString(mapper.readValue("{at: 2020T}", Map.class));
        System.out.println(through.substring(0, 60));
        System.out.println(mapper.readTree(through).get("at").size() + " fields");
        System.out.println(mapper.writeValueAsString(mapper.readTree("[x::1, {{\"clob\"}}, (1 2), symbol, null.int, 1.50]")));
        IonSystem system = IonSystemBuilder.standard().build();
        IonValueMapper values = new IonValueMapper(system);
        System.out.println(values.writeValueAsIonValue(values.readValue(system.singleValue("{at: 2020T}"), Map.class)));
    }
}
END
expect "a timestamp through a Map, the size of what became of it; other values through a tree; a timestamp through IonValueMapper" '{at:{precision:"YEAR",year:2020,hour:0,minute:0,second:0,mon
20 fields
[1,{{Y2xvYg==}},[1,2],"symbol",null,1.5]
{at:2020T}' "$(java_run Times.java)"

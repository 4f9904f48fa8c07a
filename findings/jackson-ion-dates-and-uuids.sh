#!/usr/bin/env bash
# jackson-dataformat-ion 2.22.1 writes a Date as an int, a UUID as a blob and an enum in two ways.
#
# One would expect: Ion has a type for time, and Date becomes a timestamp. A UUID is text, as in Jackson's JSON and as people ask for it. IonObjectMapper and IonValueMapper of one library
#   write the same Ion.
# What happens: Date is the number of milliseconds, as in JSON, unless WRITE_DATES_AS_TIMESTAMPS is switched *off*, which then writes an Ion timestamp. A UUID is 16 bytes. An enum is a string
#   from IonObjectMapper and a symbol from IonValueMapper: `kind = 'debit'` finds one of them.
# Why it matters: documents written by one service have ints where others have timestamps; ranges over time, and look-ups by UUID as text, find nothing.
# Instead: mapper.disable(SerializationFeature.WRITE_DATES_AS_TIMESTAMPS), UUIDs as String fields, one mapper for all.
# Source: IonTimestampSerializers and IonGenerator.canWriteBinaryNatively; ionvalue/EnumAsIonSymbolSerializer.java is registered by EnumAsIonSymbolModule in IonValueMapper only.
. "$(dirname "$0")/lib.sh"
java_with com.fasterxml.jackson.dataformat:jackson-dataformat-ion:2.22.1
cat >Kinds.java <<'END'
import com.amazon.ion.system.IonSystemBuilder;
import com.fasterxml.jackson.databind.*;
import com.fasterxml.jackson.dataformat.ion.IonObjectMapper;
import com.fasterxml.jackson.dataformat.ion.ionvalue.IonValueMapper;
import java.util.*;

class Kinds {
    enum Kind { debit }

    public static void main(String[] none) throws Exception {
        ObjectMapper mapper = new IonObjectMapper(), other = new IonObjectMapper();
        other.disable(SerializationFeature.WRITE_DATES_AS_TIMESTAMPS);
        System.out.println(mapper.writeValueAsString(new Date(0)) + " " + other.writeValueAsString(new Date(0)));
        System.out.println(mapper.writeValueAsString(new UUID(1, 2)));
        System.out.println(mapper.writeValueAsString(Kind.debit) + " " + new IonValueMapper(IonSystemBuilder.standard().build()).writeValueAsIonValue(Kind.debit));
    }
}
END
expect "a Date, as it is and with WRITE_DATES_AS_TIMESTAMPS off; a UUID; an enum by both mappers" '0 1970-01-01T00:00:00.000Z
{{AAAAAAAAAAEAAAAAAAAAAg==}}
"debit" debit' "$(java_run Kinds.java)"

#!/usr/bin/env bash
# ion-java 1.12.1: which of two fields of one name a struct answers depends on how many fields it has.
#
# One would expect: get(name) of a struct that has the name twice answers any of them (the interface says so), but the same for the same data.
# What happens: in a struct of up to five fields it is the first, from six fields on the last: the larger one looks it up in a map. Adding an unrelated field to a document changes
#   the value that is read, and what remove(name) removes.
# Why it matters: amazon.ion and ion-js answer the last, ion-go's Decode keeps the last. A document with a repeated field is one amount in one service and another in the next, and in
#   Java it changes when the document grows.
# Instead: iterate over the struct, and refuse documents with repeated fields where they enter.
# Source: com/amazon/ion/impl/lite/IonStructLite.java: find_field_helper, STRUCT_INITIAL_SIZE 5.
. "$(dirname "$0")/lib.sh"
java_with com.amazon.ion:ion-java:1.12.1
cat >Fields.java <<'END'
import com.amazon.ion.*;
import com.amazon.ion.system.*;

class Fields {
    public static void main(String[] none) {
        IonSystem system = IonSystemBuilder.standard().build();
        for (String text : new String[] {"{amount: 1, a: 0, b: 0, c: 0, amount: 2}", "{amount: 1, a: 0, b: 0, c: 0, d: 0, amount: 2}"}) {
            IonStruct struct = (IonStruct) system.singleValue(text);
            IonValue seen = struct.get("amount");
            struct.remove("amount");
            System.out.println(seen + " " + struct);
        }
    }
}
END
expect "get and then remove of amount, in a struct of five fields and in one of six" '1 {a:0,b:0,c:0,amount:2}
2 {amount:1,a:0,b:0,c:0,d:0}' "$(java_run Fields.java)"

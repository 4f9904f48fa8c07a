#!/usr/bin/env bash
# ion-schema-kotlin 1.2.1 loads a schema of Ion Schema 2.0 and finds valid whatever the new constraints forbid.
#
# One would expect: a schema that begins with $ion_schema_2_0, a version that the library does not know, is refused when it is loaded.
# What happens: the marker is passed over. Constraints of 2.0 that 1.0 does not have are taken for open content, and what changed its meaning has the old one: closed fields are open, distinct elements may repeat, names of fields may be any, and float formats are not looked at.
# Why it matters: a schema was tightened to 2.0 so that documents with unknown fields and double entries stay out of the ledger. A service with this version takes them all, and its log shows validated documents.
# Instead: a version that knows 2.0; or a test that loads a schema with closed:: fields and feeds it one field more.
# Source: Ion Schema, "Ion Schema Language Versioning", requirements: an implementation must raise an error for a marker of a version that it does not support. Specification 2.0, "fields", "element", "field_names", "ieee754_float".
. "$(dirname "$0")/lib.sh"
java_with com.amazon.ion:ion-schema-kotlin:1.2.1
cat >Validate.java <<'END'
import com.amazon.ion.IonSystem;
import com.amazon.ion.system.IonSystemBuilder;
import com.amazon.ionschema.IonSchemaSystemBuilder;

class Validate {
    public static void main(String[] arguments) {
        IonSystem ion = IonSystemBuilder.standard().build();
        for (int i = 0; i < arguments.length; i += 2) {
            var schema = IonSchemaSystemBuilder.standard().withIonSystem(ion).build().newSchema("$ion_schema_2_0 type::{name: asked, " + arguments[i] + "}");
            System.out.println(arguments[i] + " | " + arguments[i + 1] + " " + (schema.getType("asked").isValid(ion.singleValue(arguments[i + 1])) ? "valid" : "invalid"));
        }
    }
}
END
expect "constraint of 2.0, a value that it forbids, and the answer" 'fields: closed::{a: int} | {a: 1, b: 2} valid
element: distinct::int | [1, 1] valid
field_names: {codepoint_length: 1} | {long: 1} valid
ieee754_float: binary32 | 0.1e0 valid
annotations: closed::[a] | b::1 invalid' "$(java_run Validate.java 'fields: closed::{a: int}' '{a: 1, b: 2}' 'element: distinct::int' '[1, 1]' \
    'field_names: {codepoint_length: 1}' '{long: 1}' 'ieee754_float: binary32' '0.1e0' 'annotations: closed::[a]' 'b::1')"

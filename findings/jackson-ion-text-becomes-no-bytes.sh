#!/usr/bin/env bash
# jackson-dataformat-ion 2.22.1 reads base64 in a string into a byte[] as null.
#
# One would expect: Jackson reads a string into a byte[] by decoding base64, for JSON and for every other format; a string that is no base64 raises an error.
# What happens: with Ion input both give null, without an error. Blobs are read. The same class reads the same text as JSON.
# Why it matters: digests and proofs are kept as base64 in strings where JSON was the source. A program that reads them from Ion verifies with nothing, or stores null.
# Instead: declare the field as String and decode it, or store blobs.
# Source: com/fasterxml/jackson/dataformat/ion/IonParser.java, getBinaryValue(variant): answers bytes for BLOB and CLOB, and null otherwise; the interface in
#   com/fasterxml/jackson/core/JsonParser.java says that base64 text is decoded.
. "$(dirname "$0")/lib.sh"
java_with com.fasterxml.jackson.dataformat:jackson-dataformat-ion:2.22.1
cat >Bytes.java <<'END'
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.dataformat.ion.IonObjectMapper;
import java.util.Arrays;

class Bytes {
    public byte[] digest;

    public static void main(String[] none) throws Exception {
        ObjectMapper json = new ObjectMapper(), ion = new IonObjectMapper();
        System.out.println(Arrays.toString(json.readValue("{\"digest\": \"aGk=\"}", Bytes.class).digest));
        for (String text : new String[] {"{digest: {{aGk=}}}", "{digest: \"aGk=\"}", "{digest: \"no base64!\"}"}) {
            System.out.println(text + " " + Arrays.toString(ion.readValue(text, Bytes.class).digest));
        }
    }
}
END
expect "the same text as JSON; then as Ion: a blob, base64 in a string, any string" '[104, 105]
{digest: {{aGk=}}} [104, 105]
{digest: "aGk="} null
{digest: "no base64!"} null' "$(java_run Bytes.java)"

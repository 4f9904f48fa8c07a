#!/usr/bin/env bash
# ion-java 1.12.1 copies a symbol of unknown text as another symbol's text.
#
# One would expect: a stream that imports a shared symbol table which the program does not have contains symbols of unknown text. Copying it keeps them unknown, or
#   fails with UnknownSymbolException, as the writer of text does and as the writer of binary does for some of them.
# What happens: writer.writeValues(reader) to binary writes such a symbol by its old number. If by then the new stream's own symbol table has that number, the symbol gets that
#   entry's text. Here [owner, unknown] becomes [owner, owner]; in the other order the copy fails.
# Why it matters: compacting, splitting or merging binary files turns one name into another without an error, and only the order of the data decides it.
# Instead: give reader and writer a catalog with the shared tables, or copy through text, which fails.
# Source: com/amazon/ion/impl/bin/IonManagedBinaryWriter.java, intern(SymbolToken): "no text, we just return what we got" for each number up to the table's maximum. The
#   specification, docs/symbols.html: symbols of unknown text from an import stay what they are by table and position.
. "$(dirname "$0")/lib.sh"
java_with com.amazon.ion:ion-java:1.12.1
cat >Copy.java <<'END'
import com.amazon.ion.*;
import com.amazon.ion.system.*;
import java.io.ByteArrayOutputStream;

class Copy {
    public static void main(String[] none) throws Exception {
        String table = "$ion_symbol_table::{imports: [{name: \"absent\", version: 1, max_id: 2}], symbols: [\"owner\"]} ";
        for (String value : new String[] {"[$12, $10]", "[$10, $12]"}) {
            ByteArrayOutputStream copy = new ByteArrayOutputStream();
            try (IonReader reader = IonReaderBuilder.standard().build(table + value); IonWriter writer = IonBinaryWriterBuilder.standard().build(copy)) {
                writer.writeValues(reader);
                writer.finish();
                System.out.println(value + " " + IonSystemBuilder.standard().build().singleValue(copy.toByteArray()));
            } catch (UnknownSymbolException error) {
                System.out.println(value + " " + error.getMessage());
            }
        }
    }
}
END
seen=$(java_run Copy.java)
expect "a list of owner and an unknown symbol by their ids, and its copy; the same the other way round" '[$12, $10] [owner,owner]
[$10, $12] Unknown symbol text for $10' "$seen"

#!/usr/bin/env bash
# ion-java 1.12.1: a reader refuses an int that is too large for intValue or longValue in text, and cuts it in binary.
#
# One would expect: the same exception from both readers; they are two encodings of one value and implement one interface.
# What happens: text throws for 2147483648 as an int. In binary the lowest bits are returned: -2147483648, and 0 for 2^64 as a long. The tree (IonInt) cuts too.
# Why it matters: a test with text passes, the files and the wire are binary. An amount above two thousand million, or an id above 2^63, is read as another number.
# Instead: getIntegerSize() before, or bigIntegerValue().
# Source: com/amazon/ion/impl/IonReaderContinuableCoreBinary.java, intValue and longValue; the text reader converts through _Private_ScalarConversions, which checks.
. "$(dirname "$0")/lib.sh"
java_with com.amazon.ion:ion-java:1.12.1
cat >Ints.java <<'END'
import com.amazon.ion.*;
import com.amazon.ion.system.*;
import java.io.ByteArrayOutputStream;

class Ints {
    static Object read(IonReader reader, boolean asLong) {
        reader.next();
        try {
            return asLong ? (Object) reader.longValue() : (Object) reader.intValue();
        } catch (RuntimeException error) {
            return error.getClass().getSimpleName();
        }
    }

    public static void main(String[] none) throws Exception {
        IonSystem system = IonSystemBuilder.standard().build();
        for (String text : new String[] {"2147483648", "5000000000", "9223372036854775808", "18446744073709551616"}) {
            ByteArrayOutputStream binary = new ByteArrayOutputStream();
            IonWriter writer = IonBinaryWriterBuilder.standard().build(binary);
            system.singleValue(text).writeTo(writer);
            writer.close();
            boolean asLong = text.length() > 10;
            IonInt tree = (IonInt) system.singleValue(text);
            System.out.println(text + (asLong ? " long " : " int ") + read(IonReaderBuilder.standard().build(text), asLong) + " "
                + read(IonReaderBuilder.standard().build(binary.toByteArray()), asLong) + " " + (asLong ? tree.longValue() : tree.intValue()));
        }
    }
}
END
expect "a number, the type asked for, what text, binary and tree say" '2147483648 int CantConvertException -2147483648 -2147483648
5000000000 int CantConvertException 705032704 705032704
9223372036854775808 long CantConvertException -9223372036854775808 -9223372036854775808
18446744073709551616 long CantConvertException 0 0' "$(java_run Ints.java)"

// The values of conformance/vectors/values.ion, as parameters and as results.

import com.amazon.ion.IonDatagram;
import com.amazon.ion.IonValue;
import java.nio.file.Files;
import java.nio.file.Path;

class Values extends Conformance {
    static void all() throws Exception {
        test("any Ion value survives, and `=` and IS NULL know it", () -> {
            IonDatagram values = ION.getLoader().load(Files.readAllBytes(Path.of("../vectors/values.ion")));
            check(values.size() >= 50, values.size());
            rows("CREATE TABLE JavaValue");
            for (int number = 0; number < values.size(); number++) {
                IonValue value = values.get(number).clone();
                IonValue place = ION.newInt(number);
                rows("INSERT INTO JavaValue VALUE {'n': ?, 'v': ?}", place, value);
                IonValue back = DRIVER.execute(transaction -> {
                    return transaction.execute("SELECT VALUE j.v FROM JavaValue AS j WHERE j.n = ?", place).iterator().next().clone();
                });
                check(back.equals(value), value + " came back as " + back);
                String found = "SELECT VALUE j.n FROM JavaValue AS j WHERE j.n = ? AND ";
                if (value.isNullValue()) {
                    same("" + number, rows(found + "j.v IS NULL", place));
                } else {
                    same("" + number, rows(found + "j.v = ?", place, value));
                    same("", rows(found + "j.v IS NULL", place));
                }
            }
            rows("INSERT INTO JavaValue VALUE {'n': 'annotated', 'v': ?}", ION.singleValue("a::null"));
            same("a::null", rows("SELECT VALUE j.v FROM JavaValue AS j WHERE j.n = 'annotated' AND j.v IS NULL"));
        });
    }
}

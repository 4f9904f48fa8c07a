// What surprises people in the driver, and what the server does with it: docs/clients/java.md has the table.

import com.amazon.ion.IonList;
import com.amazon.ion.IonValue;
import software.amazon.qldb.QldbDriver;
import software.amazon.qldb.Result;
import software.amazon.qldb.TransactionExecutor;

class Surprises extends Conformance {
    static void all() throws Exception {
        rows("CREATE TABLE JavaSurprise");

        test("a parameter that is declared as IonList is taken apart into parameters", () -> {
            IonList list = ION.newList(ION.newInt(7));
            DRIVER.execute(transaction -> { transaction.execute("INSERT INTO JavaSurprise VALUE {'kind': 'list', 'x': ?}", list); });
            same("7", rows("SELECT VALUE j.x FROM JavaSurprise AS j WHERE j.kind = 'list'"));
            IonValue value = ION.newList(ION.newInt(7));
            DRIVER.execute(transaction -> { transaction.execute("INSERT INTO JavaSurprise VALUE {'kind': 'value', 'x': ?}", value); });
            same("[7]", rows("SELECT VALUE j.x FROM JavaSurprise AS j WHERE j.kind = 'value'"));
        });

        test("an abort that the program catches is a commit", () -> {
            DRIVER.execute((TransactionExecutor transaction) -> {
                transaction.execute("INSERT INTO JavaSurprise VALUE {'kind': 'abort', 'x': 1}");
                try {
                    transaction.abort();
                } catch (RuntimeException caught) {
                    // as a catch-all around business code does
                }
            });
            same("1", rows("SELECT VALUE j.x FROM JavaSurprise AS j WHERE j.kind = 'abort'"));
        });

        test("a result that outlives its lambda without being returned throws without a message", () -> {
            Result[] kept = new Result[1];
            DRIVER.execute((TransactionExecutor transaction) -> { kept[0] = transaction.execute("SELECT * FROM JavaSurprise"); });
            String error = error(() -> kept[0].iterator().next());
            if (error.equals("none")) {
                throw new AssertionError("it could be read");
            }
            System.out.println("    result after its lambda: " + error);
        });

        test("an Error in the lambda costs its permit for good, an exception does not", () -> {
            QldbDriver narrow = driver(1);
            error(() -> narrow.execute((TransactionExecutor transaction) -> { throw new IllegalStateException("exception"); }));
            same("none", error(() -> narrow.getTableNames()));
            error(() -> narrow.execute((TransactionExecutor transaction) -> { throw new AssertionError("error"); }));
            String refused = error(() -> narrow.getTableNames());
            if (!refused.contains("maxConcurrentTransactions")) {
                throw new AssertionError(refused);
            }
            narrow.close();
        });
    }
}

// What surprises people in the published Java driver 2.3.1, and what the server does with it: docs/clients/java.md has the table.
// Ends with the line "N passed, N failed" and with exit code 1 where a test failed.

import com.amazon.ion.IonList;
import com.amazon.ion.IonSystem;
import com.amazon.ion.IonValue;
import com.amazon.ion.system.IonSystemBuilder;
import java.net.URI;
import java.util.ArrayList;
import java.util.List;
import software.amazon.awssdk.auth.credentials.AwsBasicCredentials;
import software.amazon.awssdk.auth.credentials.StaticCredentialsProvider;
import software.amazon.awssdk.regions.Region;
import software.amazon.awssdk.services.qldbsession.QldbSessionClient;
import software.amazon.qldb.QldbDriver;
import software.amazon.qldb.Result;
import software.amazon.qldb.TransactionExecutor;

class Surprises {
    interface Test {
        void run() throws Exception;
    }

    static final IonSystem ION = IonSystemBuilder.standard().build();
    static final QldbDriver DRIVER = driver(10);
    static int passed;
    static int failed;

    static QldbDriver driver(int transactions) {
        return QldbDriver.builder()
            .ledger(System.getenv("EVERSTRAND_LEDGER"))
            .ionSystem(ION)
            .maxConcurrentTransactions(transactions)
            .sessionClientBuilder(QldbSessionClient.builder()
                .endpointOverride(URI.create(System.getenv("EVERSTRAND_ENDPOINT")))
                .region(Region.US_EAST_1)
                .credentialsProvider(StaticCredentialsProvider.create(AwsBasicCredentials.create("local", "local"))))
            .build();
    }

    static void test(String name, Test test) {
        try {
            test.run();
            passed++;
        } catch (Throwable error) {
            failed++;
            System.out.println("FAILED " + name + ": " + error);
        }
    }

    static String rows(String statement, IonValue... parameters) {
        List<String> texts = new ArrayList<>();
        Result result = DRIVER.execute(transaction -> {
            return transaction.execute(statement, parameters);
        });
        result.forEach(row -> texts.add(row.toString()));
        return String.join(" ", texts);
    }

    static void same(String wanted, Object seen) {
        if (!wanted.equals(String.valueOf(seen))) {
            throw new AssertionError("wanted " + wanted + ", seen " + seen);
        }
    }

    static String error(Test test) throws Exception {
        try {
            test.run();
        } catch (Throwable error) {
            return error.getClass().getSimpleName() + ": " + error.getMessage();
        }
        return "none";
    }

    public static void main(String[] none) throws Exception {
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

        DRIVER.close();
        System.out.println(passed + " passed, " + failed + " failed");
        System.exit(failed == 0 ? 0 : 1);
    }
}

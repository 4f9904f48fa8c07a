// Runs everything here with the published Java driver 2.3.1, on the ledger EVERSTRAND_LEDGER of the server in EVERSTRAND_ENDPOINT. Ends
// with the line "N passed, N failed" and with exit code 1 where a test failed.

import com.amazon.ion.IonSystem;
import com.amazon.ion.IonValue;
import com.amazon.ion.system.IonSystemBuilder;
import java.net.URI;
import java.security.MessageDigest;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import software.amazon.awssdk.auth.credentials.AwsBasicCredentials;
import software.amazon.awssdk.auth.credentials.StaticCredentialsProvider;
import software.amazon.awssdk.core.SdkBytes;
import software.amazon.awssdk.regions.Region;
import software.amazon.awssdk.services.qldbsession.QldbSessionClient;
import software.amazon.awssdk.services.qldbsession.QldbSessionClientBuilder;
import software.amazon.awssdk.services.qldbsession.model.ExecuteStatementResult;
import software.amazon.awssdk.services.qldbsession.model.SendCommandRequest;
import software.amazon.awssdk.services.qldbsession.model.SendCommandResponse;
import software.amazon.awssdk.services.qldbsession.model.ValueHolder;
import software.amazon.qldb.QldbDriver;
import software.amazon.qldb.RetryPolicy;
import software.amazon.qldb.TransactionExecutor;

class Conformance {
    interface Test {
        void run() throws Exception;
    }

    static final String ENDPOINT = System.getenv("EVERSTRAND_ENDPOINT");
    static final String LEDGER = System.getenv("EVERSTRAND_LEDGER");
    static final IonSystem ION = IonSystemBuilder.standard().build();
    static final QldbDriver DRIVER = driver(10);
    private static int passed;
    private static int failed;

    public static void main(String[] none) throws Exception {
        Surprises.all();
        Demands.all();
        Values.all();
        Faults.all();
        DRIVER.close();
        System.out.println(passed + " passed, " + failed + " failed");
        System.exit(failed == 0 ? 0 : 1);
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

    static QldbSessionClientBuilder sessionsAt(String url) {
        return QldbSessionClient.builder()
            .endpointOverride(URI.create(url))
            .region(Region.US_EAST_1)
            .credentialsProvider(StaticCredentialsProvider.create(AwsBasicCredentials.create("local", "local")));
    }

    /** A driver that tries again quickly. */
    static QldbDriver driverAt(String url, String ledger, int transactions, int retries) {
        return QldbDriver.builder()
            .ledger(ledger)
            .ionSystem(ION)
            .maxConcurrentTransactions(transactions)
            .transactionRetryPolicy(RetryPolicy.builder().maxRetries(retries).backoffStrategy(context -> Duration.ofMillis(1)).build())
            .sessionClientBuilder(sessionsAt(url))
            .build();
    }

    static QldbDriver driver(int transactions) {
        return driverAt(ENDPOINT, LEDGER, transactions, 4);
    }

    /** The rows of a statement in a transaction, as Ion text. */
    static String read(TransactionExecutor transaction, String statement, IonValue... parameters) {
        List<String> texts = new ArrayList<>();
        transaction.execute(statement, parameters).forEach(row -> texts.add(row.toString()));
        return String.join(" ", texts);
    }

    /** The rows of a statement in a transaction of its own, as Ion text. */
    static String rows(QldbDriver driver, String statement, IonValue... parameters) {
        return driver.execute(transaction -> {
            return read(transaction, statement, parameters);
        });
    }

    static String rows(String statement, IonValue... parameters) {
        return rows(DRIVER, statement, parameters);
    }

    static void same(String wanted, Object seen) {
        if (!wanted.equals(String.valueOf(seen))) {
            throw new AssertionError("wanted " + wanted + ", seen " + seen);
        }
    }

    static void matches(String form, String seen) {
        if (!seen.matches(form)) {
            throw new AssertionError("wanted " + form + ", seen " + seen);
        }
    }

    static void check(boolean holds, Object seen) {
        if (!holds) {
            throw new AssertionError(seen);
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

    /** The error that a test must end with. */
    static <E extends Throwable> E thrown(Class<E> type, Test test) throws Exception {
        try {
            test.run();
        } catch (Throwable error) {
            check(type.isInstance(error), error);
            return type.cast(error);
        }
        throw new AssertionError("nothing was thrown");
    }

    /** One session of the generated client, command by command. */
    static class Session {
        final QldbSessionClient client;
        final String token;

        Session(QldbSessionClient client) {
            this.client = client;
            this.token = client.sendCommand(command -> command.startSession(start -> start.ledgerName(LEDGER))).startSession().sessionToken();
        }

        Session() {
            this(sessionsAt(ENDPOINT).build());
        }

        SendCommandResponse send(java.util.function.Consumer<SendCommandRequest.Builder> command) {
            return client.sendCommand(builder -> command.accept(builder.sessionToken(token)));
        }

        String start() {
            return send(command -> command.startTransaction(start -> { })).startTransaction().transactionId();
        }

        SendCommandResponse abort() {
            return send(command -> command.abortTransaction(abort -> { }));
        }

        ExecuteStatementResult execute(String transaction, String statement, ValueHolder... values) {
            return send(command -> command.executeStatement(
                execute -> execute.transactionId(transaction).statement(statement).parameters(values))).executeStatement();
        }
    }

    /** The commit digest of a transaction without statements: the Ion hash of its id. */
    static SdkBytes digest(String transaction) throws Exception {
        MessageDigest hash = MessageDigest.getInstance("SHA-256");
        hash.update(new byte[] {0x0b, (byte) 0x80});
        hash.update(transaction.getBytes("UTF-8"));
        hash.update((byte) 0x0e);
        return SdkBytes.fromByteArray(hash.digest());
    }
}

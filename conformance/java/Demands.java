// What the official drivers demand of a server, as the Java driver and its SDK see it. The numbers are those of the Go suite.

import com.amazon.ion.IonValue;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.net.URI;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import software.amazon.awssdk.auth.credentials.AwsBasicCredentials;
import software.amazon.awssdk.auth.credentials.StaticCredentialsProvider;
import software.amazon.awssdk.core.SdkGlobalTime;
import software.amazon.awssdk.regions.Region;
import software.amazon.awssdk.services.qldb.QldbClient;
import software.amazon.awssdk.services.qldb.model.DescribeLedgerResponse;
import software.amazon.awssdk.services.qldb.model.ResourceAlreadyExistsException;
import software.amazon.awssdk.services.qldb.model.ResourceNotFoundException;
import software.amazon.awssdk.services.qldb.model.ResourcePreconditionNotMetException;
import software.amazon.awssdk.services.qldbsession.model.BadRequestException;
import software.amazon.awssdk.services.qldbsession.model.CommitTransactionResult;
import software.amazon.awssdk.services.qldbsession.model.ExecuteStatementResult;
import software.amazon.awssdk.services.qldbsession.model.InvalidSessionException;
import software.amazon.awssdk.services.qldbsession.model.OccConflictException;
import software.amazon.awssdk.services.qldbsession.model.Page;
import software.amazon.awssdk.services.qldbsession.model.SendCommandResponse;
import software.amazon.awssdk.services.qldbsession.model.ValueHolder;
import software.amazon.qldb.QldbDriver;
import software.amazon.qldb.Result;
import software.amazon.qldb.TransactionExecutor;

class Demands extends Conformance {
    static void all() throws Exception {
        commands();
        results();
        errors();
        conflicts();
        statements();
        theRest();
    }

    static void commands() {
        test("01 commands over one connection do not wait for each other", () -> {
            Session session = new Session();
            // An answer in two segments costs 40 ms each time. Other work of the machine only adds to a time, so the least counts.
            long least = Long.MAX_VALUE;
            for (int count = 0; count < 60; count++) {
                long begin = System.nanoTime();
                session.start();
                session.abort();
                least = Math.min(least, System.nanoTime() - begin);
            }
            check(least < 60_000_000, least + " ns");
            String transaction = session.start();
            session.execute(transaction, "SELECT * FROM information_schema.user_tables");
            session.send(command -> command.executeStatement(
                execute -> execute.transactionId(transaction).statement("SELECT * FROM information_schema.user_tables")));
        });

        test("02 every answer has a request id", () -> {
            Session session = new Session();
            SendCommandResponse started = session.send(command -> command.startTransaction(start -> { }));
            check(started.responseMetadata().requestId().length() > 3, started.responseMetadata());
            BadRequestException refused =
                thrown(BadRequestException.class, () -> session.execute(started.startTransaction().transactionId(), "nonsense"));
            check(refused.requestId().length() > 3, refused);
        });

        test("03 tokens and ids have the forms of the model", () -> {
            Session session = new Session();
            matches("[A-Za-z0-9+/=]{4,1024}", session.token);
            matches("[A-Za-z0-9-]{22}", session.start());
        });

        test("08 the commit digest is compared and comes back", () -> {
            Session session = new Session();
            String first = session.start();
            CommitTransactionResult committed = session.send(command ->
                command.commitTransaction(commit -> commit.transactionId(first).commitDigest(quietly(() -> digest(first))))).commitTransaction();
            same(first, committed.transactionId());
            check(committed.commitDigest().equals(digest(first)), committed);
            String second = session.start();
            BadRequestException refused = thrown(BadRequestException.class, () -> session.send(command ->
                command.commitTransaction(commit -> commit.transactionId(second).commitDigest(quietly(() -> digest(first))))));
            check(refused.getMessage().contains("Digests don't match"), refused);
        });

        test("09 an abort succeeds with nothing to abort", () -> {
            Session session = new Session();
            check(session.abort().abortTransaction() != null, "the answer has no member AbortTransaction");
            check(session.abort().abortTransaction() != null, "the answer has no member AbortTransaction");
        });
    }

    static <T> T quietly(Callable<T> work) {
        try {
            return work.call();
        } catch (Exception error) {
            throw new IllegalStateException(error);
        }
    }

    static void results() {
        test("04 and 05 pages and their tokens", () -> {
            rows("CREATE TABLE JavaPage");
            Session session = new Session();
            Page empty = session.execute(session.start(), "SELECT * FROM JavaPage").firstPage();
            check(empty.hasValues() && empty.values().isEmpty() && empty.nextPageToken() == null, empty);
            session.abort();
            for (int start = 0; start < 440; start += 40) {
                String structs = IntStream.range(start, start + 40).mapToObj(n -> "{'n': " + n + "}").collect(Collectors.joining(", "));
                rows("INSERT INTO JavaPage << " + structs + " >>");
            }
            String transaction = session.start();
            Page page = session.execute(transaction, "SELECT * FROM JavaPage").firstPage();
            List<Integer> sizes = new ArrayList<>(List.of(page.values().size()));
            while (page.nextPageToken() != null) {
                String next = page.nextPageToken();
                page = session.send(command -> command.fetchPage(fetch -> fetch.transactionId(transaction).nextPageToken(next)))
                    .fetchPage().page();
                sizes.add(page.values().size());
            }
            same("[200, 200, 40]", sizes);
            same("440", rows("SELECT VALUE j.n FROM JavaPage AS j").split(" ").length);
            QldbDriver ahead = QldbDriver.builder().ledger(LEDGER).readAhead(2).sessionClientBuilder(sessionsAt(ENDPOINT)).build();
            same("440", rows(ahead, "SELECT VALUE j.n FROM JavaPage AS j").split(" ").length);
            ahead.close();
        });

        test("06 each value is one Ion value with its version marker", () -> {
            Session session = new Session();
            Page page = session.execute(session.start(), "SELECT VALUE x FROM << 1, 'two', [3], {'four': 4} >> AS x").firstPage();
            same("4", page.values().size());
            for (ValueHolder holder : page.values()) {
                byte[] bytes = holder.ionBinary().asByteArray();
                check((bytes[0] & 0xff) == 0xe0 && bytes[1] == 1 && bytes[2] == 0 && (bytes[3] & 0xff) == 0xea, holder);
                ION.singleValue(bytes);
            }
        });

        test("07 reads, writes and times are told", () -> {
            rows("CREATE TABLE JavaReads");
            rows("INSERT INTO JavaReads << {'n': 1}, {'n': 2} >>");
            Session session = new Session();
            ExecuteStatementResult found = session.execute(session.start(), "SELECT * FROM JavaReads");
            same("2 0", found.consumedIOs().readIOs() + " " + found.consumedIOs().writeIOs());
            check(found.timingInformation().processingTimeMilliseconds() >= 1, found.timingInformation());
            Result result = DRIVER.execute(transaction -> {
                return transaction.execute("SELECT * FROM JavaReads");
            });
            same("2", result.getConsumedIOs().getReadIOs());
            check(result.getTimingInformation().getProcessingTimeMilliseconds() >= 1, result.getTimingInformation());
        });
    }

    static void errors() {
        test("10 an unknown ledger is a bad request", () -> {
            QldbDriver lost = driverAt(ENDPOINT, "no-such-ledger", 1, 0);
            thrown(BadRequestException.class, lost::getTableNames);
            lost.close();
        });

        test("11 an expired transaction says so and is not run again", () -> {
            Process server = new ProcessBuilder(System.getenv("EVERSTRAND_BINARY"), "serve", "--in-memory", "--listen", "127.0.0.1:0",
                "--create-ledger", "short", "--limit", "transaction-millis=300").start();
            try {
                String line = new BufferedReader(new InputStreamReader(server.getInputStream())).readLine();
                QldbDriver driver = driverAt(line.replace("everstrand listening on ", ""), "short", 10, 4);
                rows(driver, "CREATE TABLE t");
                AtomicInteger runs = new AtomicInteger();
                String[] id = new String[1];
                InvalidSessionException expired = thrown(InvalidSessionException.class, () -> driver.execute(transaction -> {
                    runs.incrementAndGet();
                    id[0] = transaction.getTransactionId();
                    quietly(() -> {
                        Thread.sleep(600);
                        return null;
                    });
                    transaction.execute("INSERT INTO t VALUE {'n': 1}");
                }));
                same("Transaction " + id[0] + " has expired", expired.awsErrorDetails().errorMessage());
                same("1", runs);
                same("", rows(driver, "SELECT * FROM t"));
                driver.close();
            } finally {
                server.destroyForcibly();
            }
        });

        test("12 and 13 errors have the types, codes and statuses of QLDB", () -> {
            rows("CREATE TABLE JavaError");
            BadRequestException exists = thrown(BadRequestException.class, () -> rows("CREATE TABLE JavaError"));
            check(exists.getMessage().contains("Table with name: USER.JavaError already exists"), exists);
            same("412 400", exists.code() + " " + exists.statusCode());
            BadRequestException missing = thrown(BadRequestException.class, () -> rows("SELECT * FROM JavaNowhere"));
            check(missing.getMessage().contains("No such variable named 'JavaNowhere'"), missing);
            same("432 400", missing.code() + " " + missing.statusCode());
            // A refused statement leaves the transaction as it was.
            DRIVER.execute(transaction -> {
                quietly(() -> thrown(BadRequestException.class, () -> transaction.execute("SELECT * FROM JavaNowhere")));
                transaction.execute("INSERT INTO JavaError VALUE {'n': 1}");
            });
            same("1", rows("SELECT VALUE j.n FROM JavaError AS j"));
        });
    }

    static void conflicts() {
        test("14 the loser of a conflict may only have read", () -> {
            rows("CREATE TABLE JavaConflict");
            rows("INSERT INTO JavaConflict VALUE {'n': 1}");
            QldbDriver narrow = driverAt(ENDPOINT, LEDGER, 10, 0);
            thrown(OccConflictException.class, () -> narrow.execute((TransactionExecutor transaction) -> {
                read(transaction, "SELECT * FROM JavaConflict");
                rows("UPDATE JavaConflict AS j SET j.n = 5");
            }));
            narrow.close();
        });

        test("14 of three that count at once, none is lost", () -> {
            rows("CREATE TABLE JavaCounter");
            rows("INSERT INTO JavaCounter VALUE {'n': 0}");
            QldbDriver patient = driverAt(ENDPOINT, LEDGER, 10, 100);
            CyclicBarrier together = new CyclicBarrier(3);
            AtomicInteger runs = new AtomicInteger();
            ExecutorService threads = Executors.newFixedThreadPool(3);
            List<Future<?>> workers = new ArrayList<>();
            for (int worker = 0; worker < 3; worker++) {
                boolean[] first = {true};
                workers.add(threads.submit(() -> patient.execute((TransactionExecutor transaction) -> {
                    runs.incrementAndGet();
                    IonValue n = ION.singleValue(read(transaction, "SELECT VALUE j.n FROM JavaCounter AS j"));
                    if (first[0]) {
                        first[0] = false;
                        quietly(() -> together.await(20, TimeUnit.SECONDS));
                    }
                    transaction.execute("UPDATE JavaCounter AS j SET j.n = ? + 1", n);
                })));
            }
            for (Future<?> worker : workers) {
                worker.get();
            }
            threads.shutdown();
            patient.close();
            same("3", rows("SELECT VALUE j.n FROM JavaCounter AS j"));
            check(runs.get() >= 5, "three transactions that read the same were run " + runs + " times: two of them must lose");
        });

        test("15 a transaction reads its own writes and others do not", () -> {
            rows("CREATE TABLE JavaOwn");
            DRIVER.execute(transaction -> {
                transaction.execute("INSERT INTO JavaOwn VALUE {'n': 1}");
                transaction.execute("UPDATE JavaOwn AS j SET j.n = 2");
                same("2", read(transaction, "SELECT VALUE j.n FROM JavaOwn AS j"));
                same("", rows("SELECT VALUE j.n FROM JavaOwn AS j"));
            });
        });
    }

    static void statements() {
        test("16 statements that change something answer with ids", () -> {
            String table = "\\{tableId:\"[A-Za-z0-9]{22}\"\\}";
            String document = "\\{documentId:\"[A-Za-z0-9]{22}\"\\}";
            matches(table, rows("CREATE TABLE JavaId"));
            matches(document + " " + document, rows("INSERT INTO JavaId << {'n': 1}, {'n': 2} >>"));
            matches(document, rows("UPDATE JavaId AS j SET j.n = 3 WHERE j.n = 2"));
            matches(document + " " + document, rows("DELETE FROM JavaId"));
            matches(table, rows("DROP TABLE JavaId"));
        });

        test("17 ways of writing statements that drivers and their users have", () -> {
            String[][] steps = {
                {"Create TABLE JavaOdd"},
                {"CREATE INDEX on JavaOdd (Name)"},
                {"create  index ON\n JavaOdd  (Kind)"},
                {"INSERT INTO JavaOdd ?", "{Name: \"a\"}"},
                {"INSERT INTO JavaOdd VALUE ?;", "{Name: \"b\"}"},
                {"INSERT INTO \"JavaOdd\" <<?,?>>", "{Name: \"c\"}", "{Name: \"d\"}"},
                {"insert into JavaOdd << {'Name': 'e', 'Kind': 'x'} >>"},
                {"UPDATE JavaOdd as p SET p = ? WHERE p.Name = ?", "{Name: \"f\"}", "\"a\""},
                {"UPDATE JavaOdd BY id SET Kind = 'y' WHERE Name = 'f'"},
                {"FROM JavaOdd BY id WHERE Name = 'e' SET Kind = 'z'"},
                {"UPDATE JavaOdd AS p SET p.List = ?", "[1]"},
                {"FROM JavaOdd AS p WHERE p.Name = 'e' INSERT INTO p.List VALUE ?", "2"},
            };
            for (String[] step : steps) {
                IonValue[] values = new IonValue[step.length - 1];
                for (int index = 1; index < step.length; index++) {
                    values[index - 1] = ION.singleValue(step[index]);
                }
                check(!rows(step[0], values).isEmpty(), step[0]);
            }
            same("\"JavaOdd\"", rows("SELECT VALUE name FROM information_schema.user_tables WHERE status = 'ACTIVE'AND name = 'JavaOdd'"));
            same("\"y\" \"z\"", rows("select  value  p.Kind  from JavaOdd as p where p.Name in (?, ?) order by p.Kind",
                ION.newString("e"), ION.newString("f")));
            same("[1,2]", rows("SELECT VALUE p.List FROM JavaOdd AS p WHERE p.Name = 'e'"));
        });

        // Demand 18, `=` on any value and IS NULL on any null, is the test in Values.java.

        test("19 the catalog names tables and indexes", () -> {
            rows("CREATE TABLE JavaCatalog");
            rows("CREATE INDEX ON JavaCatalog (Field)");
            String from = " FROM information_schema.user_tables AS t, t.indexes AS i WHERE t.name = 'JavaCatalog'";
            same("{name:\"JavaCatalog\",status:\"ACTIVE\",expr:\"[Field]\",built:\"ONLINE\"}",
                rows("SELECT t.name, t.status, i.expr, i.status AS built" + from));
            matches("\\{tableId:\"[A-Za-z0-9]{22}\",indexId:\"[A-Za-z0-9]{22}\"\\}", rows("SELECT t.tableId, i.indexId" + from));
            List<String> names = new ArrayList<>();
            DRIVER.getTableNames().forEach(names::add);
            check(names.contains("JavaCatalog"), names);
            rows("DROP TABLE JavaCatalog");
            same("\"INACTIVE\"", rows("SELECT VALUE t.status FROM information_schema.user_tables AS t WHERE t.name = 'JavaCatalog'"));
        });
    }

    static void theRest() {
        test("20 the control API", () -> {
            QldbClient control = QldbClient.builder()
                .endpointOverride(URI.create(ENDPOINT))
                .region(Region.US_EAST_1)
                .credentialsProvider(StaticCredentialsProvider.create(AwsBasicCredentials.create("local", "local")))
                .build();
            String name = "java-control";
            for (String mode : List.of("ALLOW_ALL", "STANDARD")) {
                control.createLedger(create -> create.name(name).permissionsMode(mode));
                DescribeLedgerResponse described = control.describeLedger(describe -> describe.name(name));
                same("ACTIVE true " + mode,
                    described.stateAsString() + " " + described.deletionProtection() + " " + described.permissionsModeAsString());
                thrown(ResourceAlreadyExistsException.class, () -> control.createLedger(create -> create.name(name).permissionsMode(mode)));
                thrown(ResourcePreconditionNotMetException.class, () -> control.deleteLedger(delete -> delete.name(name)));
                same("false", control.updateLedger(update -> update.name(name).deletionProtection(false)).deletionProtection());
                control.deleteLedger(delete -> delete.name(name));
                same("404", thrown(ResourceNotFoundException.class, () -> control.describeLedger(describe -> describe.name(name))).statusCode());
            }
        });

        test("21 any region, any key and any clock", () -> {
            SdkGlobalTime.setGlobalTimeOffset(24 * 60 * 60);
            try {
                new Session(sessionsAt(ENDPOINT).region(Region.AP_SOUTHEAST_2)
                    .credentialsProvider(StaticCredentialsProvider.create(AwsBasicCredentials.create("anybody", "else"))).build()).start();
            } finally {
                SdkGlobalTime.setGlobalTimeOffset(0);
            }
        });

        test("22 a transaction more than the pool has is refused", () -> {
            QldbDriver narrow = driver(2);
            CountDownLatch inside = new CountDownLatch(2);
            CountDownLatch leave = new CountDownLatch(1);
            ExecutorService threads = Executors.newFixedThreadPool(2);
            List<Future<?>> workers = new ArrayList<>();
            for (int worker = 0; worker < 2; worker++) {
                workers.add(threads.submit(() -> narrow.execute((TransactionExecutor transaction) -> {
                    inside.countDown();
                    quietly(() -> leave.await(20, TimeUnit.SECONDS));
                })));
            }
            inside.await(20, TimeUnit.SECONDS);
            String refused = error(narrow::getTableNames);
            leave.countDown();
            for (Future<?> worker : workers) {
                worker.get();
            }
            threads.shutdown();
            check(refused.contains("maxConcurrentTransactions"), refused);
            narrow.getTableNames();
            narrow.close();
        });
    }
}

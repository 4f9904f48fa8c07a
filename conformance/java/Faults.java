// What the driver does when sessions die, connections break, and the server asks for another try.

import com.amazon.ion.IonValue;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import software.amazon.awssdk.awscore.exception.AwsServiceException;
import software.amazon.qldb.QldbDriver;

class Faults extends Conformance {
    /** Stands between a driver and the server. `meet` is told each command, and may answer it or end the session behind it. */
    static class Proxy implements AutoCloseable {
        enum Outcome { PASS, ANSWERED, LOSE, DOUBT }

        interface Meet {
            Outcome meet(String command, String token, int number, HttpExchange exchange) throws IOException;
        }

        static final Pattern COMMAND = Pattern.compile("\"(Start|Execute|Commit|Abort|Fetch|End)(Session|Transaction|Statement|Page)\":");
        static final Pattern TOKEN = Pattern.compile("\"SessionToken\":\"([^\"]*)\"");
        final Map<String, Integer> seen = new TreeMap<>();
        private final HttpServer server = HttpServer.create(new InetSocketAddress("127.0.0.1", 0), 0);
        private final HttpClient behind = HttpClient.newHttpClient();
        private final Meet meet;

        Proxy(Meet meet) throws IOException {
            this.meet = meet;
            server.createContext("/", this::handle);
            server.setExecutor(Executors.newCachedThreadPool());
            server.start();
        }

        String url() {
            return "http://127.0.0.1:" + server.getAddress().getPort();
        }

        private void handle(HttpExchange exchange) throws IOException {
            byte[] body = exchange.getRequestBody().readAllBytes();
            String text = new String(body, StandardCharsets.UTF_8);
            Matcher command = COMMAND.matcher(text);
            check(command.find(), text);
            String name = command.group(1) + command.group(2);
            int number;
            synchronized (seen) {
                number = seen.merge(name, 1, Integer::sum);
            }
            Matcher token = TOKEN.matcher(text);
            Outcome outcome = meet.meet(name, token.find() ? token.group(1) : "", number, exchange);
            if (outcome != Outcome.ANSWERED) {
                pass(exchange, body, outcome);
            }
        }

        private void pass(HttpExchange exchange, byte[] body, Outcome outcome) throws IOException {
            HttpRequest.Builder request = HttpRequest.newBuilder(URI.create(ENDPOINT)).POST(HttpRequest.BodyPublishers.ofByteArray(body));
            for (String name : Set.of("X-Amz-Target", "Content-Type")) {
                request.header(name, exchange.getRequestHeaders().getFirst(name));
            }
            HttpResponse<byte[]> answer;
            try {
                answer = behind.send(request.build(), HttpResponse.BodyHandlers.ofByteArray());
            } catch (InterruptedException interrupted) {
                throw new IOException(interrupted);
            }
            if (outcome == Outcome.LOSE) {
                exchange.close();
                return;
            }
            if (outcome == Outcome.DOUBT) {
                same("200", answer.statusCode());
                refuse(exchange, 400, DOUBT);
                return;
            }
            answer.headers().map().forEach((name, values) -> {
                if (name.startsWith("x-amzn") || name.equals("content-type")) {
                    exchange.getResponseHeaders().put(name, values);
                }
            });
            send(exchange, answer.statusCode(), answer.body());
        }

        static void send(HttpExchange exchange, int status, byte[] body) throws IOException {
            exchange.sendResponseHeaders(status, body.length);
            exchange.getResponseBody().write(body);
            exchange.close();
        }

        /** Answers as the server answers errors. */
        static Outcome refuse(HttpExchange exchange, int status, String exception) throws IOException {
            exchange.getResponseHeaders().set("x-amzn-ErrorType", exception);
            exchange.getResponseHeaders().set("Content-Type", "application/x-amz-json-1.0");
            String body = "{\"__type\":\"com.amazonaws.qldbsession#" + exception + "\",\"Message\":\"try again\"}";
            send(exchange, status, body.getBytes(StandardCharsets.UTF_8));
            return Outcome.ANSWERED;
        }

        /** Closes the connection without an answer. */
        static Outcome hangUp(HttpExchange exchange) {
            exchange.close();
            return Outcome.ANSWERED;
        }

        @Override
        public void close() {
            server.stop(0);
        }
    }

    static final String DOUBT = "CommitOutcomeUnknownException";

    static void end(String token) {
        sessionsAt(ENDPOINT).build().sendCommand(command -> command.sessionToken(token).endSession(end -> { }));
    }

    static void all() throws Exception {
        test("a dead session is replaced, and the work is done once", () -> {
            try (Proxy between = new Proxy((command, token, number, exchange) -> {
                // The session of the pool dies before its second transaction, another one within a transaction.
                if (command.equals("StartTransaction") && number == 2 || command.equals("CommitTransaction") && number == 3) {
                    end(token);
                }
                return Proxy.Outcome.PASS;
            }); QldbDriver driver = driverAt(between.url(), LEDGER, 10, 4)) {
                rows(driver, "CREATE TABLE JavaDeadSession");
                rows(driver, "INSERT INTO JavaDeadSession VALUE {'n': 1}");
                rows(driver, "INSERT INTO JavaDeadSession VALUE {'n': 2}");
                same("1 2", rows(driver, "SELECT VALUE j.n FROM JavaDeadSession AS j ORDER BY j.n"));
                same("3", between.seen.get("StartSession"));
            }
        });

        test("what passes by itself is retried", () -> {
            rows("CREATE TABLE JavaRetried");
            Object[][] faults = {
                {500, "InternalFailure", true}, {503, "ServiceUnavailable", true}, {503, "CapacityExceededException", true},
                {400, "RateExceededException", false}, {400, "LimitExceededException", false},
            };
            for (int index = 0; index < faults.length; index++) {
                Object[] fault = faults[index];
                try (Proxy between = new Proxy((command, token, number, exchange) ->
                        command.equals("ExecuteStatement") && number == 1
                            ? Proxy.refuse(exchange, (int) fault[0], (String) fault[1]) : Proxy.Outcome.PASS);
                        QldbDriver driver = driverAt(between.url(), LEDGER, 10, 4)) {
                    IonValue place = ION.newInt(index);
                    same((boolean) fault[2] ? "none" : "refused",
                        error(() -> rows(driver, "INSERT INTO JavaRetried VALUE {'n': ?}", place)).equals("none") ? "none" : "refused");
                }
            }
            same("0 1 2", rows("SELECT VALUE j.n FROM JavaRetried AS j ORDER BY j.n"));
        });

        test("a lost connection is retried; a lost answer to a commit makes two commits", () -> {
            rows("CREATE TABLE JavaLost");
            try (Proxy between = new Proxy((command, token, number, exchange) -> {
                if (command.equals("ExecuteStatement") && number == 1) {
                    return Proxy.hangUp(exchange);
                }
                return command.equals("CommitTransaction") && number == 2 ? Proxy.Outcome.LOSE : Proxy.Outcome.PASS;
            }); QldbDriver driver = driverAt(between.url(), LEDGER, 10, 4)) {
                rows(driver, "INSERT INTO JavaLost VALUE {'n': 1}");
                rows(driver, "INSERT INTO JavaLost VALUE {'n': 2}");
                same("1 2 2", rows("SELECT VALUE j.n FROM JavaLost AS j ORDER BY j.n"));
            }
        });

        test("a commit whose outcome nobody knows is raised and not tried again", () -> {
            rows("CREATE TABLE JavaDoubt");
            try (Proxy between = new Proxy((command, token, number, exchange) ->
                        command.equals("CommitTransaction") ? Proxy.Outcome.DOUBT : Proxy.Outcome.PASS);
                    QldbDriver driver = driverAt(between.url(), LEDGER, 10, 4)) {
                AtomicInteger runs = new AtomicInteger();
                String raised = "none";
                try {
                    driver.execute(transaction -> {
                        runs.incrementAndGet();
                        transaction.execute("INSERT INTO JavaDoubt VALUE {'n': 1}");
                    });
                } catch (AwsServiceException error) {
                    raised = error.awsErrorDetails().errorCode();
                }
                same(DOUBT, raised);
                same("1 1", runs.get() + " " + between.seen.get("CommitTransaction"));
                same("1", rows("SELECT VALUE j.n FROM JavaDoubt AS j"));
            }
        });
    }
}

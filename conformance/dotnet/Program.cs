// What the official drivers demand of a server, as the published .NET driver 1.4.1 sees it. The numbers are those of the suites for Java
// and Go. Ends with the line "N passed, N failed" and with exit code 1 where a test failed.

using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.IO;
using System.Linq;
using System.Text.RegularExpressions;
using System.Threading;
using System.Threading.Tasks;
using Amazon.IonDotnet.Builders;
using Amazon.IonDotnet.Tree;
using Amazon.IonDotnet.Tree.Impl;
using Amazon.QLDB;
using Amazon.QLDB.Driver;
using Amazon.QLDB.Model;
using Amazon.QLDBSession;
using Amazon.Runtime;
using Sessions = Amazon.QLDBSession.Model;

internal static class Program
{
    private static readonly string Endpoint = Environment.GetEnvironmentVariable("EVERSTRAND_ENDPOINT");
    private static readonly string Ledger = Environment.GetEnvironmentVariable("EVERSTRAND_LEDGER");
    private static readonly ValueFactory Values = new ValueFactory();
    private static readonly RetryPolicy Never = RetryPolicy.Builder().WithMaxRetries(0).Build();
    private static QldbDriver driver;
    private static int passed;
    private static int failed;

    private static int Main()
    {
        driver = Driver(Endpoint, Ledger, 10);
        Test("06 and 18 any Ion value survives, and = and IS NULL know it", AnyValue);
        Test("05 a thousand rows come over pages", Pages);
        Test("07 reads and times are told", Reads);
        Test("10 an unknown ledger is a bad request", UnknownLedger);
        Test("11 an expired transaction says so and is not run again", Expired);
        Test("12 errors have the types and codes of QLDB", Errors);
        Test("14 the loser of a conflict may only have read", Conflict);
        Test("14 of three that count at once, none is lost", Counters);
        Test("15 a transaction reads its own writes and others do not", OwnWrites);
        Test("16 statements that change something answer with ids", Ids);
        Test("17 ways of writing statements that drivers and their users have", Writings);
        Test("19 the catalog names tables and indexes", Catalog);
        Test("20 the control API", Control);
        Test("22 a transaction more than the pool has is refused", Pool);
        driver.Dispose();
        Console.WriteLine($"{passed} passed, {failed} failed");
        return failed == 0 ? 0 : 1;
    }

    private static void Test(string name, Action test)
    {
        try
        {
            test();
            passed++;
        }
        catch (Exception error)
        {
            failed++;
            Console.WriteLine($"FAILED {name}: {error}");
        }
    }

    private static QldbDriver Driver(string endpoint, string ledger, int transactions)
    {
        return QldbDriver.Builder()
            .WithLedger(ledger)
            .WithMaxConcurrentTransactions(transactions)
            .WithAWSCredentials(new BasicAWSCredentials("local", "local"))
            .WithQLDBSessionConfig(new AmazonQLDBSessionConfig { ServiceURL = endpoint, AuthenticationRegion = "us-east-1" })
            .Build();
    }

    private static string Text(IIonValue value)
    {
        using (var text = new StringWriter())
        {
            var writer = IonTextWriterBuilder.Build(text);
            value.WriteTo(writer);
            writer.Finish();
            return text.ToString().Trim();
        }
    }

    private static string Read(TransactionExecutor transaction, string statement, params IIonValue[] parameters)
    {
        return string.Join(" ", transaction.Execute(statement, parameters.ToList()).Select(Text));
    }

    private static string Rows(string statement, params IIonValue[] parameters)
    {
        return driver.Execute(transaction => Read(transaction, statement, parameters));
    }

    private static void Check(bool holds, object seen)
    {
        if (!holds)
        {
            throw new InvalidOperationException($"{seen}");
        }
    }

    private static void Same(string wanted, object seen)
    {
        Check(wanted == $"{seen}", $"wanted {wanted}, seen {seen}");
    }

    private static void Matches(string form, string seen)
    {
        Check(Regex.IsMatch(seen, "^(" + form + ")$"), $"wanted {form}, seen {seen}");
    }

    private static E Thrown<E>(Action work)
        where E : Exception
    {
        try
        {
            work();
        }
        catch (E error)
        {
            return error;
        }

        throw new InvalidOperationException("nothing was thrown");
    }

    private static IIonValue One(string text)
    {
        return IonLoader.Default.Load(text).GetElementAt(0);
    }

    private static void AnyValue()
    {
        var values = IonLoader.Default.Load(File.ReadAllText("../vectors/values.ion"));
        Check(values.Count >= 50, values.Count);
        Rows("CREATE TABLE DotnetValue");
        for (var number = 0; number < values.Count; number++)
        {
            var value = values.GetElementAt(number);
            var place = Values.NewInt(number);
            Rows("INSERT INTO DotnetValue VALUE {'n': ?, 'v': ?}", place, value);
            var back = driver.Execute(transaction => transaction.Execute("SELECT VALUE d.v FROM DotnetValue AS d WHERE d.n = ?", place).Single());
            Check(back.IsEquivalentTo(value), $"{Text(value)} came back as {Text(back)}");
            var found = "SELECT VALUE d.n FROM DotnetValue AS d WHERE d.n = ? AND ";
            Same($"{number}", value.IsNull ? Rows(found + "d.v IS NULL", place) : Rows(found + "d.v = ?", place, value));
        }
    }

    private static void Pages()
    {
        Rows("CREATE TABLE DotnetPage");
        for (var start = 0; start < 1000; start += 40)
        {
            Rows("INSERT INTO DotnetPage << " + string.Join(", ", Enumerable.Range(start, 40).Select(n => "{'n': " + n + "}")) + " >>");
        }

        Same("1000", Rows("SELECT VALUE d.n FROM DotnetPage AS d").Split(' ').Length);
    }

    private static void Reads()
    {
        Rows("CREATE TABLE DotnetReads");
        Rows("INSERT INTO DotnetReads << {'n': 1}, {'n': 2} >>");
        var result = driver.Execute(transaction => transaction.Execute("SELECT * FROM DotnetReads"));
        Same("2", result.GetConsumedIOs().Value.ReadIOs);
        Check(result.GetTimingInformation().Value.ProcessingTimeMilliseconds >= 1, "no time");
    }

    private static void UnknownLedger()
    {
        using (var lost = Driver(Endpoint, "no-such-ledger", 1))
        {
            Thrown<Sessions.BadRequestException>(() => lost.Execute(transaction => transaction.Execute("SELECT 1"), Never));
        }
    }

    private static void Expired()
    {
        var start = new ProcessStartInfo(
            Environment.GetEnvironmentVariable("EVERSTRAND_BINARY"),
            "serve --in-memory --listen 127.0.0.1:0 --create-ledger short --limit transaction-millis=300")
        {
            RedirectStandardOutput = true, UseShellExecute = false,
        };
        using (var server = Process.Start(start))
        {
            try
            {
                var endpoint = server.StandardOutput.ReadLine().Replace("everstrand listening on ", string.Empty);
                using (var brief = Driver(endpoint, "short", 10))
                {
                    brief.Execute(transaction => { transaction.Execute("CREATE TABLE t"); });
                    var runs = 0;
                    var expired = Thrown<Sessions.InvalidSessionException>(() => brief.Execute(transaction =>
                    {
                        runs++;
                        Thread.Sleep(600);
                        transaction.Execute("INSERT INTO t VALUE {'n': 1}");
                    }));
                    Matches("Transaction .* has expired", expired.Message);
                    Same("1", runs);
                }
            }
            finally
            {
                server.Kill();
            }
        }
    }

    private static void Errors()
    {
        Rows("CREATE TABLE DotnetError");
        var exists = Thrown<AmazonServiceException>(() => Rows("CREATE TABLE DotnetError"));
        Check(exists.Message.Contains("Table with name: USER.DotnetError already exists"), exists);
        Same("BadRequest", exists.StatusCode);
        var missing = Thrown<AmazonServiceException>(() => Rows("SELECT * FROM DotnetNowhere"));
        Check(missing.Message.Contains("No such variable named 'DotnetNowhere'"), missing);
    }

    private static void Conflict()
    {
        Rows("CREATE TABLE DotnetConflict");
        Rows("INSERT INTO DotnetConflict VALUE {'n': 1}");
        Thrown<Sessions.OccConflictException>(() => driver.Execute(
            transaction =>
            {
                Read(transaction, "SELECT * FROM DotnetConflict");
                Rows("UPDATE DotnetConflict AS d SET d.n = 5");
            },
            Never));
    }

    private static void Counters()
    {
        Rows("CREATE TABLE DotnetCounter");
        Rows("INSERT INTO DotnetCounter VALUE {'n': 0}");
        var patient = RetryPolicy.Builder().WithMaxRetries(50).Build();
        Task.WaitAll(Enumerable.Range(0, 3).Select(_ => Task.Run(() => driver.Execute(
            transaction =>
            {
                var n = One(Read(transaction, "SELECT VALUE d.n FROM DotnetCounter AS d"));
                transaction.Execute("UPDATE DotnetCounter AS d SET d.n = ? + 1", n);
            },
            patient))).ToArray());
        Same("3", Rows("SELECT VALUE d.n FROM DotnetCounter AS d"));
    }

    private static void OwnWrites()
    {
        Rows("CREATE TABLE DotnetOwn");
        driver.Execute(transaction =>
        {
            transaction.Execute("INSERT INTO DotnetOwn VALUE {'n': 1}");
            transaction.Execute("UPDATE DotnetOwn AS d SET d.n = 2");
            Same("2", Read(transaction, "SELECT VALUE d.n FROM DotnetOwn AS d"));
            Same(string.Empty, Rows("SELECT VALUE d.n FROM DotnetOwn AS d"));
        });
    }

    private static void Ids()
    {
        var document = "\\{documentId:\\s*\"[A-Za-z0-9]{22}\"\\}";
        Matches("\\{tableId:\\s*\"[A-Za-z0-9]{22}\"\\}", Rows("CREATE TABLE DotnetId"));
        Matches(document + " " + document, Rows("INSERT INTO DotnetId << {'n': 1}, {'n': 2} >>"));
        Matches(document, Rows("DELETE FROM DotnetId AS d WHERE d.n = 1"));
    }

    private static void Writings()
    {
        Rows("Create TABLE DotnetOdd");
        Rows("CREATE INDEX on DotnetOdd (Name)");
        Rows("INSERT INTO DotnetOdd ?", One("{Name: \"a\"}"));
        Rows("INSERT INTO \"DotnetOdd\" <<?,?>>", One("{Name: \"b\"}"), One("{Name: \"c\"}"));
        Rows("UPDATE DotnetOdd as p SET p = ? WHERE p.Name = ?", One("{Name: \"f\"}"), One("\"a\""));
        Rows("FROM DotnetOdd BY id WHERE Name = 'b' SET Kind = 'z'");
        Same("\"z\"", Rows("select  value  p.Kind  from DotnetOdd as p where p.Name in (?, ?) ", One("\"b\""), One("\"f\"")));
    }

    private static void Catalog()
    {
        Rows("CREATE TABLE DotnetCatalog");
        Rows("CREATE INDEX ON DotnetCatalog (Field)");
        Check(driver.ListTableNames().Contains("DotnetCatalog"), "not listed");
        Same("\"[Field]\"", Rows("SELECT VALUE i.expr FROM information_schema.user_tables AS t, t.indexes AS i WHERE t.name = 'DotnetCatalog'"));
    }

    private static void Control()
    {
        var config = new AmazonQLDBConfig { ServiceURL = Endpoint, AuthenticationRegion = "us-east-1" };
        using (var control = new AmazonQLDBClient(new BasicAWSCredentials("local", "local"), config))
        {
            const string name = "dotnet-control";
            var request = new CreateLedgerRequest { Name = name, PermissionsMode = PermissionsMode.ALLOW_ALL };
            control.CreateLedgerAsync(request).GetAwaiter().GetResult();
            var described = control.DescribeLedgerAsync(new DescribeLedgerRequest { Name = name }).GetAwaiter().GetResult();
            Same("ACTIVE", described.State);
            Thrown<ResourceAlreadyExistsException>(() => control.CreateLedgerAsync(request).GetAwaiter().GetResult());
            var update = new UpdateLedgerRequest { Name = name, DeletionProtection = false };
            control.UpdateLedgerAsync(update).GetAwaiter().GetResult();
            control.DeleteLedgerAsync(new DeleteLedgerRequest { Name = name }).GetAwaiter().GetResult();
            Thrown<ResourceNotFoundException>(
                () => control.DescribeLedgerAsync(new DescribeLedgerRequest { Name = name }).GetAwaiter().GetResult());
        }
    }

    private static void Pool()
    {
        using (var narrow = Driver(Endpoint, Ledger, 1))
        {
            narrow.Execute(transaction =>
            {
                Thrown<QldbDriverException>(() => narrow.ListTableNames().ToList());
            });
        }
    }
}

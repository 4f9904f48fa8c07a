package conformance

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/qldb"
	qldbtypes "github.com/aws/aws-sdk-go-v2/service/qldb/types"
	"github.com/aws/aws-sdk-go-v2/service/qldbsession"
	"github.com/aws/aws-sdk-go-v2/service/qldbsession/types"
	"github.com/aws/smithy-go"
	"github.com/awslabs/amazon-qldb-driver-go/v3/qldbdriver"
)

// What the official drivers demand of a server, as the Go driver and its SDK see it. The numbers are those of the Java suite.

func TestDemand01CommandsOverOneConnectionDoNotWaitForEachOther(t *testing.T) {
	session := newSession(t, client(t, endpoint))
	// An answer in two segments costs 40 ms each time. Other work of the machine only adds to a time, so the least counts.
	least := time.Hour
	for count := 0; count < 30; count++ {
		begin := time.Now()
		session.start(t)
		session.must(t, qldbsession.SendCommandInput{AbortTransaction: &types.AbortTransactionRequest{}})
		if time.Since(begin) < least {
			least = time.Since(begin)
		}
	}
	if least > 60*time.Millisecond {
		t.Fatal("two commands take ", least)
	}
	transaction := session.start(t)
	for _, parameters := range [][]types.ValueHolder{nil, {}} {
		session.execute(t, transaction, "SELECT * FROM information_schema.user_tables", parameters...)
	}
}

func TestDemand02EveryAnswerHasARequestId(t *testing.T) {
	session := newSession(t, client(t, endpoint))
	output := session.must(t, qldbsession.SendCommandInput{StartTransaction: &types.StartTransactionRequest{}})
	if id, has := middleware.GetRequestIDMetadata(output.ResultMetadata); !has || id == "" {
		t.Fatal("no request id")
	}
	statement := "nonsense"
	_, err := session.send(qldbsession.SendCommandInput{ExecuteStatement: &types.ExecuteStatementRequest{
		TransactionId: output.StartTransaction.TransactionId, Statement: &statement}})
	var refused *awshttp.ResponseError
	if !errors.As(err, &refused) || refused.ServiceRequestID() == "" {
		t.Fatal("an error without a request id: ", err)
	}
}

func TestDemand03TokensAndIdsHaveTheFormsOfTheModel(t *testing.T) {
	session := newSession(t, client(t, endpoint))
	if length := len(*session.token); length < 4 || length > 1024 {
		t.Fatal("a token of ", length, " characters")
	}
	for form, text := range map[string]string{
		`^[A-Za-z0-9+/=]+$`:  *session.token,
		`^[A-Za-z0-9-]{22}$`: *session.start(t),
	} {
		if !regexp.MustCompile(form).MatchString(text) {
			t.Fatal(text, " is not ", form)
		}
	}
}

func TestDemand04And05PagesAndTheirTokens(t *testing.T) {
	driver := open(t)
	rows(t, driver, "CREATE TABLE GoPage")
	session := newSession(t, client(t, endpoint))
	empty := session.execute(t, session.start(t), "SELECT * FROM GoPage")
	if empty.FirstPage == nil || empty.FirstPage.Values == nil || len(empty.FirstPage.Values) != 0 || empty.FirstPage.NextPageToken != nil {
		t.Fatalf("%+v", empty.FirstPage)
	}
	session.must(t, qldbsession.SendCommandInput{AbortTransaction: &types.AbortTransactionRequest{}})
	for start := 0; start < 440; start += 40 {
		structs := []string{}
		for n := start; n < start+40; n++ {
			structs = append(structs, fmt.Sprintf("{'n': %d}", n))
		}
		rows(t, driver, "INSERT INTO GoPage << "+strings.Join(structs, ", ")+" >>")
	}
	transaction := session.start(t)
	page, sizes := session.execute(t, transaction, "SELECT * FROM GoPage").FirstPage, []int{}
	for {
		sizes = append(sizes, len(page.Values))
		if page.NextPageToken == nil {
			break
		}
		page = session.must(t, qldbsession.SendCommandInput{FetchPage: &types.FetchPageRequest{
			TransactionId: transaction, NextPageToken: page.NextPageToken}}).FetchPage.Page
	}
	same(t, "[200 200 40]", sizes)
	same(t, "440", len(strings.Fields(rows(t, driver, "SELECT VALUE g.n FROM GoPage AS g"))))
}

func TestDemand06EachValueIsOneIonValueWithItsVersionMarker(t *testing.T) {
	session := newSession(t, client(t, endpoint))
	found := session.execute(t, session.start(t), "SELECT VALUE x FROM << 1, 'two', [3], {'four': 4} >> AS x")
	same(t, "4", len(found.FirstPage.Values))
	for _, holder := range found.FirstPage.Values {
		if string(holder.IonBinary[:4]) != "\xe0\x01\x00\xea" {
			t.Fatalf("%x", holder.IonBinary)
		}
		// Fails if there are two values.
		_, err := textOf(holder.IonBinary)
		ok(t, err)
	}
}

func TestDemand07ReadsWritesAndTimesAreTold(t *testing.T) {
	driver := open(t)
	rows(t, driver, "CREATE TABLE GoReads")
	rows(t, driver, "INSERT INTO GoReads << {'n': 1}, {'n': 2} >>")
	session := newSession(t, client(t, endpoint))
	found := session.execute(t, session.start(t), "SELECT * FROM GoReads")
	if found.ConsumedIOs == nil || found.ConsumedIOs.ReadIOs != 2 || found.ConsumedIOs.WriteIOs != 0 {
		t.Fatalf("%+v", found.ConsumedIOs)
	}
	if found.TimingInformation == nil || found.TimingInformation.ProcessingTimeMilliseconds < 1 {
		t.Fatalf("%+v", found.TimingInformation)
	}
}

func TestDemand08TheCommitDigestIsComparedAndComesBack(t *testing.T) {
	session := newSession(t, client(t, endpoint))
	transaction := session.start(t)
	request := &types.CommitTransactionRequest{TransactionId: transaction, CommitDigest: digest(*transaction)}
	committed := session.must(t, qldbsession.SendCommandInput{CommitTransaction: request}).CommitTransaction
	same(t, *transaction, *committed.TransactionId)
	same(t, string(request.CommitDigest), string(committed.CommitDigest))
	transaction = session.start(t)
	request = &types.CommitTransactionRequest{TransactionId: transaction, CommitDigest: digest("another transaction")}
	_, err := session.send(qldbsession.SendCommandInput{CommitTransaction: request})
	// An error with a number has no type of its own in this SDK: it has the number as its code.
	var refused smithy.APIError
	if !errors.As(err, &refused) || refused.ErrorCode() != "412" || !strings.Contains(refused.ErrorMessage(), "Digests don't match") {
		t.Fatal(err)
	}
}

func TestDemand09AnAbortSucceedsWithNothingToAbort(t *testing.T) {
	session := newSession(t, client(t, endpoint))
	for count := 0; count < 2; count++ {
		output := session.must(t, qldbsession.SendCommandInput{AbortTransaction: &types.AbortTransactionRequest{}})
		if output.AbortTransaction == nil {
			t.Fatal("the answer has no member AbortTransaction")
		}
	}
}

func TestDemand10AnUnknownLedgerIsABadRequest(t *testing.T) {
	_, err := openAt(t, endpoint, "no-such-ledger", neverAgain).GetTableNames(ctx)
	var refused *types.BadRequestException
	if !errors.As(err, &refused) {
		t.Fatal(err)
	}
}

func TestDemand11AnExpiredTransactionSaysSoAndIsNotRunAgain(t *testing.T) {
	url := server(t, "--create-ledger", "short", "--limit", "transaction-millis=300")
	driver := openAt(t, url, "short")
	rows(t, driver, "CREATE TABLE t")
	runs, id := 0, ""
	_, err := driver.Execute(ctx, func(transaction qldbdriver.Transaction) (interface{}, error) {
		runs, id = runs+1, transaction.ID()
		time.Sleep(600 * time.Millisecond)
		return transaction.Execute("INSERT INTO t VALUE {'n': 1}")
	})
	var expired *types.InvalidSessionException
	if !errors.As(err, &expired) || expired.ErrorMessage() != "Transaction "+id+" has expired" || runs != 1 {
		t.Fatal(runs, err)
	}
	same(t, "", rows(t, driver, "SELECT * FROM t"))
}

func TestDemand12ErrorsHaveTheTypesAndCodesOfQLDB(t *testing.T) {
	driver := open(t)
	rows(t, driver, "CREATE TABLE GoError")
	for _, refusal := range []struct{ statement, code, message string }{
		{"CREATE TABLE GoError", "412", "Table with name: USER.GoError already exists"},
		{"SELECT * FROM GoNowhere", "432", "No such variable named 'GoNowhere'"},
	} {
		_, err := try(driver, refusal.statement)
		var refused smithy.APIError
		if !errors.As(err, &refused) || refused.ErrorCode() != refusal.code || !strings.Contains(refused.ErrorMessage(), refusal.message) {
			t.Fatal(err)
		}
	}
	// A refused statement leaves the transaction as it was.
	_, err := driver.Execute(ctx, func(transaction qldbdriver.Transaction) (interface{}, error) {
		if _, err := transaction.Execute("SELECT * FROM GoNowhere"); err == nil {
			return nil, errors.New("it was not refused")
		}
		return transaction.Execute("INSERT INTO GoError VALUE {'n': 1}")
	})
	ok(t, err)
	same(t, "1", rows(t, driver, "SELECT VALUE g.n FROM GoError AS g"))
}

func TestDemand13ErrorsOfTheModelHaveStatus400(t *testing.T) {
	driver := open(t, neverAgain)
	_, err := try(driver, "nonsense")
	var refused *awshttp.ResponseError
	if !errors.As(err, &refused) || refused.HTTPStatusCode() != http.StatusBadRequest {
		t.Fatal(err)
	}
}

func TestDemand14TheLoserOfAConflictMayOnlyHaveRead(t *testing.T) {
	driver, narrow := open(t), open(t, neverAgain)
	rows(t, driver, "CREATE TABLE GoConflict")
	rows(t, driver, "INSERT INTO GoConflict VALUE {'n': 1}")
	_, err := narrow.Execute(ctx, func(transaction qldbdriver.Transaction) (interface{}, error) {
		if _, err := read(transaction, "SELECT * FROM GoConflict"); err != nil {
			return nil, err
		}
		rows(t, driver, "UPDATE GoConflict AS g SET g.n = 5")
		return nil, nil
	})
	var conflict *types.OccConflictException
	if !errors.As(err, &conflict) {
		t.Fatal(err)
	}
}

func TestDemand14OfThreeThatCountAtOnceNoneIsLost(t *testing.T) {
	driver := open(t, func(options *qldbdriver.DriverOptions) { options.RetryPolicy.MaxRetryLimit = 100 })
	rows(t, driver, "CREATE TABLE GoCounter")
	rows(t, driver, "INSERT INTO GoCounter VALUE {'n': 0}")
	var together, all sync.WaitGroup
	var lock sync.Mutex
	runs := 0
	together.Add(3)
	for worker := 0; worker < 3; worker++ {
		all.Add(1)
		go func() {
			defer all.Done()
			first := true
			_, err := driver.Execute(ctx, func(transaction qldbdriver.Transaction) (interface{}, error) {
				lock.Lock()
				runs++
				lock.Unlock()
				n, err := read(transaction, "SELECT VALUE g.n FROM GoCounter AS g")
				if first {
					first = false
					together.Done()
					together.Wait()
				}
				if err != nil {
					return nil, err
				}
				return transaction.Execute("UPDATE GoCounter AS g SET g.n = ? + 1", value(n))
			})
			if err != nil {
				t.Error(err)
			}
		}()
	}
	all.Wait()
	same(t, "3", rows(t, driver, "SELECT VALUE g.n FROM GoCounter AS g"))
	if runs < 5 {
		t.Fatal("three transactions that read the same were run ", runs, " times: two of them must lose")
	}
}

func TestDemand15ATransactionReadsItsOwnWritesAndOthersDoNot(t *testing.T) {
	driver := open(t)
	rows(t, driver, "CREATE TABLE GoOwn")
	_, err := driver.Execute(ctx, func(transaction qldbdriver.Transaction) (interface{}, error) {
		for _, statement := range []string{"INSERT INTO GoOwn VALUE {'n': 1}", "UPDATE GoOwn AS g SET g.n = 2"} {
			if _, err := transaction.Execute(statement); err != nil {
				return nil, err
			}
		}
		within, err := read(transaction, "SELECT VALUE g.n FROM GoOwn AS g")
		same(t, "2", within)
		same(t, "", rows(t, driver, "SELECT VALUE g.n FROM GoOwn AS g"))
		return nil, err
	})
	ok(t, err)
}

func TestDemand16StatementsThatChangeSomethingAnswerWithIds(t *testing.T) {
	driver := open(t)
	matches := func(form, statement string, parameters ...interface{}) {
		t.Helper()
		seen := rows(t, driver, statement, parameters...)
		if !regexp.MustCompile("^(" + form + ")$").MatchString(seen) {
			t.Fatal(statement, " answered ", seen)
		}
	}
	id := `"[A-Za-z0-9]{22}"`
	matches(`\{tableId:`+id+`\}`, "CREATE TABLE GoId")
	matches(`\{documentId:`+id+`\} \{documentId:`+id+`\}`, "INSERT INTO GoId << {'n': 1}, {'n': 2} >>")
	matches(`\{documentId:`+id+`\}`, "UPDATE GoId AS g SET g.n = 3 WHERE g.n = 2")
	matches(`\{documentId:`+id+`\} \{documentId:`+id+`\}`, "DELETE FROM GoId")
	matches(`\{tableId:`+id+`\}`, "DROP TABLE GoId")
}

func TestDemand17WaysOfWritingStatementsThatDriversAndTheirUsersHave(t *testing.T) {
	driver := open(t)
	for _, step := range []struct {
		statement  string
		parameters []interface{}
		wanted     string
	}{
		{"Create TABLE GoOdd", nil, "*"},
		{"CREATE INDEX on GoOdd (Name)", nil, "*"},
		{"create  index ON\n GoOdd  (Kind)", nil, "*"},
		{"SELECT VALUE name FROM information_schema.user_tables WHERE status = 'ACTIVE'AND name = 'GoOdd'", nil, `"GoOdd"`},
		{"INSERT INTO GoOdd ?", []interface{}{value("{Name: \"a\"}")}, "*"},
		{"INSERT INTO GoOdd VALUE ?;", []interface{}{value("{Name: \"b\"}")}, "*"},
		{"INSERT INTO \"GoOdd\" <<?,?>>", []interface{}{value("{Name: \"c\"}"), value("{Name: \"d\"}")}, "*"},
		{"insert into GoOdd << {'Name': 'e', 'Kind': 'x'} >>", nil, "*"},
		{"UPDATE GoOdd as p SET p = ? WHERE p.Name = ?", []interface{}{value("{Name: \"f\"}"), "a"}, "*"},
		{"UPDATE GoOdd BY id SET Kind = 'y' WHERE Name = 'f'", nil, "*"},
		{"FROM GoOdd BY id WHERE Name = 'e' SET Kind = 'z'", nil, "*"},
		{"UPDATE GoOdd AS p SET p.List = ?", []interface{}{value("[1]")}, "*"},
		{"FROM GoOdd AS p WHERE p.Name = 'e' INSERT INTO p.List VALUE ?", []interface{}{2}, "*"},
		{"select  value  p.Kind  from GoOdd as p where p.Name in (?, ?) order by p.Kind", []interface{}{"e", "f"}, `"y" "z"`},
		{"SELECT VALUE p.List FROM GoOdd AS p WHERE p.Name = 'e'", nil, "[1,2]"},
	} {
		seen := rows(t, driver, step.statement, step.parameters...)
		if step.wanted != "*" && strings.ReplaceAll(seen, " ", "") != strings.ReplaceAll(step.wanted, " ", "") {
			t.Fatal(step.statement, " answered ", seen)
		}
	}
}

// Demand 18, `=` on any value and IS NULL on any null, is TestAnyIonValueSurvivesAndIsFound.

func TestDemand19TheCatalogNamesTablesAndIndexes(t *testing.T) {
	driver := open(t)
	rows(t, driver, "CREATE TABLE GoCatalog")
	rows(t, driver, "CREATE INDEX ON GoCatalog (Field)")
	catalog := "SELECT t.name, t.status, i.expr, i.status AS built FROM information_schema.user_tables AS t, t.indexes AS i WHERE t.name = 'GoCatalog'"
	same(t, `{name:"GoCatalog",status:"ACTIVE",expr:"[Field]",built:"ONLINE"}`, rows(t, driver, catalog))
	ids := rows(t, driver, "SELECT t.tableId, i.indexId FROM information_schema.user_tables AS t, t.indexes AS i WHERE t.name = 'GoCatalog'")
	if !regexp.MustCompile(`^\{tableId:"[A-Za-z0-9]{22}",indexId:"[A-Za-z0-9]{22}"\}$`).MatchString(ids) {
		t.Fatal(ids)
	}
	names, err := driver.GetTableNames(ctx)
	if err != nil || !strings.Contains(strings.Join(names, " "), "GoCatalog") {
		t.Fatal(names, err)
	}
	rows(t, driver, "DROP TABLE GoCatalog")
	same(t, `"INACTIVE"`, rows(t, driver, "SELECT VALUE t.status FROM information_schema.user_tables AS t WHERE t.name = 'GoCatalog'"))
}

func TestDemand20TheControlApi(t *testing.T) {
	control := qldb.NewFromConfig(settings(t, "us-east-1", "local"), func(options *qldb.Options) {
		options.EndpointResolver = qldb.EndpointResolverFromURL(endpoint)
	})
	name := aws.String("go-control")
	for _, mode := range []qldbtypes.PermissionsMode{qldbtypes.PermissionsModeAllowAll, qldbtypes.PermissionsModeStandard} {
		_, err := control.CreateLedger(ctx, &qldb.CreateLedgerInput{Name: name, PermissionsMode: mode})
		ok(t, err)
		described, err := control.DescribeLedger(ctx, &qldb.DescribeLedgerInput{Name: name})
		ok(t, err)
		same(t, "ACTIVE true "+string(mode), fmt.Sprint(described.State, " ", *described.DeletionProtection, " ", described.PermissionsMode))
		_, err = control.CreateLedger(ctx, &qldb.CreateLedgerInput{Name: name, PermissionsMode: mode})
		var exists *qldbtypes.ResourceAlreadyExistsException
		if !errors.As(err, &exists) {
			t.Fatal(err)
		}
		_, err = control.DeleteLedger(ctx, &qldb.DeleteLedgerInput{Name: name})
		var protected *qldbtypes.ResourcePreconditionNotMetException
		if !errors.As(err, &protected) {
			t.Fatal(err)
		}
		updated, err := control.UpdateLedger(ctx, &qldb.UpdateLedgerInput{Name: name, DeletionProtection: aws.Bool(false)})
		ok(t, err)
		same(t, "false", *updated.DeletionProtection)
		_, err = control.DeleteLedger(ctx, &qldb.DeleteLedgerInput{Name: name})
		ok(t, err)
		_, err = control.DescribeLedger(ctx, &qldb.DescribeLedgerInput{Name: name})
		var missing *qldbtypes.ResourceNotFoundException
		var answer *awshttp.ResponseError
		if !errors.As(err, &missing) || !errors.As(err, &answer) || answer.HTTPStatusCode() != http.StatusNotFound {
			t.Fatal(err)
		}
	}
}

// yesterday signs as a machine does whose clock is a day slow.
type yesterday struct{ *v4.Signer }

func (signer yesterday) SignHTTP(context context.Context, credentials aws.Credentials, request *http.Request, hash, service, region string, at time.Time,
	options ...func(*v4.SignerOptions)) error {
	return signer.Signer.SignHTTP(context, credentials, request, hash, service, region, at.Add(-24*time.Hour), options...)
}

func TestDemand21AnyRegionAnyKeyAndAnyClock(t *testing.T) {
	elsewhere := qldbsession.NewFromConfig(settings(t, "ap-southeast-2", "anybody"), func(options *qldbsession.Options) {
		options.EndpointResolver = qldbsession.EndpointResolverFromURL(endpoint)
		options.HTTPSignerV4 = yesterday{v4.NewSigner()}
	})
	newSession(t, elsewhere).start(t)
}

func TestDemand22ATransactionMoreThanThePoolHasIsRefused(t *testing.T) {
	driver := open(t, func(options *qldbdriver.DriverOptions) { options.MaxConcurrentTransactions = 2 })
	inside, leave := make(chan bool, 2), make(chan bool)
	var all sync.WaitGroup
	for worker := 0; worker < 2; worker++ {
		all.Add(1)
		go func() {
			defer all.Done()
			_, err := driver.Execute(ctx, func(qldbdriver.Transaction) (interface{}, error) {
				inside <- true
				<-leave
				return nil, nil
			})
			if err != nil {
				t.Error(err)
			}
		}()
	}
	<-inside
	<-inside
	_, err := driver.GetTableNames(ctx)
	close(leave)
	all.Wait()
	if err == nil || !strings.Contains(err.Error(), "MaxConcurrentTransactions") {
		t.Fatal(err)
	}
	_, err = driver.GetTableNames(ctx)
	ok(t, err)
}

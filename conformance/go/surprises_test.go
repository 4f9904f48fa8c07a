package conformance

import (
	"errors"
	"fmt"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/amzn/ion-go/ion"
	"github.com/aws/aws-sdk-go-v2/service/qldbsession"
	"github.com/aws/aws-sdk-go-v2/service/qldbsession/types"
	"github.com/awslabs/amazon-qldb-driver-go/v3/qldbdriver"
)

// What surprises people in the driver: docs/clients/go.md has the table.

func TestABigIntAndASymbolAreStoredAsStructs(t *testing.T) {
	driver := open(t)
	rows(t, driver, "CREATE TABLE GoNumber")
	rows(t, driver, "INSERT INTO GoNumber VALUE {'kind': 'big', 'x': ?}", big.NewInt(5))
	rows(t, driver, "INSERT INTO GoNumber VALUE {'kind': 'symbol', 'x': ?}", ion.NewSymbolTokenFromString("debit"))
	rows(t, driver, "INSERT INTO GoNumber VALUE {'kind': 'int', 'x': ?}", 5)
	seen := rows(t, driver, "SELECT VALUE n.kind FROM GoNumber AS n WHERE n.x IS STRUCT ORDER BY n.kind")
	if seen != `"big" "symbol"` {
		t.Fatal("the structs are: ", seen)
	}
}

func TestATimeOfWholeSecondsHasNineDigits(t *testing.T) {
	driver := open(t)
	rows(t, driver, "CREATE TABLE GoTime")
	rows(t, driver, "INSERT INTO GoTime VALUE {'at': ?}", time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC))
	if seen := rows(t, driver, "SELECT VALUE g.at FROM GoTime AS g"); seen != "2020-01-01T00:00:00.000000000Z" {
		t.Fatal(seen)
	}
}

func TestAnAbortWhoseErrorIsIgnoredCommits(t *testing.T) {
	driver := open(t)
	rows(t, driver, "CREATE TABLE GoAbort")
	_, err := driver.Execute(ctx, func(transaction qldbdriver.Transaction) (interface{}, error) {
		if _, err := transaction.Execute("INSERT INTO GoAbort VALUE {'x': 1}"); err != nil {
			return nil, err
		}
		_ = transaction.Abort()
		return nil, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if seen := rows(t, driver, "SELECT VALUE g.x FROM GoAbort AS g"); seen != "1" {
		t.Fatal(seen)
	}
	_, err = driver.Execute(ctx, func(transaction qldbdriver.Transaction) (interface{}, error) {
		if _, err := transaction.Execute("INSERT INTO GoAbort VALUE {'x': 2}"); err != nil {
			return nil, err
		}
		return nil, transaction.Abort()
	})
	if err == nil {
		t.Fatal("an abort that is returned is an error")
	}
	if seen := rows(t, driver, "SELECT VALUE g.x FROM GoAbort AS g"); seen != "1" {
		t.Fatal(seen)
	}
}

func TestATransactionMoreThanThePoolHasIsRefusedAtOnce(t *testing.T) {
	driver := open(t, func(options *qldbdriver.DriverOptions) { options.MaxConcurrentTransactions = 1 })
	refused := errors.New("none")
	_, err := driver.Execute(ctx, func(transaction qldbdriver.Transaction) (interface{}, error) {
		_, refused = driver.Execute(ctx, func(qldbdriver.Transaction) (interface{}, error) { return nil, nil })
		return nil, nil
	})
	if err != nil || refused == nil || !strings.Contains(refused.Error(), "MaxConcurrentTransactions") {
		t.Fatal(err, refused)
	}
}

// Without the pause that the server makes for this SDK, some of so many pages are lost.
func TestLongPagesArriveWhole(t *testing.T) {
	driver := open(t)
	rows(t, driver, "CREATE TABLE GoLong")
	structs := make([]string, 40)
	for n := range structs {
		structs[n] = fmt.Sprintf("{'n': %d, 'text': '%s'}", n, strings.Repeat("x", 200))
	}
	rows(t, driver, "INSERT INTO GoLong << "+strings.Join(structs, ", ")+" >>")
	// Several at once, so that they disturb each other.
	for n := 0; n < 4; n++ {
		t.Run("at once", func(t *testing.T) {
			t.Parallel()
			session := newSession(t, client(t, endpoint))
			for round := 0; round < 300; round++ {
				page := session.execute(t, session.start(t), "SELECT * FROM GoLong").FirstPage
				same(t, "40", len(page.Values))
				session.must(t, qldbsession.SendCommandInput{AbortTransaction: &types.AbortTransactionRequest{}})
			}
		})
	}
}

func TestAPanicKeepsItsPermit(t *testing.T) {
	driver := open(t, func(options *qldbdriver.DriverOptions) { options.MaxConcurrentTransactions = 1 })
	nothing := func(qldbdriver.Transaction) (interface{}, error) { return nil, nil }
	if _, err := driver.Execute(ctx, nothing); err != nil {
		t.Fatal(err)
	}
	func() {
		defer func() {
			if recover() == nil {
				t.Fatal("the panic goes on to the caller")
			}
		}()
		_, _ = driver.Execute(ctx, func(qldbdriver.Transaction) (interface{}, error) { panic("lost") })
	}()
	if _, err := driver.Execute(ctx, nothing); err == nil || !strings.Contains(err.Error(), "MaxConcurrentTransactions") {
		t.Fatal(err)
	}
}

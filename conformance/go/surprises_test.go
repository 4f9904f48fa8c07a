package conformance

import (
	"errors"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/amzn/ion-go/ion"
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

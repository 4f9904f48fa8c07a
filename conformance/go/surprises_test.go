// Package conformance drives the server with the published Go driver 3.0.1: what surprises people in it. docs/clients/go.md has the table.
package conformance

import (
	"context"
	"errors"
	"fmt"
	"math/big"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/amzn/ion-go/ion"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/qldbsession"
	"github.com/awslabs/amazon-qldb-driver-go/v3/qldbdriver"
)

var ctx = context.Background()

func open(t *testing.T, options ...func(*qldbdriver.DriverOptions)) *qldbdriver.QLDBDriver {
	settings, err := config.LoadDefaultConfig(ctx, config.WithRegion("us-east-1"),
		config.WithCredentialsProvider(credentials.NewStaticCredentialsProvider("local", "local", "")))
	if err != nil {
		t.Fatal(err)
	}
	client := qldbsession.NewFromConfig(settings, func(options *qldbsession.Options) {
		options.EndpointResolver = qldbsession.EndpointResolverFromURL(os.Getenv("EVERSTRAND_ENDPOINT"))
	})
	driver, err := qldbdriver.New(os.Getenv("EVERSTRAND_LEDGER"), client, options...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { driver.Shutdown(ctx) })
	return driver
}

// rows runs one statement in a transaction of its own and returns its rows as Ion text.
func rows(t *testing.T, driver *qldbdriver.QLDBDriver, statement string, parameters ...interface{}) string {
	t.Helper()
	found, err := driver.Execute(ctx, func(transaction qldbdriver.Transaction) (interface{}, error) {
		result, err := transaction.Execute(statement, parameters...)
		if err != nil {
			return nil, err
		}
		texts := []string{}
		for result.Next(transaction) {
			var value interface{}
			if err := ion.Unmarshal(result.GetCurrentData(), &value); err != nil {
				return nil, err
			}
			texts = append(texts, fmt.Sprint(value))
		}
		return strings.Join(texts, " "), result.Err()
	})
	if err != nil {
		t.Fatal(err)
	}
	return found.(string)
}

func TestABigIntAndASymbolAreStoredAsStructs(t *testing.T) {
	driver := open(t)
	rows(t, driver, "CREATE TABLE GoNumber")
	rows(t, driver, "INSERT INTO GoNumber VALUE {'kind': 'big', 'x': ?}", big.NewInt(5))
	rows(t, driver, "INSERT INTO GoNumber VALUE {'kind': 'symbol', 'x': ?}", ion.NewSymbolTokenFromString("debit"))
	rows(t, driver, "INSERT INTO GoNumber VALUE {'kind': 'int', 'x': ?}", 5)
	seen := rows(t, driver, "SELECT VALUE n.kind FROM GoNumber AS n WHERE n.x IS STRUCT ORDER BY n.kind")
	if seen != "big symbol" {
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

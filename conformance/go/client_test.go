// Package conformance drives the server with the published Go driver 3.0.1. docs/clients/go.md says what surprises people in it.
package conformance

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/amzn/ion-go/ion"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/qldbsession"
	"github.com/aws/aws-sdk-go-v2/service/qldbsession/types"
	"github.com/awslabs/amazon-qldb-driver-go/v3/qldbdriver"
)

var ctx = context.Background()
var endpoint = os.Getenv("EVERSTRAND_ENDPOINT")
var ledger = os.Getenv("EVERSTRAND_LEDGER")

func settings(t *testing.T, region, key string) aws.Config {
	settings, err := config.LoadDefaultConfig(ctx, config.WithRegion(region),
		config.WithCredentialsProvider(credentials.NewStaticCredentialsProvider(key, key, "")))
	ok(t, err)
	return settings
}

// client is the generated client, one command at a time.
func client(t *testing.T, url string, options ...func(*qldbsession.Options)) *qldbsession.Client {
	options = append(options, func(options *qldbsession.Options) {
		options.EndpointResolver = qldbsession.EndpointResolverFromURL(url)
	})
	return qldbsession.NewFromConfig(settings(t, "us-east-1", "local"), options...)
}

func openAt(t *testing.T, url, ledger string, options ...func(*qldbdriver.DriverOptions)) *qldbdriver.QLDBDriver {
	quickly := func(options *qldbdriver.DriverOptions) {
		options.LoggerVerbosity = qldbdriver.LogOff
		options.RetryPolicy.Backoff = quick{}
	}
	driver, err := qldbdriver.New(ledger, client(t, url), append([]func(*qldbdriver.DriverOptions){quickly}, options...)...)
	ok(t, err)
	t.Cleanup(func() { driver.Shutdown(ctx) })
	return driver
}

type quick struct{}

func (quick) Delay(int) time.Duration { return time.Millisecond }

func open(t *testing.T, options ...func(*qldbdriver.DriverOptions)) *qldbdriver.QLDBDriver {
	return openAt(t, endpoint, ledger, options...)
}

func neverAgain(options *qldbdriver.DriverOptions) { options.RetryPolicy.MaxRetryLimit = 0 }

// read runs a statement in a transaction and returns its rows as Ion text.
func read(transaction qldbdriver.Transaction, statement string, parameters ...interface{}) (string, error) {
	result, err := transaction.Execute(statement, parameters...)
	if err != nil {
		return "", err
	}
	texts := []string{}
	for result.Next(transaction) {
		text, err := textOf(result.GetCurrentData())
		if err != nil {
			return "", err
		}
		texts = append(texts, text)
	}
	return strings.Join(texts, " "), result.Err()
}

// try runs one statement in a transaction of its own and returns its rows as Ion text.
func try(driver *qldbdriver.QLDBDriver, statement string, parameters ...interface{}) (string, error) {
	found, err := driver.Execute(ctx, func(transaction qldbdriver.Transaction) (interface{}, error) {
		return read(transaction, statement, parameters...)
	})
	if err != nil {
		return "", err
	}
	return found.(string), nil
}

func rows(t *testing.T, driver *qldbdriver.QLDBDriver, statement string, parameters ...interface{}) string {
	t.Helper()
	found, err := try(driver, statement, parameters...)
	if err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
	return found
}

func same(t *testing.T, wanted string, seen interface{}) {
	t.Helper()
	if wanted != fmt.Sprint(seen) {
		t.Fatalf("wanted %s, seen %v", wanted, seen)
	}
}

func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// session is one session of the generated client.
type session struct {
	*qldbsession.Client
	token *string
}

func newSession(t *testing.T, client *qldbsession.Client) session {
	t.Helper()
	started, err := client.SendCommand(ctx, &qldbsession.SendCommandInput{StartSession: &types.StartSessionRequest{LedgerName: &ledger}})
	ok(t, err)
	return session{client, started.StartSession.SessionToken}
}

func (s session) send(command qldbsession.SendCommandInput) (*qldbsession.SendCommandOutput, error) {
	command.SessionToken = s.token
	return s.SendCommand(ctx, &command)
}

func (s session) must(t *testing.T, command qldbsession.SendCommandInput) *qldbsession.SendCommandOutput {
	t.Helper()
	output, err := s.send(command)
	ok(t, err)
	return output
}

func (s session) start(t *testing.T) *string {
	t.Helper()
	return s.must(t, qldbsession.SendCommandInput{StartTransaction: &types.StartTransactionRequest{}}).StartTransaction.TransactionId
}

func (s session) execute(t *testing.T, transaction *string, statement string, values ...types.ValueHolder) *types.ExecuteStatementResult {
	t.Helper()
	request := types.ExecuteStatementRequest{TransactionId: transaction, Statement: &statement, Parameters: values}
	return s.must(t, qldbsession.SendCommandInput{ExecuteStatement: &request}).ExecuteStatement
}

// digest is the commit digest of a transaction without statements: the Ion hash of its id.
func digest(transaction string) []byte {
	hash := sha256.Sum256([]byte("\x0b\x80" + transaction + "\x0e"))
	return hash[:]
}

// server starts a server of the test's own, and returns its URL.
func server(t *testing.T, arguments ...string) string {
	program := os.Getenv("EVERSTRAND_BINARY")
	if program == "" {
		t.Skip("EVERSTRAND_BINARY names no program")
	}
	command := exec.Command(program, append([]string{"serve", "--in-memory", "--listen", "127.0.0.1:0"}, arguments...)...)
	output, err := command.StdoutPipe()
	ok(t, err)
	ok(t, command.Start())
	t.Cleanup(func() {
		_ = command.Process.Kill()
		_ = command.Wait()
	})
	line, err := bufio.NewReader(output).ReadString('\n')
	ok(t, err)
	return strings.TrimSpace(strings.TrimPrefix(line, "everstrand listening on "))
}

// textOf is the one value in these bytes, as Ion text.
func textOf(data []byte) (string, error) {
	var text bytes.Buffer
	reader, writer := ion.NewReaderBytes(data), ion.NewTextWriterOpts(&text, ion.TextWriterQuietFinish)
	if !reader.Next() {
		return "", fmt.Errorf("no value: %w", reader.Err())
	}
	if err := write(reader, writer); err != nil {
		return "", err
	}
	if reader.Next() {
		return "", fmt.Errorf("more than one value")
	}
	return text.String(), writer.Finish()
}

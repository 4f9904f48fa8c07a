package conformance

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/qldbsession"
	"github.com/aws/aws-sdk-go-v2/service/qldbsession/types"
	"github.com/aws/smithy-go"
	"github.com/awslabs/amazon-qldb-driver-go/v3/qldbdriver"
)

// What becomes of a request that meets the proxy.
type outcome int

const (
	pass outcome = iota
	// answered: by the proxy itself.
	answered
	// lose: the server gets the request, and the client no answer.
	lose
	// doubt: the server gets the request, and the client is told that nobody knows its outcome.
	doubt
)

// proxy stands between a driver and the server. `meet` is told each command, and may answer it or end the session behind it.
type proxy struct {
	*httptest.Server
	lock sync.Mutex
	// seen counts the commands by name.
	seen map[string]int
	// meet is told the command's session, and how many commands of this name there were.
	meet func(command, token string, number int, writer http.ResponseWriter) outcome
}

func newProxy(t *testing.T, meet func(command, token string, number int, writer http.ResponseWriter) outcome) *proxy {
	target, err := url.Parse(endpoint)
	ok(t, err)
	behind := httputil.NewSingleHostReverseProxy(target)
	made := &proxy{seen: map[string]int{}, meet: meet}
	made.Server = httptest.NewServer(http.HandlerFunc(func(writer http.ResponseWriter, request *http.Request) {
		body, _ := io.ReadAll(request.Body)
		request.Body = io.NopCloser(bytes.NewReader(body))
		request.Host = target.Host
		var sent map[string]interface{}
		_ = json.Unmarshal(body, &sent)
		token, _ := sent["SessionToken"].(string)
		for command := range sent {
			if command == "SessionToken" {
				continue
			}
			made.lock.Lock()
			made.seen[command]++
			number := made.seen[command]
			made.lock.Unlock()
			switch made.meet(command, token, number, writer) {
			case answered:
				return
			case lose:
				behind.ServeHTTP(httptest.NewRecorder(), request)
				hangUp(writer)
				return
			case doubt:
				behind.ServeHTTP(httptest.NewRecorder(), request)
				refuse(writer, 400, "CommitOutcomeUnknownException", "Nobody knows yet")
				return
			}
		}
		behind.ServeHTTP(writer, request)
	}))
	t.Cleanup(made.Close)
	return made
}

// refuse answers as the server answers errors.
func refuse(writer http.ResponseWriter, status int, exception, message string) outcome {
	writer.Header().Set("Content-Type", "application/x-amz-json-1.0")
	writer.Header().Set("x-amzn-ErrorType", exception)
	writer.WriteHeader(status)
	fmt.Fprintf(writer, `{"__type":"com.amazonaws.qldbsession#%s","Message":"%s"}`, exception, message)
	return answered
}

// hangUp closes the connection without an answer.
func hangUp(writer http.ResponseWriter) outcome {
	connection, _, err := writer.(http.Hijacker).Hijack()
	if err == nil {
		connection.Close()
	}
	return answered
}

func end(t *testing.T, token string) {
	_, err := client(t, endpoint).SendCommand(ctx, &qldbsession.SendCommandInput{SessionToken: &token, EndSession: &types.EndSessionRequest{}})
	ok(t, err)
}

func TestADeadSessionIsReplacedAndTheWorkIsDoneOnce(t *testing.T) {
	between := newProxy(t, func(command, token string, number int, _ http.ResponseWriter) outcome {
		// The session of the pool dies before its second transaction, another one within a transaction.
		if command == "StartTransaction" && number == 2 || command == "CommitTransaction" && number == 3 {
			end(t, token)
		}
		return pass
	})
	driver := openAt(t, between.URL, ledger)
	rows(t, driver, "CREATE TABLE GoDeadSession")
	rows(t, driver, "INSERT INTO GoDeadSession VALUE {'n': 1}")
	rows(t, driver, "INSERT INTO GoDeadSession VALUE {'n': 2}")
	same(t, "1 2", rows(t, driver, "SELECT VALUE g.n FROM GoDeadSession AS g ORDER BY g.n"))
	same(t, "3", between.seen["StartSession"])
}

func TestWhatPassesByItselfIsRetried(t *testing.T) {
	driver := open(t)
	rows(t, driver, "CREATE TABLE GoRetried")
	for number, fault := range []struct {
		status    int
		exception string
		retried   bool
	}{
		{500, "InternalFailure", true},
		{503, "ServiceUnavailable", true},
		{400, "RateExceededException", false},
		{400, "LimitExceededException", false},
		{503, "CapacityExceededException", false},
	} {
		between := newProxy(t, func(command, _ string, number int, writer http.ResponseWriter) outcome {
			if command == "ExecuteStatement" && number == 1 {
				return refuse(writer, fault.status, fault.exception, "try again")
			}
			return pass
		})
		_, err := try(openAt(t, between.URL, ledger), "INSERT INTO GoRetried VALUE {'n': ?}", number)
		same(t, fmt.Sprint(fault.retried), err == nil)
	}
	same(t, "0 1", rows(t, driver, "SELECT VALUE g.n FROM GoRetried AS g ORDER BY g.n"))
}

func TestALostConnectionIsNotRetriedAndALostAnswerToACommitIsAnError(t *testing.T) {
	driver := open(t)
	rows(t, driver, "CREATE TABLE GoLost")
	between := newProxy(t, func(command, _ string, number int, writer http.ResponseWriter) outcome {
		switch {
		case command == "ExecuteStatement" && number == 1:
			return hangUp(writer)
		case command == "CommitTransaction":
			return lose
		}
		return pass
	})
	lossy := openAt(t, between.URL, ledger)
	for number := 1; number <= 2; number++ {
		if _, err := try(lossy, "INSERT INTO GoLost VALUE {'n': ?}", number); err == nil {
			t.Fatal("it was retried")
		}
	}
	same(t, "2 1", fmt.Sprint(between.seen["ExecuteStatement"], " ", between.seen["CommitTransaction"]))
	same(t, "2", rows(t, driver, "SELECT VALUE g.n FROM GoLost AS g"))
}

// The server has committed, and answers that nobody knows. The driver raises it, and neither sends the commit nor runs the work again.
func TestACommitWhoseOutcomeNobodyKnowsIsRaisedAndNotTriedAgain(t *testing.T) {
	driver := open(t)
	rows(t, driver, "CREATE TABLE GoDoubt")
	between := newProxy(t, func(command, _ string, _ int, _ http.ResponseWriter) outcome {
		if command == "CommitTransaction" {
			return doubt
		}
		return pass
	})
	runs := 0
	_, err := openAt(t, between.URL, ledger).Execute(ctx, func(transaction qldbdriver.Transaction) (interface{}, error) {
		runs++
		return read(transaction, "INSERT INTO GoDoubt VALUE {'n': 1}")
	})
	var raised smithy.APIError
	if !errors.As(err, &raised) {
		t.Fatalf("raised %v", err)
	}
	same(t, "CommitOutcomeUnknownException", raised.ErrorCode())
	same(t, "1 1", fmt.Sprint(runs, " ", between.seen["CommitTransaction"]))
	same(t, "1", rows(t, driver, "SELECT VALUE g.n FROM GoDoubt AS g"))
}

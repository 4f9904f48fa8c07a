#!/usr/bin/env bash
# aws-sdk-go-v2 1.22.1 with qldbsession 1.18.0 loses a part of its answers if the server is fast.
#
# One would expect: a server that answers quickly is the best case.
# What happens: when the head of an answer is there, the SDK closes the body of its request. Go's HTTP client has sent all of that body, and may still be checking that nothing follows. It takes the closed body for an error of writing and closes the connection. What was not read of the answer is lost: status 200, "failed to decode response body", "use of closed network connection". Where client and server shared two cores, one such answer in some fifty was lost, and none once the server waited.
# Why it matters: local tests fail at random, and a commit whose answer is lost may be taken for a failed one. Answers of some 4,000 bytes or fewer are read together with their head, so only longer pages of rows are hit. The SDK does not try again.
# Instead: aws-sdk-go-v2 1.32.8 or newer tries again, but qldbsession 1.18.0, the last one, sends nothing with a core from 1.23.0 on. A server, or a proxy before it, that lets such an answer wait a millisecond is enough.
# Source: smithy-go 1.16.0, transport/http/client.go, Handle: the body is closed after Do; transport/http/internal/io/safe.go: WriteTo on what is closed answers io.EOF, which io.Copy passes on. Go's net/http/transfer.go, writeBody: a second copy looks for excess bytes; transport.go, writeLoop: every error closes the connection. Issue 2737 of aws-sdk-go-v2 describes the symptom.
. "$(dirname "$0")/lib.sh"
go_with github.com/aws/aws-sdk-go-v2@v1.22.1 github.com/aws/aws-sdk-go-v2/credentials@v1.15.1 github.com/aws/aws-sdk-go-v2/service/qldbsession@v1.18.0 github.com/aws/smithy-go@v1.16.0
cat >main.go <<'END'
package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/qldbsession"
	"github.com/aws/aws-sdk-go-v2/service/qldbsession/types"
)

// serve answers each request with a page of 200 rows, in a process of its own, as a server would.
func serve(pause time.Duration) {
	row := `{"IonBinary":"4AEA6iEq` + strings.Repeat("A", 100) + `"}`
	page := `{"ExecuteStatement":{"FirstPage":{"Values":[` + strings.Repeat(row+",", 199) + row + `]}}}`
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	fmt.Println("http://" + listener.Addr().String())
	http.Serve(listener, http.HandlerFunc(func(answer http.ResponseWriter, request *http.Request) {
		io.Copy(io.Discard, request.Body)
		time.Sleep(pause)
		answer.Header().Set("Content-Type", "application/x-amz-json-1.0")
		answer.Header().Set("Content-Length", fmt.Sprint(len(page)))
		io.WriteString(answer, page)
	}))
}

// lost counts the answers that are lost, and stops at the first if it may.
func lost(pause string, requests int, first bool) int {
	server := exec.Command(os.Args[0], pause)
	output, err := server.StdoutPipe()
	if err == nil {
		err = server.Start()
	}
	if err != nil {
		panic(err)
	}
	defer server.Process.Kill()
	line, _ := bufio.NewReader(output).ReadString('\n')
	client := qldbsession.New(qldbsession.Options{
		Region:           "us-east-1",
		Credentials:      credentials.NewStaticCredentialsProvider("local", "local", ""),
		EndpointResolver: qldbsession.EndpointResolverFromURL(strings.TrimSpace(line)),
	})
	statement, count := "SELECT * FROM Orders", 0
	for n := 0; n < requests; n++ {
		_, err := client.SendCommand(context.Background(), &qldbsession.SendCommandInput{
			SessionToken:     aws.String("token"),
			ExecuteStatement: &types.ExecuteStatementRequest{TransactionId: aws.String("2Dg3gIFDoCM8b3BQp7zpYu"), Statement: &statement},
		})
		if err == nil {
			continue
		}
		if !errors.Is(err, net.ErrClosed) || !strings.Contains(err.Error(), "StatusCode: 200") {
			panic(err)
		}
		if (retry.AddWithMaxAttempts(retry.NewStandard(), 3)).IsErrorRetryable(err) {
			panic("the SDK would try again")
		}
		if count++; first {
			break
		}
	}
	return count
}

func main() {
	if len(os.Args) == 2 {
		pause, err := time.ParseDuration(os.Args[1])
		if err != nil {
			panic(err)
		}
		serve(pause)
	}
	fmt.Println("at once:", lost("0s", 200000, true), "lost, without another try")
	fmt.Println("after 5 ms:", lost("5ms", 1000, false), "lost")
}
END
expect "answers of status 200 that were lost, of up to 200,000 until the first, and of 1,000" 'at once: 1 lost, without another try
after 5 ms: 0 lost' "$(go_run)"

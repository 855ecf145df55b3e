// Command clients runs Go clients of Kafka against a node: sarama, kafka-go and
// franz-go.
//
// Usage: clients HOST:PORT. It prints one line per case; the exit code is 1 if
// one failed. MOLDAU_RESTART is a command that restarts the node.
package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"time"
)

const limit = 60 * time.Second

var (
	bootstrap string
	run       = fmt.Sprintf("%x", time.Now().UnixNano())
	failed    bool
	notName   = regexp.MustCompile("[^A-Za-z0-9.]+")
)

func main() {
	bootstrap = os.Args[1]
	saramaCases()
	kafkaGoCases()
	franzCases()
	if failed {
		os.Exit(1)
	}
}

// test runs one case with the name of a topic of its own.
func test(client, name string, f func(ctx context.Context, topic string) error) {
	if !strings.Contains(client+": "+name, os.Getenv("CASE")) {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- f(ctx, notName.ReplaceAllString(client+"-"+name+"-"+run, "-")) }()
	var err error
	select {
	case err = <-done:
	case <-time.After(limit + time.Second):
		err = errors.New("still running at its end of time")
	}
	if err != nil {
		failed = true
		fmt.Printf("FAIL %s: %s\n  %v\n", client, name, err)
		return
	}
	fmt.Printf("ok %s: %s\n", client, name)
}

func equal[T comparable](what string, got, want T) error {
	if got != want {
		return fmt.Errorf("%s: got %v, want %v", what, got, want)
	}
	return nil
}

// eventually waits for a condition that another goroutine brings about.
func eventually(ctx context.Context, what string, f func() bool) error {
	for !f() {
		select {
		case <-ctx.Done():
			return fmt.Errorf("never: %s", what)
		case <-time.After(10 * time.Millisecond):
		}
	}
	return nil
}

// note prints what a client says of a refusal, if asked to.
func note(err error) {
	if os.Getenv("TRACE") != "" {
		fmt.Printf("   %v\n", err)
	}
}

// big is a record of 8 MB that does not compress, and the limit it needs.
func big() []byte {
	value := make([]byte, 8_000_000)
	_, _ = rand.Read(value)
	return value
}

const bigLimit = 10_000_000

func restart(ctx context.Context) error {
	return exec.CommandContext(ctx, "sh", "-c", os.Getenv("MOLDAU_RESTART")).Run()
}

package cli_test

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"testing"
	"time"

	"moldau.dev/moldau/broker"
	"moldau.dev/moldau/internal/cli/clitest"
)

func TestMain(m *testing.M) { clitest.Main(m) }

// TestScripts runs the scripts of testdata/script, each against a node of its own.
func TestScripts(t *testing.T) {
	clitest.Run(t, clitest.Params{Dir: "testdata/script", Software: clitest.Moldau, Broker: func() (string, func(), error) {
		return startNode(t)
	}})
}

func startNode(t *testing.T) (address string, done func(), err error) {
	dir, err := os.MkdirTemp("", "moldau-script")
	if err != nil {
		return "", nil, err
	}
	node, err := broker.Start(t.Context(), broker.Config{Overrides: []string{
		"node.id=1", "log.dirs=" + dir, "listeners=PLAINTEXT://localhost:0,CONTROLLER://localhost:0", "controller.quorum.bootstrap.servers=localhost:0",
		"moldau.http.listener=", "group.initial.rebalance.delay.ms=0", "offsets.topic.num.partitions=4",
		// The records of the scripts are from 2020, which retention takes for old.
		"log.retention.check.interval.ms=86400000", "log.initial.task.delay.ms=86400000",
	}, LogLevel: new(slog.LevelVar)})
	if err != nil {
		return "", nil, errors.Join(err, os.RemoveAll(dir))
	}
	return node.Addr("PLAINTEXT").String(), func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if err := errors.Join(node.Shutdown(ctx), os.RemoveAll(dir)); err != nil {
			t.Error(err)
		}
	}, nil
}

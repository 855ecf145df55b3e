package compat

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"moldau.dev/moldau/internal/cli/clitest"
	"moldau.dev/moldau/test/apachekafka"
)

func TestMain(m *testing.M) { clitest.Main(m) }

// TestCommandsOnApacheKafka runs the scripts of the command line, which package
// cli runs on Moldau, on Apache Kafka.
func TestCommandsOnApacheKafka(t *testing.T) {
	install, err := apachekafka.Find()
	if errors.Is(err, apachekafka.ErrNotInstalled) {
		t.Skip(err)
	} else if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), startTimeout)
	defer cancel()
	work := t.TempDir()
	data := filepath.Join(work, "data")
	if err := os.Mkdir(data, 0o700); err != nil {
		t.Fatal(err)
	}
	node, err := install.NewNode(apachekafka.Options{LogDirs: []string{data}, WorkDir: work, Properties: map[string]string{
		// The records of the scripts are from 2020, which retention takes for old;
		// where compact stands beside delete, it is the cleaner that applies it.
		"log.retention.check.interval.ms": "86400000", "log.initial.task.delay.ms": "86400000", "log.cleaner.backoff.ms": "86400000",
	}})
	if err != nil {
		t.Fatal(err)
	}
	if err := node.Format(ctx, "4L6g3nShT-eMCtK--X86sw", ""); err != nil {
		t.Fatal(err)
	}
	running, err := node.Start(ctx)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stop(t, "Apache Kafka", running.Stop, running.Output) })
	clitest.Run(t, clitest.Params{
		Dir: "../../internal/cli/testdata/script", Software: clitest.Kafka, Serial: true,
		Broker: func() (string, func(), error) {
			return node.Addr(), func() {}, clitest.Clean(t.Context(), node.Addr())
		},
	})
}

package exchange

import (
	"context"
	"path/filepath"
	"testing"
)

// dumpAll lets Apache Kafka's dump-log read every file of a data folder in every way
// that applies to it. The node must be stopped.
func dumpAll(ctx context.Context, t *testing.T, dir string) {
	t.Helper()
	_, complaints, err := kafka.Dump(ctx, dir, compactedTopic)
	check(t, err, "dump")
	for _, c := range complaints {
		t.Error(c)
	}
}

// count gives the number of files that match.
func count(t *testing.T, pattern ...string) int {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(pattern...))
	check(t, err, "look for files")
	return len(found)
}

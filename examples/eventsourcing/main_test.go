package main

import (
	"strings"
	"testing"

	"moldau.dev/moldau/moldautest"
)

// TestShelfIsWhatHasHappened puts and takes, with a restart of the broker before
// each: the state is nowhere but in the log.
func TestShelfIsWhatHasHappened(t *testing.T) {
	b := moldautest.Start(t, moldautest.WithTopic(topic, 1, "retention.ms=-1"))
	for _, step := range []struct {
		command string
		n       int
		want    string
	}{
		{"put", 10, "10 bottles\n"},
		{"take", 3, "7 bottles\n"},
		{"take", 8, "there are only 7 bottles"},
		{"put", 1, "8 bottles\n"},
		{"take", 8, "0 bottles\n"},
	} {
		var out strings.Builder
		if err := run(t.Context(), b.Addr(), step.command, step.n, &out); err != nil {
			out.WriteString(err.Error())
		}
		if out.String() != step.want {
			t.Errorf("%s %d: %q, want %q", step.command, step.n, out.String(), step.want)
		}
		b.Restart()
	}
}

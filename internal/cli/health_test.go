package cli_test

import (
	"bytes"
	"strings"
	"testing"

	"moldau.dev/moldau/internal/cli"
	"moldau.dev/moldau/moldautest"
)

// Whoever starts a cluster in a script may ask for it before it is there.
func TestHealthWaitsForTheCluster(t *testing.T) {
	b := moldautest.Start(t)
	b.Stop()
	health := func(flags ...string) (code int, out string) {
		var stdout, stderr bytes.Buffer
		code = cli.Main(append([]string{"cluster", "health", "-b", b.Addr()}, flags...), strings.NewReader(""), &stdout, &stderr)
		return code, stdout.String() + stderr.String()
	}
	if code, out := health(); code != 1 {
		t.Errorf("exit code %d of a cluster that is down: %s", code, out)
	}
	waited := make(chan string)
	go func() {
		code, out := health("--wait", "1m")
		if code == 0 {
			out = ""
		}
		waited <- out
	}()
	b.Start()
	if out := <-waited; out != "" {
		t.Error(out)
	}
}

package cli_test

import (
	"io"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"moldau.dev/moldau/internal/cli"
	"moldau.dev/moldau/moldautest"
)

// A request that does not say which software sent it is not valid (KIP-511). The
// broker would count it as an error of ours, and an operator would wonder.
func TestCommandsSayWhichSoftwareTheyAre(t *testing.T) {
	b := moldautest.Start(t)
	const introduced = 3 // The first version with a name.
	said := func(name bool) *moldautest.Injected {
		return b.Inject(moldautest.Fault{Match: func(r kmsg.Request) bool {
			req := r.(*kmsg.ApiVersionsRequest)
			return req.Version >= introduced && (req.ClientSoftwareName == "moldau-cli") == name
		}}, kmsg.ApiVersions)
	}
	named, nameless := said(true), said(false)
	if code := cli.Main([]string{"topics", "list", "-b", b.Addr()}, strings.NewReader(""), io.Discard, io.Discard); code != 0 {
		t.Fatalf("exit code %d", code)
	}
	if named.Hits() == 0 || nameless.Hits() > 0 {
		t.Errorf("%d requests had a name and %d had none", named.Hits(), nameless.Hits())
	}
}

package config

import (
	"strings"
	"testing"

	"moldau.dev/moldau/internal/docs"
)

//go:generate go test -run TestPageOfConfigs -update .

func TestPageOfConfigs(t *testing.T) {
	var page strings.Builder
	page.WriteString("# Configuration keys\n\n" +
		"Every key that this node knows, from `internal/config` (`make generate`). Apache Kafka's configuration files are\n" +
		"read as they are: keys of parts that are not there yet are accepted and described, unless they ask for what would\n" +
		"be missed (see skipped.md). A key that Kafka does not know either is named in a warning.\n\n" +
		"*Changes* tells how a broker's key may change: read-only, at the next start; per-broker and cluster-wide, while the\n" +
		"node runs, for one broker or also for all of them.\n")
	for _, section := range []struct {
		title string
		def   *Def
	}{
		{"Broker", BrokerKeys()},
		{"Broker, keys that Kafka does not have", OwnKeys()},
		{"Broker, replication throttles (dynamic only)", DynamicQuotaKeys()},
		{"Topic", TopicKeys()},
		{"Group", GroupKeys()},
		{"Client metrics", ClientMetricsKeys()},
	} {
		page.WriteString("\n## " + section.title + "\n\n" + section.def.Markdown())
	}
	docs.Page(t, "docs/compat/configs.md", page.String())
}

func TestEveryKeyIsDocumented(t *testing.T) {
	for _, def := range []*Def{BrokerKeys(), OwnKeys(), DynamicQuotaKeys(), TopicKeys(), GroupKeys(), ClientMetricsKeys()} {
		for _, k := range def.Keys() {
			if !k.Internal && !strings.HasSuffix(k.Doc, ".") {
				t.Errorf("%s: the documentation %q is no sentence", k.Name, k.Doc)
			}
		}
	}
}

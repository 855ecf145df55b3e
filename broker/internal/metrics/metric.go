package metrics

import (
	"slices"
	"strings"
)

// kind is a type of metric as Prometheus knows it.
type kind string

const (
	counter   kind = "counter"
	gauge     kind = "gauge"
	histogram kind = "histogram"
)

// metric is one row of the table.
type metric struct {
	// mbean is Kafka's name for it, with * for the values that become labels, and
	// the attribute behind a # where a MBean has several; or the name itself,
	// moldau_, where Kafka has no MBean.
	mbean string
	// own are the labels of a metric that has no MBean.
	own  []string
	kind kind
	help string
}

// ownPrefix begins the names of metrics that Kafka has no MBean for.
const ownPrefix = "moldau_"

func (m *metric) isOwn() bool { return strings.HasPrefix(m.mbean, ownPrefix) }

// Name gives the metric's name: the MBean's domain, type, name and attribute,
// joined by underscores and in lower case, with dots and dashes as underscores.
// The PerSec of a meter becomes _total, since the counter behind it is shown and
// rates are Prometheus's to take. Metrics without an MBean have their own name.
func (m *metric) Name() string {
	if m.isOwn() {
		return m.mbean
	}
	domain, keys, attribute := m.parts()
	parts := []string{domain}
	for _, kv := range keys {
		if kv[0] == "type" || kv[0] == "name" {
			parts = append(parts, strings.TrimSuffix(kv[1], "PerSec"))
		}
	}
	if attribute != "" {
		parts = append(parts, attribute)
	}
	if m.isMeter() {
		parts = append(parts, "total")
	}
	return strings.NewReplacer(".", "_", "-", "_").Replace(strings.ToLower(strings.Join(parts, "_")))
}

func (m *metric) isMeter() bool {
	_, keys, _ := m.parts()
	return slices.ContainsFunc(keys, func(kv [2]string) bool { return kv[0] == "name" && strings.HasSuffix(kv[1], "PerSec") })
}

// Labels gives the names of the labels: the MBean's other keys, in lower case.
func (m *metric) Labels() []string {
	if m.isOwn() {
		return m.own
	}
	var labels []string
	_, keys, _ := m.parts()
	for _, kv := range keys {
		if kv[0] != "type" && kv[0] != "name" {
			labels = append(labels, strings.ToLower(kv[0]))
		}
	}
	return labels
}

// parts takes an MBean's name apart.
func (m *metric) parts() (domain string, keys [][2]string, attribute string) {
	name, attribute, _ := strings.Cut(m.mbean, "#")
	domain, list, _ := strings.Cut(name, ":")
	for kv := range strings.SplitSeq(list, ",") {
		k, v, _ := strings.Cut(kv, "=")
		keys = append(keys, [2]string{k, v})
	}
	return domain, keys, attribute
}

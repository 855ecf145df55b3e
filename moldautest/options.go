package moldautest

import (
	"log/slog"
	"slices"
)

// Option changes what Start starts.
type Option func(*options)

type options struct {
	config         []string
	topics         []topic
	tempDir        bool
	virtualNetwork bool
	logger         *slog.Logger
}

type topic struct {
	name       string
	partitions int
	config     []string
}

// WithTopic has the topic there from the start, with settings of the topic as
// key=value. A cluster of one has one replica of each partition.
func WithTopic(name string, partitions int, config ...string) Option {
	return func(o *options) {
		o.topics = append(o.topics, topic{name, partitions, slices.Clone(config)})
	}
}

// WithConfig sets the broker's settings, as key=value with the keys of Kafka's
// server.properties. The last setting of a key counts.
func WithConfig(settings ...string) Option {
	return func(o *options) { o.config = append(o.config, settings...) }
}

// WithTempDir keeps the data in t.TempDir instead of in memory: real files, for
// tests that look at them or need more data than memory holds.
func WithTempDir() Option { return func(o *options) { o.tempDir = true } }

// WithVirtualNetwork serves clients over a network in memory, which only
// Broker.DialContext reaches. Inside testing/synctest it is needed, since who
// waits for a socket there keeps time from passing.
func WithVirtualNetwork() Option { return func(o *options) { o.virtualNetwork = true } }

// WithLogger has the broker log there, at every level, instead of to the test.
func WithLogger(logger *slog.Logger) Option { return func(o *options) { o.logger = logger } }

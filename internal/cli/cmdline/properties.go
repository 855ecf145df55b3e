package cmdline

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"moldau.dev/moldau/internal/config"
)

// Property is a client property by Kafka's name.
type Property struct {
	// Name is Kafka's.
	Name string
	// Doc is one line for people.
	Doc string
	// Options are what a value means for the client. An error says which values
	// there are.
	Options func(value string) ([]kgo.Opt, error)

	// set is for the properties that Connection itself knows.
	set func(s *settings, value string) error
}

// clientProperties are those of every client.
func clientProperties() []Property {
	return []Property{
		{Name: "bootstrap.servers", Doc: "brokers as host:port,host:port"}, // Connection.seeds reads it.
		{Name: "client.id", Doc: "the name that brokers log and count requests under", set: func(s *settings, value string) error {
			s.clientID = value
			return nil
		}},
		{Name: "client.rack", Doc: "the rack of this client, to read from replicas nearby", Options: func(value string) ([]kgo.Opt, error) {
			return []kgo.Opt{kgo.Rack(value)}, nil
		}},
		{Name: "request.timeout.ms", Doc: "how long one request may take (default 30000)", set: millis(func(s *settings) *time.Duration { return &s.requestTimeout })},
		{Name: "default.api.timeout.ms", Doc: "how long an operation may take with its retries (default 60000)", set: millis(func(s *settings) *time.Duration { return &s.apiTimeout })},
		{Name: "socket.connection.setup.timeout.ms", Doc: "how long to wait for a connection (default 10000)", set: millis(func(s *settings) *time.Duration { return &s.dialTimeout })},
		{Name: "connections.max.idle.ms", Doc: "when an idle connection is closed", Options: func(value string) ([]kgo.Opt, error) {
			d, err := milliseconds(value)
			return []kgo.Opt{kgo.ConnIdleTimeout(d)}, err
		}},
	}
}

func millis(field func(*settings) *time.Duration) func(*settings, string) error {
	return func(s *settings, value string) error {
		d, err := milliseconds(value)
		if err != nil {
			return err
		}
		*field(s) = d
		return nil
	}
}

// milliseconds reads a property that Kafka measures in milliseconds.
func milliseconds(value string) (time.Duration, error) {
	ms, err := strconv.ParseInt(value, 10, 32)
	if err != nil || ms < 1 {
		return 0, fmt.Errorf("want milliseconds, from 1 to 2147483647")
	}
	return time.Duration(ms) * time.Millisecond, nil
}

func parseProperties(origin string, text []byte, values map[string]string) error {
	read, err := config.ReadProperties(text)
	if err != nil {
		return Usagef("%s: %w", origin, err)
	}
	maps.Copy(values, read)
	return nil
}

// Nearest gives the name closest to a misspelled one; not ok says that none is
// close enough to be meant.
func Nearest(name string, candidates []string) (string, bool) {
	return config.Nearest(name, slices.Values(candidates))
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

func itoa(n int32) string { return strconv.FormatInt(int64(n), 10) }

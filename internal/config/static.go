package config

import "maps"

// Static is the configuration a node started with. It does not change.
type Static struct {
	// Broker is the typed view, without any dynamic configuration.
	Broker *Broker
	// ClusterID is the cluster's id where the environment gives one (CLUSTER_ID
	// of the container image), for formatting an empty log directory. Empty
	// otherwise.
	ClusterID string
	// File is the properties file that was read; empty is none.
	File string

	values   values
	explicit map[string]string
	origins  map[string]string
	hostname func() string
}

// Get gives the value of a key of server.properties as text: as it was set, or
// the default. Not ok is null or an unknown key that is not set.
func (s *Static) Get(name string) (string, bool) {
	if raw, ok := s.explicit[name]; ok {
		return raw, true
	}
	if v := s.values[name]; v != nil {
		return format(v), true
	}
	return "", false
}

// Explicit gives what was set, by name, unknown keys included. The map is a
// copy. It holds secrets: do not log it.
func (s *Static) Explicit() map[string]string { return maps.Clone(s.explicit) }

// Origin says where a value was set, for messages: "server.properties:12",
// "environment variable KAFKA_NODE_ID", "--override"; empty is the default.
func (s *Static) Origin(name string) string { return s.origins[name] }

package config

// ownKeys are the keys that Kafka does not have.
var ownKeys = []Key{
	{
		Name: "moldau.http.listener", Type: String, Default: "", Valid: hostPortText{}, Importance: Medium, Own: true,
		Doc: "Where the node serves /healthz, /readyz and /metrics over HTTP, as host:port. Empty serves nothing.",
	},
}

// hostPortText allows host:port and the empty text.
type hostPortText struct{}

func (hostPortText) Check(name string, value any) error {
	s, _ := value.(string)
	if _, _, ok := parseHostPort(s); s != "" && !ok {
		return valueError(name, s, "Expected host:port, for instance localhost:9080")
	}
	return nil
}

func (hostPortText) String() string { return "host:port" }

package config

// ownKeys are the keys that Kafka does not have.
var ownKeys = []Key{
	{
		Name: "moldau.http.listener", Type: String, Default: "", Valid: hostPortText{}, Importance: Medium, Own: true,
		Doc: "Where the node serves /healthz, /readyz and /metrics over HTTP, as host:port. Empty serves nothing.",
	},
	{
		Name: "moldau.http.pprof", Type: Boolean, Default: false, Importance: Low, Own: true,
		Doc: "Whether moldau.http.listener also serves Go's profiles under /debug/pprof/. They tell much about the node: only for a listener that nobody else reaches.",
	},
	{
		Name: "moldau.metrics.max.topics", Type: Int, Default: int32(1000), Valid: atLeast(0), Importance: Low, Own: true,
		Doc: "How many topics have series of their own in /metrics. The totals count all of them.",
	},
	{
		Name: "moldau.metrics.max.partitions", Type: Int, Default: int32(10000), Valid: atLeast(0), Importance: Low, Own: true,
		Doc: "How many partitions have series of their own in /metrics, of logs and, apart from these, of groups' lags.",
	},
	{
		Name: "moldau.metrics.max.groups", Type: Int, Default: int32(1000), Valid: atLeast(0), Importance: Low, Own: true,
		Doc: "How many groups have series of their own in /metrics.",
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

package config

// ownKeys are the keys that Kafka does not have.
var ownKeys = []Key{
	{
		Name: "moldau.http.listener", Type: String, Default: "", Importance: Medium, Own: true,
		Doc: "Where the node serves /healthz, /readyz and /metrics over HTTP, as host:port. Empty serves nothing.",
	},
}

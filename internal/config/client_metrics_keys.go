package config

// clientMetricsKeys are the keys of a client-metrics subscription.
var clientMetricsKeys = []Key{
	{
		Name: "metrics", Type: List, Default: []string{}, Valid: listOf{empty: true}, Importance: Medium,
		Doc: "The metrics clients push, as prefixes of their names separated by commas; * for all, empty for none.",
	},
	{
		Name: "interval.ms", Type: Int, Default: int32(300000), Importance: Medium,
		Doc: "How often, in milliseconds, clients push their metrics, from 100 to 3600000.",
	},
	{
		Name: "match", Type: List, Default: []string{}, Valid: listOf{empty: true}, Importance: Medium,
		Doc: "Which clients are meant, as key=expression separated by commas; all must match. Keys are client_id, client_instance_id, client_software_name, client_software_version, client_source_address and client_source_port.",
	},
}

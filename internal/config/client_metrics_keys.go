package config

// clientMetricsKeys are the keys of a client-metrics subscription.
var clientMetricsKeys = []Key{
	{
		Name: "metrics", Type: List, Default: []string{}, Valid: listOf{empty: true}, Importance: Medium,
	},
	{
		Name: "interval.ms", Type: Int, Default: int32(300000), Importance: Medium,
	},
	{
		Name: "match", Type: List, Default: []string{}, Valid: listOf{empty: true}, Importance: Medium,
	},
}

package config

// metricsKeys are the keys of metrics and client telemetry.
var metricsKeys = []Key{
	{
		Name: "metrics.num.samples", Type: Int, Default: int32(2), Valid: atLeast(1), Importance: Low,
	},
	{
		Name: "metrics.sample.window.ms", Type: Long, Default: int64(30000), Valid: atLeast(1), Importance: Low,
	},
	{
		Name: "metric.reporters", Type: List, Default: []string{"org.apache.kafka.common.metrics.JmxReporter"}, Valid: listOf{empty: true}, Importance: Low, Dynamic: ClusterWide,
	},
	{
		Name: "metrics.recording.level", Type: String, Default: "INFO", Importance: Low,
	},
	{
		Name: "kafka.metrics.reporters", Type: List, Default: []string{}, Valid: listOf{empty: true}, Importance: Low,
	},
	{
		Name: "kafka.metrics.polling.interval.secs", Type: Int, Default: int32(10), Valid: atLeast(1), Importance: Low,
	},
	{
		Name: "telemetry.max.bytes", Type: Int, Default: int32(1048576), Valid: atLeast(1), Importance: Low,
	},
}

// MetricsSettings are the values of these keys as Broker has them; each field is
// named for its key. Times keep negative values as they are given.
type MetricsSettings struct {
	TelemetryMaxBytes int // telemetry.max.bytes
}

func metricsSettings(v values) MetricsSettings {
	return MetricsSettings{
		TelemetryMaxBytes: v.int("telemetry.max.bytes"),
	}
}

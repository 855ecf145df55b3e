package config

// metricsKeys are the keys of metrics and client telemetry.
var metricsKeys = []Key{
	{
		Name: "metrics.num.samples", Type: Int, Default: int32(2), Valid: atLeast(1), Importance: Low,
		Doc: "How many samples rates and averages are computed from.",
	},
	{
		Name: "metrics.sample.window.ms", Type: Long, Default: int64(30000), Valid: atLeast(1), Importance: Low,
		Doc: "The time, in milliseconds, that one sample of a rate or average covers.",
	},
	{
		Name: "metric.reporters", Type: List, Default: []string{"org.apache.kafka.common.metrics.JmxReporter"}, Valid: listOf{empty: true}, Importance: Low, Dynamic: ClusterWide,
		Doc: "Classes that report metrics elsewhere. Classes of Java cannot be run here; metrics are served over HTTP.",
	},
	{
		Name: "metrics.recording.level", Type: String, Default: "INFO", Importance: Low,
		Doc: "How detailed metrics are: INFO, DEBUG or TRACE.",
	},
	{
		Name: "kafka.metrics.reporters", Type: List, Default: []string{}, Valid: listOf{empty: true}, Importance: Low,
		Doc: "Classes that report the older kind of metrics elsewhere. They cannot be run here.",
	},
	{
		Name: "kafka.metrics.polling.interval.secs", Type: Int, Default: int32(10), Valid: atLeast(1), Importance: Low,
		Doc: "How often, in seconds, classes of kafka.metrics.reporters are asked.",
	},
	{
		Name: "telemetry.max.bytes", Type: Int, Default: int32(1048576), Valid: atLeast(1), Importance: Low,
		Doc: "The largest set of client metrics, in bytes compressed, that a client may push.",
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

package config

// groupKeys are the keys of a group.
var groupKeys = []Key{
	{
		Name: "consumer.session.timeout.ms", Type: Int, Default: int32(45000), Valid: atLeast(1), Importance: Medium, Synonyms: []string{"group.consumer.session.timeout.ms"},
	},
	{
		Name: "consumer.heartbeat.interval.ms", Type: Int, Default: int32(5000), Valid: atLeast(1), Importance: Medium, Synonyms: []string{"group.consumer.heartbeat.interval.ms"},
	},
	{
		Name: "consumer.assignment.interval.ms", Type: Int, Default: int32(1000), Valid: atLeast(0), Importance: Medium, Synonyms: []string{"group.consumer.assignment.interval.ms"},
	},
	{
		Name: "consumer.assignor.offload.enable", Type: Boolean, Default: true, Importance: Medium, Synonyms: []string{"group.consumer.assignor.offload.enable"}, Internal: true,
	},
	{
		Name: "share.session.timeout.ms", Type: Int, Default: int32(45000), Valid: atLeast(1), Importance: Medium, Synonyms: []string{"group.share.session.timeout.ms"},
	},
	{
		Name: "share.heartbeat.interval.ms", Type: Int, Default: int32(5000), Valid: atLeast(1), Importance: Medium, Synonyms: []string{"group.share.heartbeat.interval.ms"},
	},
	{
		Name: "share.record.lock.duration.ms", Type: Int, Default: int32(30000), Valid: atLeast(1000), Importance: Medium, Synonyms: []string{"group.share.record.lock.duration.ms"},
	},
	{
		Name: "share.delivery.count.limit", Type: Int, Default: int32(5), Valid: atLeast(2), Importance: Medium, Synonyms: []string{"group.share.delivery.count.limit"},
	},
	{
		Name: "share.partition.max.record.locks", Type: Int, Default: int32(2000), Valid: atLeast(100), Importance: Medium, Synonyms: []string{"group.share.partition.max.record.locks"},
	},
	{
		Name: "share.auto.offset.reset", Type: String, Default: "latest", Valid: offsetReset{}, Importance: Medium,
	},
	{
		Name: "share.isolation.level", Type: String, Default: "read_uncommitted", Valid: oneOf{"read_committed", "read_uncommitted"}, Importance: Medium,
	},
	{
		Name: "share.renew.acknowledge.enable", Type: Boolean, Default: true, Importance: Medium,
	},
	{
		Name: "share.assignment.interval.ms", Type: Int, Default: int32(1000), Valid: atLeast(0), Importance: Medium, Synonyms: []string{"group.share.assignment.interval.ms"},
	},
	{
		Name: "share.assignor.offload.enable", Type: Boolean, Default: true, Importance: Medium, Synonyms: []string{"group.share.assignor.offload.enable"}, Internal: true,
	},
	{
		Name: "streams.session.timeout.ms", Type: Int, Default: int32(45000), Valid: atLeast(1), Importance: Medium, Synonyms: []string{"group.streams.session.timeout.ms"},
	},
	{
		Name: "streams.heartbeat.interval.ms", Type: Int, Default: int32(5000), Valid: atLeast(1), Importance: Medium, Synonyms: []string{"group.streams.heartbeat.interval.ms"},
	},
	{
		Name: "streams.num.standby.replicas", Type: Int, Default: int32(0), Valid: atLeast(0), Importance: Medium, Synonyms: []string{"group.streams.num.standby.replicas"},
	},
	{
		Name: "streams.initial.rebalance.delay.ms", Type: Int, Default: int32(3000), Valid: atLeast(0), Importance: Medium, Synonyms: []string{"group.streams.initial.rebalance.delay.ms"},
	},
	{
		Name: "streams.assignment.interval.ms", Type: Int, Default: int32(1000), Valid: atLeast(0), Importance: Medium, Synonyms: []string{"group.streams.assignment.interval.ms"},
	},
	{
		Name: "streams.assignor.offload.enable", Type: Boolean, Default: true, Importance: Medium, Synonyms: []string{"group.streams.assignor.offload.enable"}, Internal: true,
	},
	{
		Name: "streams.task.offset.interval.ms", Type: Int, Default: int32(60000), Valid: atLeast(1), Importance: Medium, Synonyms: []string{"group.streams.task.offset.interval.ms"}, Internal: true,
	},
	{
		Name: "streams.num.warmup.replicas", Type: Int, Default: int32(2), Valid: atLeast(0), Importance: Medium, Synonyms: []string{"group.streams.num.warmup.replicas"}, Internal: true,
	},
	{
		Name: "streams.rack.aware.assignment.tags", Type: List, Default: []string{}, Valid: listOf{empty: true}, Importance: Low, Synonyms: []string{"group.streams.rack.aware.assignment.tags"},
	},
	{
		Name: "streams.acceptable.recovery.lag", Type: Long, Default: int64(10000), Valid: atLeast(0), Importance: Medium, Synonyms: []string{"group.streams.acceptable.recovery.lag"}, Internal: true,
	},
	{
		Name: "streams.assignor.name", Type: String, Importance: Medium, Synonyms: []string{"group.streams.assignors"},
	},
	{
		Name: "errors.deadletterqueue.topic.name", Type: String, Default: "", Importance: Medium,
	},
	{
		Name: "errors.deadletterqueue.copy.record.enable", Type: Boolean, Default: false, Importance: Medium,
	},
}

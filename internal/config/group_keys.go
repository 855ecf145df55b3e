package config

// groupKeys are the keys of a group.
var groupKeys = []Key{
	{
		Name: "consumer.session.timeout.ms", Type: Int, Default: int32(45000), Valid: atLeast(1), Importance: Medium, Synonyms: []string{"group.consumer.session.timeout.ms"},
		Doc: "After how many milliseconds without a heartbeat a member leaves the consumer group.",
	},
	{
		Name: "consumer.heartbeat.interval.ms", Type: Int, Default: int32(5000), Valid: atLeast(1), Importance: Medium, Synonyms: []string{"group.consumer.heartbeat.interval.ms"},
		Doc: "How often, in milliseconds, members of the consumer group send heartbeats.",
	},
	{
		Name: "consumer.assignment.interval.ms", Type: Int, Default: int32(1000), Valid: atLeast(0), Importance: Medium, Synonyms: []string{"group.consumer.assignment.interval.ms"},
		Doc: "The shortest time, in milliseconds, between two assignments of the consumer group.",
	},
	{
		Name: "consumer.assignor.offload.enable", Type: Boolean, Default: true, Importance: Medium, Synonyms: []string{"group.consumer.assignor.offload.enable"}, Internal: true,
		Doc: "Whether assignments of the consumer group are computed beside the coordinator's own work.",
	},
	{
		Name: "share.session.timeout.ms", Type: Int, Default: int32(45000), Valid: atLeast(1), Importance: Medium, Synonyms: []string{"group.share.session.timeout.ms"},
		Doc: "After how many milliseconds without a heartbeat a member leaves the share group.",
	},
	{
		Name: "share.heartbeat.interval.ms", Type: Int, Default: int32(5000), Valid: atLeast(1), Importance: Medium, Synonyms: []string{"group.share.heartbeat.interval.ms"},
		Doc: "How often, in milliseconds, members of the share group send heartbeats.",
	},
	{
		Name: "share.record.lock.duration.ms", Type: Int, Default: int32(30000), Valid: atLeast(1000), Importance: Medium, Synonyms: []string{"group.share.record.lock.duration.ms"},
		Doc: "For how many milliseconds a delivered record is kept from other members.",
	},
	{
		Name: "share.delivery.count.limit", Type: Int, Default: int32(5), Valid: atLeast(2), Importance: Medium, Synonyms: []string{"group.share.delivery.count.limit"},
		Doc: "How often a record is delivered before it is given up.",
	},
	{
		Name: "share.partition.max.record.locks", Type: Int, Default: int32(2000), Valid: atLeast(100), Importance: Medium, Synonyms: []string{"group.share.partition.max.record.locks"},
		Doc: "How many records of one partition may be delivered and not yet acknowledged.",
	},
	{
		Name: "share.auto.offset.reset", Type: String, Default: "latest", Valid: offsetReset{}, Importance: Medium,
		Doc: "Where the share group starts in a partition it has not read: latest, earliest, or by_duration: with how far back, as in by_duration:PT1H.",
	},
	{
		Name: "share.isolation.level", Type: String, Default: "read_uncommitted", Valid: oneOf{"read_committed", "read_uncommitted"}, Importance: Medium,
		Doc: "Whether the share group reads records of transactions that are open or were aborted (read_uncommitted) or not (read_committed).",
	},
	{
		Name: "share.renew.acknowledge.enable", Type: Boolean, Default: true, Importance: Medium,
		Doc: "Whether members may extend the time for which they keep a record.",
	},
	{
		Name: "share.assignment.interval.ms", Type: Int, Default: int32(1000), Valid: atLeast(0), Importance: Medium, Synonyms: []string{"group.share.assignment.interval.ms"},
		Doc: "The shortest time, in milliseconds, between two assignments of the share group.",
	},
	{
		Name: "share.assignor.offload.enable", Type: Boolean, Default: true, Importance: Medium, Synonyms: []string{"group.share.assignor.offload.enable"}, Internal: true,
		Doc: "Whether assignments of the share group are computed beside the coordinator's own work.",
	},
	{
		Name: "streams.session.timeout.ms", Type: Int, Default: int32(45000), Valid: atLeast(1), Importance: Medium, Synonyms: []string{"group.streams.session.timeout.ms"},
		Doc: "After how many milliseconds without a heartbeat a member leaves the streams group.",
	},
	{
		Name: "streams.heartbeat.interval.ms", Type: Int, Default: int32(5000), Valid: atLeast(1), Importance: Medium, Synonyms: []string{"group.streams.heartbeat.interval.ms"},
		Doc: "How often, in milliseconds, members of the streams group send heartbeats.",
	},
	{
		Name: "streams.num.standby.replicas", Type: Int, Default: int32(0), Valid: atLeast(0), Importance: Medium, Synonyms: []string{"group.streams.num.standby.replicas"},
		Doc: "How many standby copies of each task's state are kept.",
	},
	{
		Name: "streams.initial.rebalance.delay.ms", Type: Int, Default: int32(3000), Valid: atLeast(0), Importance: Medium, Synonyms: []string{"group.streams.initial.rebalance.delay.ms"},
		Doc: "How long, in milliseconds, the streams group waits for more members before its first assignment while it is empty.",
	},
	{
		Name: "streams.assignment.interval.ms", Type: Int, Default: int32(1000), Valid: atLeast(0), Importance: Medium, Synonyms: []string{"group.streams.assignment.interval.ms"},
		Doc: "The shortest time, in milliseconds, between two assignments of the streams group.",
	},
	{
		Name: "streams.assignor.offload.enable", Type: Boolean, Default: true, Importance: Medium, Synonyms: []string{"group.streams.assignor.offload.enable"}, Internal: true,
		Doc: "Whether assignments of the streams group are computed beside the coordinator's own work.",
	},
	{
		Name: "streams.task.offset.interval.ms", Type: Int, Default: int32(60000), Valid: atLeast(1), Importance: Medium, Synonyms: []string{"group.streams.task.offset.interval.ms"}, Internal: true,
		Doc: "How often, in milliseconds, members report how far their tasks are.",
	},
	{
		Name: "streams.num.warmup.replicas", Type: Int, Default: int32(2), Valid: atLeast(0), Importance: Medium, Synonyms: []string{"group.streams.num.warmup.replicas"}, Internal: true,
		Doc: "How many extra copies of tasks may be warmed up on other members at once before they move there.",
	},
	{
		Name: "streams.rack.aware.assignment.tags", Type: List, Default: []string{}, Valid: listOf{empty: true}, Importance: Low, Synonyms: []string{"group.streams.rack.aware.assignment.tags"},
		Doc: "The client tags over which standby tasks are spread, separated by commas.",
	},
	{
		Name: "streams.acceptable.recovery.lag", Type: Long, Default: int64(10000), Valid: atLeast(0), Importance: Medium, Synonyms: []string{"group.streams.acceptable.recovery.lag"}, Internal: true,
		Doc: "How many records a task's copy may be behind to count as caught up.",
	},
	{
		Name: "streams.assignor.name", Type: String, Importance: Medium, Synonyms: []string{"group.streams.assignors"},
		Doc: "The task assignor of the streams group, one of the broker's group.streams.assignors.",
	},
	{
		Name: "errors.deadletterqueue.topic.name", Type: String, Default: "", Importance: Medium,
		Doc: "The topic for records that the share group gave up on. Empty drops them.",
	},
	{
		Name: "errors.deadletterqueue.copy.record.enable", Type: Boolean, Default: false, Importance: Medium,
		Doc: "Whether the whole record is written there, or only where it came from.",
	},
}

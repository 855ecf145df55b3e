package metrics

// id names a row of the table.
type id int

// The metrics, in the order in which they are shown.
const (
	buildInfo id = iota
	nodeInfo
	brokerState

	messagesIn
	bytesIn
	bytesRejected
	bytesOut
	replicationBytesOut
	totalProduceRequests
	failedProduceRequests
	totalFetchRequests
	failedFetchRequests

	requests
	errorsOfRequests
	totalTime
	localTime
	remoteTime
	responseQueueTime
	responseSendTime
	throttleTime
	requestBytes
	responseBytes
	requestsInFlight
	memoryPoolUsed
	memoryPoolAvailable

	connectionCount
	connectionCreation
	connectionClose
	connectionsBySoftware
	connectionsClosed
	connectionsRefused
	acceptorBlocked

	leaderCount
	partitionCount
	offlineReplicaCount
	underReplicatedPartitions
	underMinISRPartitionCount
	atMinISRPartitionCount
	reassigningPartitions
	isrShrinks
	isrExpands
	producerIDCount
	purgatorySize
	fetchSessions
	fetchSessionPartitions
	fetchSessionEvictions

	logSize
	logStartOffset
	logEndOffset
	numLogSegments
	lastStableOffsetLag
	underReplicated
	underMinISR

	logFlush
	remainingLogsToRecover
	offlineLogDirectoryCount
	logDirectoryOffline
	logDirSize
	logDirTotal
	logDirUsable
	logDirUnclean
	openFiles

	numGroups
	numGroupsPreparingRebalance
	numGroupsCompletingRebalance
	numGroupsStable
	numGroupsEmpty
	numGroupsDead
	groupCount
	numOffsets
	groupPartitions
	groupState
	groupMembers
	groupOffset
	groupLag
	groupLagSeconds

	activeControllerCount
	activeBrokerCount
	fencedBrokerCount
	globalTopicCount
	globalPartitionCount
	offlinePartitionsCount
	preferredReplicaImbalanceCount
	uncleanLeaderElections
	raftCurrentLeader
	raftCurrentEpoch
	raftHighWatermark
	raftLogEndOffset
	raftVoters
	lastAppliedRecordOffset
	metadataLag

	dropped
	numMetrics
)

// metrics is the table of all metrics but those of the Go runtime and the process,
// which are client_golang's.
var metrics = [numMetrics]metric{
	buildInfo: {"moldau_build_info", []string{"version", "revision", "goversion"}, gauge, "What this binary was built from; always 1."},
	nodeInfo:  {"moldau_node_info", []string{"cluster", "node", "roles"}, gauge, "Which node of which cluster this is; always 1."},
	brokerState: {
		"kafka.server:type=KafkaServer,name=BrokerState", nil, gauge,
		"0 not running, 1 starting, 2 recovering logs, 3 running, 6 controlled shutdown, 7 shutting down.",
	},

	messagesIn:    topicMeter("MessagesIn", "Records appended."),
	bytesIn:       topicMeter("BytesIn", "Bytes appended, as producers sent them."),
	bytesRejected: topicMeter("BytesRejected", "Bytes of batches that were too large."),
	bytesOut:      topicMeter("BytesOut", "Bytes of records sent to consumers."),
	replicationBytesOut: {
		"kafka.server:type=BrokerTopicMetrics,name=ReplicationBytesOutPerSec", nil, counter,
		"Bytes of records sent to followers.",
	},
	totalProduceRequests:  topicMeter("TotalProduceRequests", "Partitions in produce requests."),
	failedProduceRequests: topicMeter("FailedProduceRequests", "Partitions in produce requests that got an error."),
	totalFetchRequests:    topicMeter("TotalFetchRequests", "Partitions in fetch requests."),
	failedFetchRequests:   topicMeter("FailedFetchRequests", "Partitions in fetch requests that got an error."),

	requests: {"kafka.network:type=RequestMetrics,name=RequestsPerSec,request=*,version=*", nil, counter, "Requests that were answered, or needed no answer."},
	errorsOfRequests: {
		"kafka.network:type=RequestMetrics,name=ErrorsPerSec,request=*,error=*", nil, counter,
		"Error codes in responses, NONE among them. A response may have many, such as one per partition.",
	},
	totalTime:         requestTime("TotalTimeMs", "from when the request was read whole until the response was sent"),
	localTime:         requestTime("LocalTimeMs", "in which the request was handled by this broker"),
	remoteTime:        requestTime("RemoteTimeMs", "in which it waited: for replicas, for records, for the controller, for a rebalance"),
	responseQueueTime: requestTime("ResponseQueueTimeMs", "in which the response waited for the responses of earlier requests of the connection"),
	responseSendTime:  requestTime("ResponseSendTimeMs", "in which the response was written"),
	throttleTime:      requestTime("ThrottleTimeMs", "for which quotas muted the connection"),
	requestBytes:      {"kafka.network:type=RequestMetrics,name=RequestBytes,request=*", nil, histogram, "Sizes of requests."},
	responseBytes:     {"moldau_response_bytes", []string{"request"}, histogram, "Sizes of responses."},
	requestsInFlight:  {"moldau_requests_in_flight", nil, gauge, "Requests that were read and are not answered yet."},
	memoryPoolUsed:    {"kafka.network:type=SocketServer,name=MemoryPoolUsed", nil, gauge, "Bytes of requests in flight."},
	memoryPoolAvailable: {
		"kafka.network:type=SocketServer,name=MemoryPoolAvailable", nil, gauge,
		"Bytes that are left of queued.max.request.bytes; 2^63-1 without that bound.",
	},

	connectionCount:    {"kafka.server:type=socket-server-metrics,listener=*#connection-count", nil, gauge, "Open connections."},
	connectionCreation: {"kafka.server:type=socket-server-metrics,listener=*#connection-creation-total", nil, counter, "Connections that were accepted."},
	connectionClose:    {"kafka.server:type=socket-server-metrics,listener=*#connection-close-total", nil, counter, "Connections that were closed."},
	connectionsBySoftware: {
		"kafka.server:type=socket-server-metrics,clientSoftwareName=*,clientSoftwareVersion=*,listener=*#connections", nil, gauge,
		"Open connections by what the clients say they are; the commonest kinds, and others.",
	},
	connectionsClosed: {
		"moldau_connections_closed_total",
		[]string{"listener", "reason"},
		counter,
		"Connections that were closed, by why: client, idle, malformed, handler, io_error, shutdown, inter_broker, stalled.",
	},
	connectionsRefused: {"moldau_connections_refused_total", []string{"listener"}, counter, "Connections closed at the door by max.connections.per.ip."},
	acceptorBlocked: {
		"moldau_acceptor_blocked_seconds_total",
		[]string{"listener"},
		counter,
		"Time for which a listener did not accept because of max.connections or max.connection.creation.rate.",
	},

	leaderCount:               replicaManager("LeaderCount", gauge, "Partitions that this broker leads."),
	partitionCount:            replicaManager("PartitionCount", gauge, "Partitions that this broker has a replica of."),
	offlineReplicaCount:       replicaManager("OfflineReplicaCount", gauge, "Replicas of this broker whose log directory is offline."),
	underReplicatedPartitions: replicaManager("UnderReplicatedPartitions", gauge, "Partitions led here with replicas that are not in sync."),
	underMinISRPartitionCount: replicaManager("UnderMinIsrPartitionCount", gauge, "Partitions led here with fewer replicas in sync than min.insync.replicas."),
	atMinISRPartitionCount:    replicaManager("AtMinIsrPartitionCount", gauge, "Partitions led here with exactly min.insync.replicas in sync."),
	reassigningPartitions:     replicaManager("ReassigningPartitions", gauge, "Partitions led here that are being reassigned."),
	isrShrinks:                replicaManager("IsrShrinksPerSec", counter, "Times that an in-sync replica set of a partition led here became smaller."),
	isrExpands:                replicaManager("IsrExpandsPerSec", counter, "Times that an in-sync replica set of a partition led here became larger."),
	producerIDCount:           replicaManager("ProducerIdCount", gauge, "Idempotent producers whose state is kept, counted once for each partition."),
	purgatorySize: {
		"kafka.server:type=DelayedOperationPurgatory,name=PurgatorySize,delayedOperation=*", nil, gauge,
		"Requests that wait: produces for replicas and disks, fetches for records.",
	},
	fetchSessions:          {"kafka.server:type=FetchSessionCache,name=NumIncrementalFetchSessions", nil, gauge, "Fetch sessions."},
	fetchSessionPartitions: {"kafka.server:type=FetchSessionCache,name=NumIncrementalFetchPartitionsCached", nil, gauge, "Partitions in fetch sessions."},
	fetchSessionEvictions: {
		"kafka.server:type=FetchSessionCache,name=IncrementalFetchSessionEvictionsPerSec", nil, counter,
		"Fetch sessions that lost their place to another one.",
	},

	logSize:             partitionLog("Size", "Bytes of records on disk."),
	logStartOffset:      partitionLog("LogStartOffset", "First offset."),
	logEndOffset:        partitionLog("LogEndOffset", "Offset that the next record gets."),
	numLogSegments:      partitionLog("NumLogSegments", "Segments."),
	lastStableOffsetLag: partition("LastStableOffsetLag", "Records below the high watermark that readers of committed transactions cannot read yet."),
	underReplicated:     partition("UnderReplicated", "Whether replicas of a partition led here are not in sync."),
	underMinISR:         partition("UnderMinIsr", "Whether fewer replicas of a partition led here are in sync than min.insync.replicas."),

	logFlush: {"kafka.log:type=LogFlushStats,name=LogFlushRateAndTimeMs", nil, histogram, "Time to sync a segment to disk."},
	remainingLogsToRecover: {
		"kafka.log:type=LogManager,name=remainingLogsToRecover", nil, gauge,
		"Logs that are still to be opened at the start.",
	},
	offlineLogDirectoryCount: {"kafka.log:type=LogManager,name=OfflineLogDirectoryCount", nil, gauge, "Log directories that are offline."},
	logDirectoryOffline:      {"kafka.log:type=LogManager,name=LogDirectoryOffline,logDirectory=*", nil, gauge, "Whether the log directory is offline."},
	logDirSize:               logDirectory("size_bytes", "Bytes of records in the log directory."),
	logDirTotal:              logDirectory("total_bytes", "Size of the file system that the log directory is on."),
	logDirUsable:             logDirectory("usable_bytes", "Free space of the file system that the log directory is on."),
	logDirUnclean:            logDirectory("unclean_start", "Whether the logs of the directory were recovered at this start, since it had not been shut down cleanly."),
	openFiles:                {"moldau_log_open_files", nil, gauge, "Files of logs that are open."},

	numGroups:                    groupMetadata("NumGroups", "Groups."),
	numGroupsPreparingRebalance:  groupMetadata("NumGroupsPreparingRebalance", "Classic groups that wait for members to join."),
	numGroupsCompletingRebalance: groupMetadata("NumGroupsCompletingRebalance", "Classic groups that wait for the assignment."),
	numGroupsStable:              groupMetadata("NumGroupsStable", "Classic groups that are stable."),
	numGroupsEmpty:               groupMetadata("NumGroupsEmpty", "Classic groups without members."),
	numGroupsDead:                groupMetadata("NumGroupsDead", "Classic groups that are about to be gone."),
	groupCount:                   {"kafka.server:type=group-coordinator-metrics,protocol=*#group-count", nil, gauge, "Groups by protocol."},
	numOffsets:                   groupMetadata("NumOffsets", "Committed offsets of the groups that are shown."),
	groupPartitions: {
		"kafka.server:type=group-coordinator-metrics,state=*#num-partitions", nil, gauge,
		"Partitions of __consumer_offsets that this broker coordinates: active, loading, or failed.",
	},
	groupState:   {"moldau_group_state", []string{"group", "state"}, gauge, "The state that the group is in; always 1."},
	groupMembers: {"moldau_group_members", []string{"group"}, gauge, "Members of the group."},
	groupOffset:  groupPartition("offset", "Committed offset."),
	groupLag:     groupPartition("lag", "Records between the committed offset and the high watermark."),
	groupLagSeconds: groupPartition("lag_seconds",
		"Age of the oldest record that is not committed, by its timestamp; 0 when there is none."),

	activeControllerCount:  kafkaController("ActiveControllerCount", "1 on the active controller, else 0."),
	activeBrokerCount:      kafkaController("ActiveBrokerCount", "Brokers that clients may use."),
	fencedBrokerCount:      kafkaController("FencedBrokerCount", "Brokers that are registered but kept from clients."),
	globalTopicCount:       kafkaController("GlobalTopicCount", "Topics of the cluster."),
	globalPartitionCount:   kafkaController("GlobalPartitionCount", "Partitions of the cluster."),
	offlinePartitionsCount: kafkaController("OfflinePartitionsCount", "Partitions of the cluster without a leader."),
	preferredReplicaImbalanceCount: kafkaController("PreferredReplicaImbalanceCount",
		"Partitions of the cluster that are not led by their first replica."),
	uncleanLeaderElections: {
		"kafka.controller:type=ControllerStats,name=UncleanLeaderElectionsPerSec", nil, counter,
		"Leaders that were elected although they were not in sync: records may be lost.",
	},
	raftCurrentLeader:       raft("current-leader", "Node id of the active controller; -1 if none is known."),
	raftCurrentEpoch:        raft("current-epoch", "Epoch of the quorum."),
	raftHighWatermark:       raft("high-watermark", "End of the committed metadata."),
	raftLogEndOffset:        raft("log-end-offset", "End of this node's metadata log."),
	raftVoters:              raft("number-of-voters", "Voters of the quorum."),
	lastAppliedRecordOffset: {"kafka.server:type=broker-metadata-metrics#last-applied-record-offset", nil, gauge, "Last offset of the metadata that this broker has applied."},
	metadataLag:             {"moldau_metadata_lag", nil, gauge, "Committed metadata records that this broker has not applied yet."},

	dropped: {
		"moldau_metrics_dropped",
		[]string{"what"},
		gauge,
		"Topics, partitions and groups that have no series of their own, because of moldau.metrics.max.topics, .partitions and .groups.",
	},
}

func topicMeter(name, help string) metric {
	return metric{"kafka.server:type=BrokerTopicMetrics,name=" + name + "PerSec,topic=*", nil, counter, help + " Without the label: of all topics, deleted ones included."}
}

func requestTime(name, help string) metric {
	return metric{"kafka.network:type=RequestMetrics,name=" + name + ",request=*", nil, histogram, "Time " + help + "."}
}

func replicaManager(name string, k kind, help string) metric {
	return metric{"kafka.server:type=ReplicaManager,name=" + name, nil, k, help}
}

func partitionLog(name, help string) metric {
	return metric{"kafka.log:type=Log,name=" + name + ",topic=*,partition=*", nil, gauge, help}
}

func partition(name, help string) metric {
	return metric{"kafka.cluster:type=Partition,name=" + name + ",topic=*,partition=*", nil, gauge, help}
}

func logDirectory(name, help string) metric {
	return metric{"moldau_log_directory_" + name, []string{"logdirectory"}, gauge, help}
}

func groupMetadata(name, help string) metric {
	return metric{"kafka.coordinator.group:type=GroupMetadataManager,name=" + name, nil, gauge, help}
}

func groupPartition(name, help string) metric {
	return metric{"moldau_group_" + name, []string{"group", "topic", "partition"}, gauge, help}
}

func kafkaController(name, help string) metric {
	return metric{"kafka.controller:type=KafkaController,name=" + name, nil, gauge, help}
}

func raft(name, help string) metric {
	return metric{"kafka.server:type=raft-metrics#" + name, nil, gauge, help}
}

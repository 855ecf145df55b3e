package compat

import "regexp"

// deviation is where Moldau answers otherwise than Apache Kafka on purpose. The
// code that does has a comment that begins with "Differs from Kafka".
type deviation struct {
	// Regular expressions for the whole of the names.
	scenario, step, field string
	// Regular expressions for the values; "-" is a field that is not there.
	kafka, moldau string
	// reason says why it is better so for users.
	reason string
	used   bool
}

var deviations = []deviation{
	{
		scenario: "Files: .*", step: `.*-\d+(/.*index)?`, field: `.*index|file|surplus|entry 0|size`, kafka: "-|0 bytes|12 bytes|there|[0-9a-f]*|depends.*", moldau: "-|missing",
		reason: "a log that is shorter than index.interval.bytes has no index files: nobody needs them, and an idle partition costs two files less",
	},
	{
		scenario: "Files: .*", step: `.*-\d+(/.*snapshot)?`, field: `.*snapshot|file|version`, kafka: "-|there|1", moldau: "-|missing",
		reason: "where no producer has written there is no snapshot of producers",
	},
	{
		scenario: "Files: .*", step: `.*-\d+(/leader-epoch-checkpoint)?`, field: "leader-epoch-checkpoint|file|0|1|0 0", kafka: "-|there|8 bytes", moldau: "-|missing",
		reason: "the file comes with the first batch of an epoch, an empty log has none",
	},
	{
		scenario: "Files: checkpoints", step: `(\.|cleaner-offset-checkpoint)`, field: "cleaner-offset-checkpoint|file|0", kafka: "-|there", moldau: "-|missing",
		reason: "the cleaner, which writes it, is not there yet",
	},
	{
		scenario: "Produce: .*|InitProducerId: .*", step: ".*", field: `.*\.ErrorMessage`, kafka: "null", moldau: "some words",
		reason: "Kafka has no message for this error, Moldau says what is wrong",
	},
	{
		scenario: "Produce: what is no batch, .*", step: "surplus.*|.*second cut", field: ".*", kafka: ".*", moldau: ".*",
		reason: "Kafka acknowledges the first batch and drops the bytes after it without a word, or takes them for a broken batch; Moldau refuses the request with INVALID_RECORD",
	},
	{
		scenario: "Produce: what is no batch, .*", step: "length 49", field: `.*\.ErrorCode`, kafka: "CORRUPT_MESSAGE", moldau: "INVALID_RECORD",
		reason: "the bytes after the batch are an error of the client's, which sending again does not heal",
	},
	{
		scenario: "Produce: what is no batch, .*", step: "length huge", field: `.*\.ErrorCode`, kafka: "UNKNOWN_SERVER_ERROR", moldau: "CORRUPT_MESSAGE",
		reason: "an error of the client's is named, and not the server's",
	},
	{
		scenario: "Produce: what is no batch, .*", step: "null", field: ".*", kafka: "-|no answer", moldau: ".*",
		reason: "Kafka leaves the client without an answer, Moldau says INVALID_RECORD",
	},
	{
		scenario: "Produce: what is named twice", step: ".*", field: ".*", kafka: ".*", moldau: ".*",
		reason: "Kafka drops one of the two batches without a word, Moldau appends and answers both",
	},
	{
		scenario: "Produce: .*", step: "(codec|gzip|snappy|lz4|zstd|a varint).*", field: `.*\.ErrorCode`, kafka: "UNKNOWN_SERVER_ERROR", moldau: "INVALID_RECORD|UNSUPPORTED_COMPRESSION_TYPE",
		reason: "an error of the client's is named, and not the server's",
	},
	{
		scenario: "Produce: offset deltas.*", step: ".*", field: ".*", kafka: ".*", moldau: ".*",
		reason: "Kafka stores wrong offset deltas of uncompressed records, at which consumers fail, and answers UNKNOWN_SERVER_ERROR for compressed ones; Moldau counts them anew",
	},
	{
		scenario: "Produce: LogAppendTime from the client", step: ".*", field: ".*", kafka: ".*", moldau: ".*",
		reason: "Kafka stores a largest time that no record has; Moldau refuses the batch as Kafka does on topics with LogAppendTime",
	},
	{
		scenario: "Produce: (idempotent producers|sequences wrap)", step: ".*", field: `.*\.LogAppendTime`, kafka: "epoch-10000", moldau: "-1",
		reason: "to a duplicate Kafka answers the batch's largest timestamp as the append time, although the topic has CreateTime; with Moldau the client keeps its records' own timestamps",
	},
	{
		scenario: "Every API.*", step: "Produce v.*", field: `.*\.ErrorMessage`, kafka: "null", moldau: "some words",
		reason: "Kafka has no message for this error, Moldau says what is wrong",
	},
	{
		scenario: "Every API.*every byte.*", step: "(Fetch v[456], byte 16|ListOffsets v.*, byte [45]) is .*", field: `.*\.ErrorCode`, kafka: "UNKNOWN_.*", moldau: "INVALID_REQUEST",
		reason: "an isolation level that does not exist is named, whatever else is wrong",
	},
	{
		scenario: "Every API.*every byte.*", step: "Fetch v1.*", field: ".*", kafka: ".*", moldau: "connection closed|-",
		reason: "a tagged field that does not have the size it claims is as broken as any other, and the connection closed; Kafka does not heed the size",
	},
	{
		scenario: "Every API.*every byte.*", step: "DeleteTopics v6, .*", field: ".*Error(Code|Message)", kafka: "INVALID_REQUEST|some words", moldau: "REQUEST_TIMED_OUT|null",
		reason: "the time of the request was over when it came, which is said first",
	},
	{
		scenario: "Every API.*every byte.*", step: ".*", field: ".*ErrorMessage", kafka: "null", moldau: "some words",
		reason: "Kafka has no message for this error, Moldau says what is wrong",
	},
	{
		scenario: "CreateTopics|ElectLeaders", step: "a timeout of .*", field: ".*ErrorMessage", kafka: "null", moldau: "some words",
		reason: "Kafka has no message for this error, Moldau says what is wrong",
	},
	{
		scenario: "Every API.*", step: "DescribeLogDirs.*", field: `Dirs.*\.Size`, kafka: ".*", moldau: ".*",
		reason: "some logs hold other records, from scenarios in which the brokers differ on purpose",
	},
	{
		scenario: "DeleteRecords", step: "a partition twice.*", field: ".*", kafka: ".*", moldau: ".*",
		reason: "each entry of the request has an answer, also where a partition is named twice",
	},
	{
		scenario: "DescribeProducers", step: ".*", field: `.*\.ErrorMessage`, kafka: "null", moldau: "some words",
		reason: "Kafka has no message for this error, Moldau says what is wrong",
	},
	{
		scenario: "Fetch: limits", step: "(at most -1 bytes|.*, -1 of a partition).*", field: ".*", kafka: ".*", moldau: ".*",
		reason: "Kafka answers UNKNOWN_SERVER_ERROR to negative limits, Moldau takes them for 0",
	},
	{
		scenario: "Fetch: isolation levels", step: "level (2|-1).*", field: ".*", kafka: ".*", moldau: ".*",
		reason: "an error of the client's, INVALID_REQUEST, is named for every partition, and not UNKNOWN_SERVER_ERROR",
	},
	{
		scenario: "ListOffsets: every version.*", step: ".*level (2|-1),.*", field: `.*\.ErrorCode`, kafka: "UNKNOWN_SERVER_ERROR", moldau: "INVALID_REQUEST|UNSUPPORTED_VERSION",
		reason: "an error of the client's is named, and not the server's",
	},
	{
		scenario: "ListOffsets: errors", step: "a (topic|partition) twice.*", field: ".*", kafka: ".*", moldau: ".*",
		reason: "each entry of the request has an answer, also where a partition is named twice",
	},
	{
		scenario: "ApiVersions: every version", step: "versions, v-1", field: ".*", kafka: ".*", moldau: ".*",
		reason: "a negative version is no request of any client's, and the connection is closed as for any other nonsense",
	},
	{
		scenario: "Metadata: auto-creation", step: "a topic that is not there.*", field: `Topics\[0\].*`, kafka: ".*", moldau: ".*",
		reason: "the answer waits until the topic is there, instead of UNKNOWN_TOPIC_OR_PARTITION that has the client ask again",
	},
	{
		scenario: "Metadata: topics by id", step: "the zero id and no name.*", field: `.*ErrorCode|.*\.Topic`, kafka: `UNKNOWN_SERVER_ERROR|""`, moldau: "INVALID_REQUEST|null",
		reason: "an error of the client's is named, and not the server's",
	},
	{
		scenario: "DescribeTopicPartitions", step: "invalid", field: ".*", kafka: ".*", moldau: ".*",
		reason: "Kafka answers UNKNOWN_SERVER_ERROR for all topics if one name is empty, Moldau answers for each",
	},
	{
		scenario: "FindCoordinator", step: "share key.*", field: `.*\.ErrorMessage`, kafka: `""`, moldau: "some words",
		reason: "Kafka has no message for this error, Moldau says what is wrong",
	},
	{
		scenario: "DescribeGroups and ListGroups", step: "describe a group twice.*", field: `Groups(\[1\].*)?`, kafka: ".*", moldau: "1|-",
		reason: "a group that is named twice is described once: a small request is not answered with a thousand copies of a large group",
	},
	{
		scenario: "IncrementalAlterConfigs", step: "an unknown operation.*", field: ".*Error(Code|Message)", kafka: "UNKNOWN_SERVER_ERROR|null", moldau: "INVALID_REQUEST|some words",
		reason: "an error of the client's is named, and not the server's",
	},
	{
		scenario: "AlterConfigs", step: "a resource twice", field: ".*", kafka: "-|no answer", moldau: ".*",
		reason: "Kafka leaves the client without an answer, Moldau says INVALID_REQUEST",
	},
	{
		scenario: "UpdateFeatures", step: ".*, v1", field: `Results.*ErrorMessage`, kafka: "some words", moldau: "null",
		reason: "there is no message where there is no error",
	},
}

func deviationOf(scenario, step, field, kafka, moldau string) *deviation {
	for i := range deviations {
		d := &deviations[i]
		if matches(d.scenario, scenario) && matches(d.step, step) && matches(d.field, field) && matches(d.kafka, kafka) && matches(d.moldau, moldau) {
			return d
		}
	}
	return nil
}

func matches(pattern, s string) bool {
	return regexp.MustCompile(`^(?s:` + pattern + `)$`).MatchString(s)
}

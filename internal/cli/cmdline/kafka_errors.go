package cmdline

import (
	"errors"
	"fmt"
	"strings"

	"github.com/twmb/franz-go/pkg/kerr"
)

// KafkaError makes an error of Kafka's readable: the broker's own message if it
// gave one, else what the code means, the code's name, and a cure where one is
// known. Other errors stay as they are, nil too.
func KafkaError(err error, message string) error {
	var k *kerr.Error
	if !errors.As(err, &k) {
		return err
	}
	meaning := message
	if meaning == "" {
		meaning = meanings[k.Message].means
	}
	if meaning == "" {
		meaning = k.Description
	}
	text := fmt.Sprintf("%s (%s)", meaning, k.Message)
	e := error(kafkaError{strings.Replace(err.Error(), k.Error(), text, 1), err})
	if cure := meanings[k.Message].cure; cure != "" {
		e = WithHint(e, "%s", cure)
	}
	return e
}

// kafkaError is a readable error of Kafka's that is still the code it stands for.
type kafkaError struct {
	text string
	err  error
}

func (e kafkaError) Error() string { return e.text }
func (e kafkaError) Unwrap() error { return e.err }

type meaning struct{ means, cure string }

// meanings are the codes that people meet, by name.
var meanings = map[string]meaning{
	"UNKNOWN_TOPIC_OR_PARTITION": {"there is no such topic or partition", "'moldau topics list' lists the topics"},
	"UNKNOWN_TOPIC_ID":           {"there is no such topic any more", "it may have been deleted a moment ago; try again"},
	"TOPIC_ALREADY_EXISTS":       {"the topic exists already", "--if-not-exists takes it as it is; 'moldau topics alter' and 'add-partitions' change it"},
	"INVALID_REPLICATION_FACTOR": {"the replication factor does not fit the cluster", "it may not be above the number of brokers; 'moldau cluster nodes' lists them"},
	"INVALID_PARTITIONS":         {"the number of partitions does not do", ""},
	"INVALID_TOPIC_EXCEPTION":    {"this is no name for a topic", "a name has up to 249 letters, digits, '.', '_' and '-'"},
	"INVALID_CONFIG":             {"a configuration is not valid", "'moldau configs describe --all' shows keys, values and what they mean"},
	"POLICY_VIOLATION":           {"the cluster has a policy against this", ""},
	"NOT_CONTROLLER":             {"the cluster has no active controller at the moment", "try again; 'moldau cluster quorum' shows the controllers"},
	"TOPIC_DELETION_DISABLED":    {"the cluster does not delete topics", "delete.topic.enable=false on the brokers forbids it"},
	"OFFSET_OUT_OF_RANGE":        {"the offset is outside of the partition's log", "'moldau topics offsets' shows where each log starts and ends"},
	"LEADER_NOT_AVAILABLE":       {"the partition has no leader at the moment", "'moldau topics describe' shows its replicas; is a broker down?"},
	"NOT_LEADER_FOR_PARTITION":   {"the partition's leader has just moved", "try again"},
	"COORDINATOR_NOT_AVAILABLE":  {"the group has no coordinator at the moment", "the cluster may still start; try again"},
	"COORDINATOR_LOAD_IN_PROGRESS": {
		"the group's coordinator is still reading its state", "try again in a moment",
	},
	"GROUP_ID_NOT_FOUND":           {"there is no such group", "'moldau groups list' lists the groups"},
	"NON_EMPTY_GROUP":              {"the group has members", "stop its consumers first; 'moldau groups members' lists them"},
	"INVALID_GROUP_ID":             {"this is no name for a group", ""},
	"GROUP_SUBSCRIBED_TO_TOPIC":    {"a member of the group consumes this topic", "stop its consumers first"},
	"TOPIC_AUTHORIZATION_FAILED":   {"you may not do this to the topic", "an ACL of the cluster must allow it for your principal"},
	"GROUP_AUTHORIZATION_FAILED":   {"you may not do this to the group", "an ACL of the cluster must allow it for your principal"},
	"CLUSTER_AUTHORIZATION_FAILED": {"you may not do this to the cluster", "an ACL of the cluster must allow it for your principal"},
	"SASL_AUTHENTICATION_FAILED":   {"the cluster does not take these credentials", "check sasl.mechanism and sasl.jaas.config"},
	"UNSUPPORTED_SASL_MECHANISM":   {"the cluster does not have this SASL mechanism", "check sasl.mechanism"},
	"MESSAGE_TOO_LARGE":            {"the records are larger than the topic takes", "the topic's max.message.bytes bounds a batch: 'moldau configs set topic NAME max.message.bytes=...'"},
	"NOT_ENOUGH_REPLICAS":          {"too few replicas are in sync for acks=all", "the topic's min.insync.replicas asks for more; 'moldau topics describe' shows which are in sync"},
	"KAFKA_STORAGE_ERROR":          {"the broker cannot use the disk of this partition", "'moldau cluster log-dirs' shows the log directories; the broker's log says why"},
	"UNSUPPORTED_COMPRESSION_TYPE": {"the broker does not have this compression", ""},
	"THROTTLING_QUOTA_EXCEEDED":    {"a quota of the cluster is used up", "wait, or ask for a larger controller_mutation_rate"},
	"REQUEST_TIMED_OUT":            {"the cluster did not do it in time", "it may still happen; -X request.timeout.ms waits longer"},
	"INELIGIBLE_REPLICA":           {"a replica may not take this part", ""},
	"UNKNOWN_MEMBER_ID":            {"the group has no such member", "'moldau groups members' lists them"},
	"REASSIGNMENT_IN_PROGRESS":     {"a reassignment of the topic's partitions is under way", "wait until it is done"},
	"INVALID_REPLICA_ASSIGNMENT":   {"the replicas do not fit the cluster", ""},
	"FEATURE_UPDATE_FAILED":        {"the feature cannot have this level", "'moldau cluster features' shows the levels there are"},
	"UNSUPPORTED_VERSION":          {"the cluster does not have this request", "'moldau cluster api-versions' shows what it has"},
	"BROKER_NOT_AVAILABLE":         {"the broker is not there at the moment", "'moldau cluster nodes' lists those that are"},
	"ELECTION_NOT_NEEDED":          {"the leader is already the right one", ""},
	"RESOURCE_NOT_FOUND":           {"there is no such thing", ""},
	"POSITION_OUT_OF_RANGE":        {"the position is out of range", ""},
	"INVALID_TIMESTAMP":            {"the timestamp is outside of what the topic takes", "message.timestamp.before.max.ms and message.timestamp.after.max.ms of the topic bound it"},
	"INVALID_RECORD":               {"the broker refuses the record", "a compacted topic takes only records with a key"},
	"UNSTABLE_OFFSET_COMMIT":       {"offsets of an open transaction are pending", "try again"},
	"FENCED_INSTANCE_ID":           {"another member has this group.instance.id", ""},
	"GROUP_MAX_SIZE_REACHED":       {"the group is full", "group.max.size on the brokers bounds it"},
	"INCONSISTENT_GROUP_PROTOCOL":  {"the members of the group share no protocol", ""},
	"TRANSACTIONAL_ID_NOT_FOUND":   {"there is no such transactional id", ""},
	"INVALID_REQUEST":              {"the broker cannot make sense of the request", ""},
	"UNKNOWN_SERVER_ERROR":         {"the broker met an error it did not expect", "the log of the broker says what"},
	"DUPLICATE_RESOURCE":           {"it is there already", ""},
	"UNACCEPTABLE_CREDENTIAL":      {"the credential does not do", ""},
	"INVALID_UPDATE_VERSION":       {"the version is out of date", ""},
	"BROKER_ID_NOT_REGISTERED":     {"the cluster has no broker with this id", "'moldau cluster nodes' lists the brokers"},
	"MISMATCHED_ENDPOINT_TYPE":     {"this endpoint is of another type", "controllers have their own listeners; -b wants a broker's"},
	"UNSUPPORTED_ENDPOINT_TYPE":    {"this endpoint does not answer that", ""},
	"NOT_ENOUGH_REPLICAS_AFTER_APPEND": {
		"the records are written, but too few replicas were in sync then", "the topic's min.insync.replicas asks for more",
	},
}

package compat

import (
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

func adminScenarios() []scenario {
	return []scenario{
		{name: "CreateTopics", run: createTopics},
		{name: "CreateTopics: validate only, and every version", run: createTopicsVersions},
		{name: "DeleteTopics", run: deleteTopics},
		{name: "CreatePartitions", run: createPartitions},
		{name: "DescribeConfigs", run: describeConfigs},
		{name: "IncrementalAlterConfigs", run: incrementalAlterConfigs},
		{name: "AlterConfigs", run: alterConfigs},
		{name: "ListConfigResources", needs: []kmsg.Key{kmsg.ListConfigResources}, run: listConfigResources},
		{name: "DescribeCluster", needs: []kmsg.Key{kmsg.DescribeCluster}, run: describeCluster},
		{name: "DescribeLogDirs", needs: []kmsg.Key{kmsg.DescribeLogDirs}, run: describeLogDirs},
		{name: "ElectLeaders", needs: []kmsg.Key{kmsg.ElectLeaders}, run: electLeaders},
		{name: "UpdateFeatures", needs: []kmsg.Key{kmsg.UpdateFeatures}, run: updateFeatures},
		{name: "DescribeQuorum", needs: []kmsg.Key{kmsg.DescribeQuorum}, run: describeQuorum},
		{name: "AlterPartitionReassignments and ListPartitionReassignments", needs: []kmsg.Key{kmsg.AlterPartitionAssignments, kmsg.ListPartitionReassignments}, run: reassignments},
		{name: "UnregisterBroker", needs: []kmsg.Key{kmsg.UnregisterBroker}, run: unregisterBroker},
	}
}

func createTopic(topic string, change func(*kmsg.CreateTopicsRequestTopic)) *kmsg.CreateTopicsRequest {
	req := kmsg.NewPtrCreateTopicsRequest()
	req.SetVersion(7)
	req.TimeoutMillis = 10_000
	t := kmsg.NewCreateTopicsRequestTopic()
	t.Topic, t.NumPartitions, t.ReplicationFactor = topic, 1, 1
	if change != nil {
		change(&t)
	}
	req.Topics = append(req.Topics, t)
	return req
}

func config(name, value string) kmsg.CreateTopicsRequestTopicConfig {
	return kmsg.CreateTopicsRequestTopicConfig{Name: name, Value: &value}
}

func assignment(partition int32, replicas ...int32) kmsg.CreateTopicsRequestTopicReplicaAssignment {
	return kmsg.CreateTopicsRequestTopicReplicaAssignment{Partition: partition, Replicas: replicas}
}

func createTopics(c *client) {
	c.create("existing", 1)
	c.create("with.dot", 1)
	for _, test := range []struct {
		name, topic string
		change      func(*kmsg.CreateTopicsRequestTopic)
	}{
		{"a topic", "created", nil},
		{"an existing topic", "existing", nil},
		{"a colliding name", "with_dot", nil},
		{"an empty name", "", nil},
		{"a dot", ".", nil},
		{"two dots", "..", nil},
		{"white space", "white space", nil},
		{"a name too long", strings.Repeat("x", 250), nil},
		{"the longest name", strings.Repeat("x", 249), nil},
		{"the metadata topic", "__cluster_metadata", nil},
		{"an internal topic", "__share_group_state", nil},
		{"partitions 0", "c-1", func(t *kmsg.CreateTopicsRequestTopic) { t.NumPartitions = 0 }},
		{"partitions -1", "c-2", func(t *kmsg.CreateTopicsRequestTopic) { t.NumPartitions = -1 }},
		{"partitions -2", "c-3", func(t *kmsg.CreateTopicsRequestTopic) { t.NumPartitions = -2 }},
		{"too many partitions", "c-4", func(t *kmsg.CreateTopicsRequestTopic) { t.NumPartitions = 10_001 }},
		{"far too many partitions", "c-5", func(t *kmsg.CreateTopicsRequestTopic) { t.NumPartitions = math.MaxInt32 }},
		{"replication factor 0", "c-6", func(t *kmsg.CreateTopicsRequestTopic) { t.ReplicationFactor = 0 }},
		{"replication factor -1", "c-7", func(t *kmsg.CreateTopicsRequestTopic) { t.ReplicationFactor = -1 }},
		{"replication factor -2", "c-8", func(t *kmsg.CreateTopicsRequestTopic) { t.ReplicationFactor = -2 }},
		{"replication factor 2", "c-9", func(t *kmsg.CreateTopicsRequestTopic) { t.ReplicationFactor = 2 }},
		{"an assignment", "c-10", assigned(-1, -1, assignment(0, 1), assignment(1, 1))},
		{"an assignment and a count", "c-11", assigned(1, -1, assignment(0, 1))},
		{"an assignment and a factor", "c-12", assigned(-1, 1, assignment(0, 1))},
		{"an assignment to nobody", "c-13", assigned(-1, -1, assignment(0))},
		{"an assignment to an unknown broker", "c-14", assigned(-1, -1, assignment(0, 9))},
		{"an assignment to a broker twice", "c-15", assigned(-1, -1, assignment(0, 1, 1))},
		{"an assignment of a partition twice", "c-16", assigned(-1, -1, assignment(0, 1), assignment(0, 1))},
		{"an assignment with a gap", "c-17", assigned(-1, -1, assignment(0, 1), assignment(2, 1))},
		{"an assignment to broker -1", "c-18", assigned(-1, -1, assignment(0, -1))},
		{"a config", "c-19", configured(config("retention.ms", "1000"))},
		{"an unknown config", "c-20", configured(config("retention", "1000"))},
		{"a wrong value", "c-21", configured(config("retention.ms", "long"))},
		{"a value out of range", "c-22", configured(config("segment.bytes", "5"))},
		{"a null value", "c-23", configured(kmsg.CreateTopicsRequestTopicConfig{Name: "retention.ms"})},
		{"an empty config name", "c-24", configured(config("", "1"))},
		{"a config twice", "c-25", configured(config("retention.ms", "1"), config("retention.ms", "2"))},
		{"configs that do not fit", "c-26", configured(config("local.retention.ms", "2000"), config("retention.ms", "1000"))},
		{"compact,delete", "c-27", configured(config("cleanup.policy", "compact,delete"))},
		{"no cleanup policy", "c-28", configured(config("cleanup.policy", ""))},
		{"an unknown cleanup policy", "c-29", configured(config("cleanup.policy", "keep"))},
		{"min.insync.replicas 2", "c-30", configured(config("min.insync.replicas", "2"))},
		{"tiered storage", "c-31", configured(config("remote.storage.enable", "true"))},
	} {
		c.ask(test.name, createTopic(test.topic, test.change))
	}
	req := createTopic("c-twice", nil)
	req.Topics = append(req.Topics, req.Topics[0], createTopic("c-once", nil).Topics[0])
	c.ask("a topic twice", req)
	c.ask("no topics", &kmsg.CreateTopicsRequest{Version: 7, TimeoutMillis: 1000})
	for _, timeout := range []int32{0, -1} {
		late := createTopic("c-late", nil)
		late.TimeoutMillis = timeout
		c.ask(fmt.Sprintf("a timeout of %d", timeout), late)
	}
}

func assigned(partitions int32, factor int16, assignments ...kmsg.CreateTopicsRequestTopicReplicaAssignment) func(*kmsg.CreateTopicsRequestTopic) {
	return func(t *kmsg.CreateTopicsRequestTopic) {
		t.NumPartitions, t.ReplicationFactor, t.ReplicaAssignment = partitions, factor, assignments
	}
}

func configured(configs ...kmsg.CreateTopicsRequestTopicConfig) func(*kmsg.CreateTopicsRequestTopic) {
	return func(t *kmsg.CreateTopicsRequestTopic) { t.Configs = configs }
}

func createTopicsVersions(c *client) {
	for v := int16(2); v <= 7; v++ {
		for _, validate := range []bool{true, false} {
			req := createTopic(fmt.Sprintf("version-%d", v), assigned(-1, -1))
			req.SetVersion(v)
			req.ValidateOnly = validate
			c.ask(fmt.Sprintf("defaults, validate only %v, v%d", validate, v), req)
		}
		again := createTopic(fmt.Sprintf("version-%d", v), nil)
		again.SetVersion(v)
		again.ValidateOnly = true
		c.ask(fmt.Sprintf("it exists, v%d", v), again)
	}
	c.each("a wrong config", 2, 7, func(int16) kmsg.Request { return createTopic("wrong", configured(config("retention.ms", "long"))) })
}

func deleteTopics(c *client) {
	id := c.create("to-delete", 1)
	for v := int16(1); v <= 6; v++ {
		c.create(fmt.Sprintf("to-delete-%d", v), 1)
	}
	request := func(topics ...string) *kmsg.DeleteTopicsRequest {
		req := kmsg.NewPtrDeleteTopicsRequest()
		req.TimeoutMillis, req.TopicNames = 10_000, topics
		for _, topic := range topics {
			req.Topics = append(req.Topics, kmsg.DeleteTopicsRequestTopic{Topic: &topic})
		}
		return req
	}
	c.each("a topic", 1, 6, func(v int16) kmsg.Request { return request(fmt.Sprintf("to-delete-%d", v)) })
	c.each("an unknown topic", 1, 6, func(int16) kmsg.Request { return request("to-delete-1") })
	c.each("a topic twice", 1, 6, func(int16) kmsg.Request { return request("to-delete", "to-delete") })
	c.each("an invalid name", 1, 6, func(int16) kmsg.Request { return request("not a name", "") })
	c.each("no topics", 1, 6, func(int16) kmsg.Request { return request() })
	byID := func(name string, topics ...kmsg.DeleteTopicsRequestTopic) {
		req := kmsg.NewPtrDeleteTopicsRequest()
		req.SetVersion(6)
		req.TimeoutMillis, req.Topics = 10_000, topics
		c.ask(name, req)
	}
	topic := "to-delete"
	byID("an unknown id", kmsg.DeleteTopicsRequestTopic{TopicID: [16]byte{1}})
	byID("neither id nor name", kmsg.DeleteTopicsRequestTopic{})
	byID("id and name", kmsg.DeleteTopicsRequestTopic{TopicID: id, Topic: &topic})
	byID("an id and its name", kmsg.DeleteTopicsRequestTopic{TopicID: id}, kmsg.DeleteTopicsRequestTopic{Topic: &topic})
	byID("an id twice", kmsg.DeleteTopicsRequestTopic{TopicID: id}, kmsg.DeleteTopicsRequestTopic{TopicID: id})
	byID("by id", kmsg.DeleteTopicsRequestTopic{TopicID: id})
}

func createPartitions(c *client) {
	c.create("grow", 2)
	request := func(topic string, count int32, assignments ...[]int32) *kmsg.CreatePartitionsRequest {
		req := kmsg.NewPtrCreatePartitionsRequest()
		req.SetVersion(3)
		req.TimeoutMillis = 10_000
		t := kmsg.NewCreatePartitionsRequestTopic()
		t.Topic, t.Count = topic, count
		for _, replicas := range assignments {
			t.Assignment = append(t.Assignment, kmsg.CreatePartitionsRequestTopicAssignment{Replicas: replicas})
		}
		req.Topics = append(req.Topics, t)
		return req
	}
	for _, count := range []int32{2, 1, 0, -1, math.MinInt32, math.MaxInt32, 10_003} {
		c.each(fmt.Sprintf("to %d", count), 0, 3, func(int16) kmsg.Request { return request("grow", count) })
	}
	c.ask("unknown topic", request("grow-unknown", 3))
	c.ask("invalid topic", request("not a name", 3))
	c.ask("an assignment too short", request("grow", 4, []int32{1}))
	c.ask("an assignment too long", request("grow", 3, []int32{1}, []int32{1}))
	c.ask("an unknown broker", request("grow", 3, []int32{9}))
	c.ask("a broker twice", request("grow", 3, []int32{1, 1}))
	c.ask("no broker", request("grow", 3, []int32{}))
	only := request("grow", 3)
	only.ValidateOnly = true
	c.ask("validate only", only)
	c.ask("to 3", request("grow", 3, []int32{1}))
	twice := request("grow", 5)
	twice.Topics = append(twice.Topics, twice.Topics[0])
	c.ask("a topic twice", twice)
	c.each("by one", 0, 3, func(v int16) kmsg.Request { return request("grow", 4+int32(v)) })
	c.ask("no topics", &kmsg.CreatePartitionsRequest{Version: 3, TimeoutMillis: 1000})
}

func describeResource(kind kmsg.ConfigResourceType, name string, keys ...string) *kmsg.DescribeConfigsRequest {
	req := kmsg.NewPtrDescribeConfigsRequest()
	req.SetVersion(4)
	r := kmsg.NewDescribeConfigsRequestResource()
	r.ResourceType, r.ResourceName, r.ConfigNames = kind, name, keys
	req.Resources = append(req.Resources, r)
	return req
}

func describeConfigs(c *client) {
	c.create("described", 1, "retention.ms", "1000")
	c.each("a topic", 1, 4, func(int16) kmsg.Request { return describeResource(kmsg.ConfigResourceTypeTopic, "described") })
	c.each("synonyms", 1, 4, func(int16) kmsg.Request {
		req := describeResource(kmsg.ConfigResourceTypeTopic, "described", "retention.ms", "segment.bytes", "cleanup.policy", "unknown")
		req.IncludeSynonyms = true
		return req
	})
	for _, test := range []struct {
		name string
		req  *kmsg.DescribeConfigsRequest
	}{
		{"no keys", describeResource(kmsg.ConfigResourceTypeTopic, "described", []string{}...)},
		{"an empty list of keys", func() *kmsg.DescribeConfigsRequest {
			req := describeResource(kmsg.ConfigResourceTypeTopic, "described")
			req.Resources[0].ConfigNames = []string{}
			return req
		}()},
		{"unknown topic", describeResource(kmsg.ConfigResourceTypeTopic, "described-not")},
		{"invalid topic", describeResource(kmsg.ConfigResourceTypeTopic, "not a name")},
		{"empty topic", describeResource(kmsg.ConfigResourceTypeTopic, "")},
		{"another broker", describeResource(kmsg.ConfigResourceTypeBroker, "9")},
		{"a broker that is no number", describeResource(kmsg.ConfigResourceTypeBroker, "one")},
		{"the default of brokers", describeResource(kmsg.ConfigResourceTypeBroker, "")},
		{"a broker's keys", describeResource(kmsg.ConfigResourceTypeBroker, "1", "log.retention.hours", "node.id", "compression.type", "min.insync.replicas", "unknown")},
		{"loggers of another broker", describeResource(kmsg.ConfigResourceTypeBrokerLogger, "9")},
		{"loggers without a broker", describeResource(kmsg.ConfigResourceTypeBrokerLogger, "")},
		{"an unknown group", describeResource(kmsg.ConfigResourceTypeGroupConfig, "described-group")},
		{"an empty group", describeResource(kmsg.ConfigResourceTypeGroupConfig, "")},
		{"client metrics", describeResource(kmsg.ConfigResourceTypeClientMetrics, "described-metrics")},
		{"empty client metrics", describeResource(kmsg.ConfigResourceTypeClientMetrics, "")},
		{"an unknown type", describeResource(99, "x")},
		{"type 0", describeResource(0, "x")},
		{"nothing", &kmsg.DescribeConfigsRequest{Version: 4}},
	} {
		c.ask(test.name, test.req)
	}
	c.each("every key of a topic, with synonyms", 1, 4, func(int16) kmsg.Request {
		req := describeResource(kmsg.ConfigResourceTypeTopic, "described")
		req.IncludeSynonyms = true
		return req
	})
	c.each("a topic twice", 1, 4, func(int16) kmsg.Request {
		req := describeResource(kmsg.ConfigResourceTypeTopic, "described", "retention.ms")
		req.Resources = append(req.Resources, req.Resources[0])
		return req
	})
	c.each("a key twice", 1, 4, func(int16) kmsg.Request {
		return describeResource(kmsg.ConfigResourceTypeTopic, "described", "retention.ms", "retention.ms")
	})
	c.each("every key of the broker", 1, 4, func(int16) kmsg.Request { return describeResource(kmsg.ConfigResourceTypeBroker, "1") })
}

func alterKey(kind kmsg.ConfigResourceType, name, key string, op kmsg.IncrementalAlterConfigOp, value *string) *kmsg.IncrementalAlterConfigsRequest {
	req := kmsg.NewPtrIncrementalAlterConfigsRequest()
	req.SetVersion(1)
	req.Resources = []kmsg.IncrementalAlterConfigsRequestResource{{
		ResourceType: kind, ResourceName: name,
		Configs: []kmsg.IncrementalAlterConfigsRequestResourceConfig{{Name: key, Op: op, Value: value}},
	}}
	return req
}

func incrementalAlterConfigs(c *client) {
	c.create("altered", 1)
	const topic, broker, logger, metrics, group = kmsg.ConfigResourceTypeTopic, kmsg.ConfigResourceTypeBroker, kmsg.ConfigResourceTypeBrokerLogger, kmsg.ConfigResourceTypeClientMetrics, kmsg.ConfigResourceTypeGroupConfig
	const set, remove, add, subtract = kmsg.IncrementalAlterConfigOpSet, kmsg.IncrementalAlterConfigOpDelete, kmsg.IncrementalAlterConfigOpAppend, kmsg.IncrementalAlterConfigOpSubtract
	v := kmsg.StringPtr
	for _, test := range []struct {
		name  string
		kind  kmsg.ConfigResourceType
		of    string
		key   string
		op    kmsg.IncrementalAlterConfigOp
		value *string
	}{
		{"set", topic, "altered", "retention.ms", set, v("5000")},
		{"set null", topic, "altered", "retention.ms", set, nil},
		{"set a wrong value", topic, "altered", "retention.ms", set, v("x")},
		{"set out of range", topic, "altered", "min.insync.replicas", set, v("0")},
		{"set an unknown key", topic, "altered", "retention", set, v("1")},
		{"set an empty key", topic, "altered", "", set, v("1")},
		{"append to a list", topic, "altered", "cleanup.policy", add, v("compact")},
		{"append what is there", topic, "altered", "cleanup.policy", add, v("compact")},
		{"append to no list", topic, "altered", "retention.ms", add, v("1")},
		{"append null", topic, "altered", "cleanup.policy", add, nil},
		{"subtract", topic, "altered", "cleanup.policy", subtract, v("compact")},
		{"subtract what is not there", topic, "altered", "cleanup.policy", subtract, v("compact")},
		{"subtract from no list", topic, "altered", "retention.ms", subtract, v("1")},
		{"delete", topic, "altered", "retention.ms", remove, nil},
		{"delete what is not set", topic, "altered", "retention.ms", remove, nil},
		{"delete an unknown key", topic, "altered", "retention", remove, nil},
		{"delete with a value", topic, "altered", "retention.ms", remove, v("1")},
		{"an unknown operation", topic, "altered", "retention.ms", 9, v("1")},
		{"an unknown topic", topic, "altered-not", "retention.ms", set, v("1")},
		{"an invalid topic", topic, "not a name", "retention.ms", set, v("1")},
		{"an empty topic", topic, "", "retention.ms", set, v("1")},
		{"a broker", broker, "1", "log.cleaner.threads", set, v("1")},
		{"a broker's key back", broker, "1", "log.cleaner.threads", remove, nil},
		{"a key that is not dynamic", broker, "1", "node.id", set, v("5")},
		{"an unknown key of a broker", broker, "1", "nonsense", set, v("5")},
		{"a wrong value of a broker", broker, "1", "log.cleaner.threads", set, v("x")},
		{"another broker", broker, "9", "log.cleaner.threads", set, v("1")},
		{"a broker that is no number", broker, "one", "log.cleaner.threads", set, v("1")},
		{"all brokers", broker, "", "log.retention.ms", set, v("86400000")},
		{"all brokers back", broker, "", "log.retention.ms", remove, nil},
		{"a key of one broker for all", broker, "", "advertised.listeners", set, v("PLAINTEXT://localhost:1")},
		{"a logger of another broker", logger, "9", "root", set, v("INFO")},
		{"a logger without a broker", logger, "", "root", set, v("INFO")},
		{"a level that is none", logger, "1", "root", set, v("NOISY")},
		{"append to a logger", logger, "1", "root", add, v("INFO")},
		{"a group", group, "altered-group", "consumer.session.timeout.ms", set, v("46000")},
		{"a group's key back", group, "altered-group", "consumer.session.timeout.ms", remove, nil},
		{"a group's unknown key", group, "altered-group", "nonsense", set, v("1")},
		{"a group's value out of range", group, "altered-group", "consumer.session.timeout.ms", set, v("1")},
		{"an empty group", group, "", "consumer.session.timeout.ms", set, v("46000")},
		{"client metrics", metrics, "altered-metrics", "interval.ms", set, v("1000")},
		{"client metrics back", metrics, "altered-metrics", "interval.ms", remove, nil},
		{"client metrics too often", metrics, "altered-metrics", "interval.ms", set, v("1")},
		{"an unknown key of client metrics", metrics, "altered-metrics", "nonsense", set, v("1")},
		{"a wrong match of client metrics", metrics, "altered-metrics", "match", set, v("nonsense")},
		{"empty client metrics", metrics, "", "interval.ms", set, v("1000")},
		{"an unknown type", 99, "x", "y", set, v("1")},
	} {
		c.each(test.name, 0, 1, func(int16) kmsg.Request {
			return alterKey(test.kind, test.of, test.key, test.op, test.value)
		})
	}
	only := alterKey(topic, "altered", "retention.ms", set, v("777"))
	only.ValidateOnly = true
	c.ask("validate only", only)
	twice := alterKey(topic, "altered", "retention.ms", set, v("1"))
	twice.Resources[0].Configs = append(twice.Resources[0].Configs, twice.Resources[0].Configs[0])
	c.ask("a key twice", twice)
	twice = alterKey(topic, "altered", "retention.ms", set, v("1"))
	twice.Resources = append(twice.Resources, twice.Resources[0])
	c.ask("a resource twice", twice)
	several := alterKey(topic, "altered", "retention.ms", set, v("1"))
	several.Resources = append(several.Resources, alterKey(topic, "altered-not", "retention.ms", set, v("1")).Resources...)
	c.ask("one of two is wrong", several)
	c.ask("nothing", &kmsg.IncrementalAlterConfigsRequest{Version: 1})
}

func alterConfigs(c *client) {
	c.create("replaced", 1, "retention.ms", "1000")
	request := func(kind kmsg.ConfigResourceType, name string, configs ...string) *kmsg.AlterConfigsRequest {
		req := kmsg.NewPtrAlterConfigsRequest()
		req.SetVersion(2)
		r := kmsg.NewAlterConfigsRequestResource()
		r.ResourceType, r.ResourceName = kind, name
		for i := 0; i < len(configs); i += 2 {
			r.Configs = append(r.Configs, kmsg.AlterConfigsRequestResourceConfig{Name: configs[i], Value: &configs[i+1]})
		}
		req.Resources = append(req.Resources, r)
		return req
	}
	const topic = kmsg.ConfigResourceTypeTopic
	for _, test := range []struct {
		name string
		req  *kmsg.AlterConfigsRequest
	}{
		{"a topic", request(topic, "replaced", "segment.ms", "100000")},
		{"an unknown key", request(topic, "replaced", "nonsense", "1")},
		{"a wrong value", request(topic, "replaced", "segment.ms", "x")},
		{"no keys", request(topic, "replaced")},
		{"an unknown topic", request(topic, "replaced-not", "segment.ms", "1")},
		{"another broker", request(kmsg.ConfigResourceTypeBroker, "9", "log.cleaner.threads", "1")},
		{"loggers", request(kmsg.ConfigResourceTypeBrokerLogger, "1", "root", "INFO")},
		{"an unknown type", request(99, "x", "y", "z")},
		{"a group", request(kmsg.ConfigResourceTypeGroupConfig, "replaced-group", "consumer.session.timeout.ms", "46000")},
		{"a group's wrong value", request(kmsg.ConfigResourceTypeGroupConfig, "replaced-group", "consumer.session.timeout.ms", "x")},
		{"client metrics", request(kmsg.ConfigResourceTypeClientMetrics, "replaced-metrics", "interval.ms", "1000")},
		{"an empty topic", request(topic, "", "segment.ms", "1")},
		{"all brokers", request(kmsg.ConfigResourceTypeBroker, "", "log.cleaner.threads", "1")},
		{"all brokers back", request(kmsg.ConfigResourceTypeBroker, "")},
		{"a key twice", request(topic, "replaced", "segment.ms", "100000", "segment.ms", "200000")},
	} {
		c.each(test.name, 0, 2, func(int16) kmsg.Request { return test.req })
	}
	only := request(topic, "replaced", "segment.ms", "300000")
	only.ValidateOnly = true
	c.ask("validate only", only)
	c.ask("what it is after that", describeResource(topic, "replaced", "segment.ms", "retention.ms"))
	c.ask("nothing", &kmsg.AlterConfigsRequest{Version: 2})
	null := request(topic, "replaced", "segment.ms", "1")
	null.Resources[0].Configs[0].Value = nil
	c.ask("a null value", null)
	twice := request(topic, "replaced", "segment.ms", "100000")
	twice.Resources = append(twice.Resources, twice.Resources[0])
	impatient := c.other("compat")
	defer impatient.close()
	impatient.patience = time.Second
	impatient.ask("a resource twice", twice)
}

func listConfigResources(c *client) {
	for _, types := range [][]int8{{16}, {32}, {8}, {4}, {1}, {0}, {99}, {-1}, {16, 32}, {16, 16}, {16, 99}} {
		c.each(fmt.Sprintf("types %v", types), 1, 1, func(int16) kmsg.Request {
			req := kmsg.NewPtrListConfigResourcesRequest()
			req.ResourceTypes = types
			return req
		})
	}
	c.each("client metrics", 0, 0, func(int16) kmsg.Request { return kmsg.NewPtrListConfigResourcesRequest() })
}

func describeCluster(c *client) {
	for _, endpoint := range []int8{0, 1, 2, 3, -1} {
		for _, fenced := range []bool{false, true} {
			c.each(fmt.Sprintf("endpoint type %d, fenced %v", endpoint, fenced), 0, 2, func(v int16) kmsg.Request {
				req := kmsg.NewPtrDescribeClusterRequest()
				if v >= 1 {
					req.EndpointType = endpoint
				}
				if v >= 2 {
					req.IncludeFencedBrokers = fenced
				}
				return req
			})
		}
	}
	c.each("with operations", 0, 2, func(int16) kmsg.Request {
		req := kmsg.NewPtrDescribeClusterRequest()
		req.IncludeClusterAuthorizedOperations = true
		return req
	})
}

func describeLogDirs(c *client) {
	id := c.create("dirs", 2)
	c.fill("dirs", id, 3, 100)
	request := func(topic string, partitions ...int32) *kmsg.DescribeLogDirsRequest {
		req := kmsg.NewPtrDescribeLogDirsRequest()
		req.Topics = []kmsg.DescribeLogDirsRequestTopic{{Topic: topic, Partitions: partitions}}
		return req
	}
	c.each("partitions", 1, 5, func(int16) kmsg.Request { return request("dirs", 0, 1) })
	c.each("one of them unknown", 1, 5, func(int16) kmsg.Request { return request("dirs", 0, 9, -1) })
	c.each("unknown topic", 1, 5, func(int16) kmsg.Request { return request("dirs-not", 0) })
	c.each("no partitions", 1, 5, func(int16) kmsg.Request { return request("dirs") })
	c.each("no topics", 1, 5, func(int16) kmsg.Request {
		return &kmsg.DescribeLogDirsRequest{Topics: []kmsg.DescribeLogDirsRequestTopic{}}
	})
}

func electLeaders(c *client) {
	c.create("elect", 2)
	request := func(kind int8, topic string, partitions ...int32) *kmsg.ElectLeadersRequest {
		req := kmsg.NewPtrElectLeadersRequest()
		req.ElectionType, req.TimeoutMillis = kind, 5000
		req.Topics = []kmsg.ElectLeadersRequestTopic{{Topic: topic, Partitions: partitions}}
		return req
	}
	c.each("not needed", 0, 2, func(int16) kmsg.Request { return request(0, "elect", 0, 1) })
	c.each("unclean, not needed", 1, 2, func(int16) kmsg.Request { return request(1, "elect", 0) })
	c.each("unknown type", 1, 2, func(int16) kmsg.Request { return request(5, "elect", 0) })
	c.each("unknown partition", 0, 2, func(int16) kmsg.Request { return request(0, "elect", 0, 7) })
	c.each("unknown topic", 0, 2, func(int16) kmsg.Request { return request(0, "elect-not", 0) })
	c.each("a partition twice, and -1", 0, 2, func(int16) kmsg.Request { return request(0, "elect", 0, 0, -1) })
	c.each("a topic without partitions", 0, 2, func(int16) kmsg.Request { return request(0, "elect") })
	c.each("all", 0, 2, func(int16) kmsg.Request { return &kmsg.ElectLeadersRequest{TimeoutMillis: 5000} })
	c.each("no topics and an unknown type", 1, 2, func(int16) kmsg.Request {
		return &kmsg.ElectLeadersRequest{TimeoutMillis: 5000, ElectionType: 5, Topics: []kmsg.ElectLeadersRequestTopic{}}
	})
	for _, timeout := range []int32{0, -1} {
		c.each(fmt.Sprintf("a timeout of %d", timeout), 0, 2, func(int16) kmsg.Request {
			req := request(0, "elect", 0)
			req.TimeoutMillis = timeout
			return req
		})
	}
	c.each("no topics", 0, 2, func(int16) kmsg.Request {
		return &kmsg.ElectLeadersRequest{TimeoutMillis: 5000, Topics: []kmsg.ElectLeadersRequestTopic{}}
	})
}

func updateFeatures(c *client) {
	request := func(feature string, level int16, upgrade int8) *kmsg.UpdateFeaturesRequest {
		req := kmsg.NewPtrUpdateFeaturesRequest()
		req.TimeoutMillis, req.ValidateOnly = 10_000, true
		f := kmsg.NewUpdateFeaturesRequestFeatureUpdate()
		f.Feature, f.MaxVersionLevel, f.UpgradeType = feature, level, upgrade
		req.FeatureUpdates = append(req.FeatureUpdates, f)
		return req
	}
	for _, test := range []struct {
		name  string
		level int16
		kind  int8
	}{
		{"metadata.version", 33, 1},
		{"metadata.version", 34, 1},
		{"metadata.version", 6, 1},
		{"metadata.version", 32, 1},
		{"metadata.version", 29, 2},
		{"metadata.version", 0, 2},
		{"metadata.version", 33, 0},
		{"metadata.version", 33, 9},
		{"group.version", 1, 1},
		{"group.version", 2, 1},
		{"group.version", -1, 1},
		{"nonsense", 1, 1},
		{"nonsense", 0, 2},
		{"", 1, 1},
	} {
		c.each(fmt.Sprintf("%q to %d, kind %d", test.name, test.level, test.kind), 1, 2, func(int16) kmsg.Request { return request(test.name, test.level, test.kind) })
	}
	twice := request("group.version", 1, 1)
	twice.FeatureUpdates = append(twice.FeatureUpdates, twice.FeatureUpdates[0])
	c.each("a feature twice", 1, 2, func(int16) kmsg.Request { return twice })
	c.each("nothing", 1, 2, func(int16) kmsg.Request { return &kmsg.UpdateFeaturesRequest{TimeoutMillis: 1000, ValidateOnly: true} })
}

func describeQuorum(c *client) {
	request := func(topic string, partition int32) *kmsg.DescribeQuorumRequest {
		req := kmsg.NewPtrDescribeQuorumRequest()
		req.Topics = []kmsg.DescribeQuorumRequestTopic{{Topic: topic, Partitions: []kmsg.DescribeQuorumRequestTopicPartition{{Partition: partition}}}}
		return req
	}
	c.each("the metadata log", 0, 2, func(int16) kmsg.Request { return request("__cluster_metadata", 0) })
	c.each("another topic", 0, 2, func(int16) kmsg.Request { return request("nonsense", 0) })
	c.each("another partition", 0, 2, func(int16) kmsg.Request { return request("__cluster_metadata", 1) })
	c.each("no topics", 0, 2, func(int16) kmsg.Request { return &kmsg.DescribeQuorumRequest{} })
	c.each("the metadata log and another topic", 0, 2, func(int16) kmsg.Request {
		req := request("__cluster_metadata", 0)
		req.Topics = append(req.Topics, request("nonsense", 0).Topics...)
		return req
	})
	c.each("the metadata log twice", 0, 2, func(int16) kmsg.Request {
		req := request("__cluster_metadata", 0)
		req.Topics = append(req.Topics, req.Topics[0])
		return req
	})
}

func reassignments(c *client) {
	c.create("reassign", 2)
	alter := func(topic string, partition int32, replicas []int32) *kmsg.AlterPartitionAssignmentsRequest {
		req := kmsg.NewPtrAlterPartitionAssignmentsRequest()
		req.TimeoutMillis = 10_000
		p := kmsg.NewAlterPartitionAssignmentsRequestTopicPartition()
		p.Partition, p.Replicas = partition, replicas
		req.Topics = []kmsg.AlterPartitionAssignmentsRequestTopic{{Topic: topic, Partitions: []kmsg.AlterPartitionAssignmentsRequestTopicPartition{p}}}
		return req
	}
	for _, test := range []struct {
		name string
		req  *kmsg.AlterPartitionAssignmentsRequest
	}{
		{"to itself", alter("reassign", 0, []int32{1})},
		{"to an unknown broker", alter("reassign", 0, []int32{9})},
		{"to nobody", alter("reassign", 0, []int32{})},
		{"to a broker twice", alter("reassign", 0, []int32{1, 1})},
		{"to broker -1", alter("reassign", 0, []int32{-1})},
		{"cancel", alter("reassign", 0, nil)},
		{"an unknown partition", alter("reassign", 9, []int32{1})},
		{"an unknown topic", alter("reassign-not", 0, []int32{1})},
		{"nothing", &kmsg.AlterPartitionAssignmentsRequest{TimeoutMillis: 10_000}},
	} {
		c.each(test.name, 0, 1, func(int16) kmsg.Request { return test.req })
	}
	fixed := alter("reassign", 0, []int32{1})
	fixed.AllowReplicationFactorChange = false
	c.each("with the factor fixed", 0, 1, func(int16) kmsg.Request { return fixed })
	fixed = alter("reassign", 0, []int32{1, 9})
	fixed.AllowReplicationFactorChange = false
	c.ask("another factor although it is fixed", fixed)
	twice := alter("reassign", 0, []int32{1})
	twice.Topics[0].Partitions = append(twice.Topics[0].Partitions, twice.Topics[0].Partitions[0])
	c.each("a partition twice", 0, 1, func(int16) kmsg.Request { return twice })
	list := kmsg.NewPtrListPartitionReassignmentsRequest()
	list.TimeoutMillis = 10_000
	c.ask("list all", list)
	list.Topics = []kmsg.ListPartitionReassignmentsRequestTopic{{Topic: "reassign", Partitions: []int32{0, 9}}, {Topic: "reassign-not", Partitions: []int32{0}}}
	c.ask("list some", list)
	list.Topics = []kmsg.ListPartitionReassignmentsRequestTopic{}
	c.ask("list none", list)
}

func unregisterBroker(c *client) {
	for _, id := range []int32{9, -1} {
		req := kmsg.NewPtrUnregisterBrokerRequest()
		req.BrokerID = id
		c.ask(fmt.Sprintf("broker %d", id), req)
	}
}

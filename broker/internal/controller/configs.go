package controller

import (
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"moldau.dev/moldau/broker/internal/metadata"
	"moldau.dev/moldau/internal/config"
	"moldau.dev/moldau/internal/kafka"
	"moldau.dev/moldau/internal/protocol"
)

// configChange is what a request makes of the configs of one resource.
type configChange struct {
	resource metadata.ConfigResource
	// isNew says that the resource is only now created.
	isNew bool
	// existing are the configs of now, read-only.
	existing map[string]string
	// altered are the records that the client asked for, implied the deletions
	// of what a legacy request leaves out.
	altered, implied []*metadata.ConfigRecord
}

// set gives a config a value, or deletes it. Nothing is recorded if that
// changes nothing, except for brokers: they take it as a sign to read the files
// again that a config names (KAFKA-14136).
func (change *configChange) set(name string, value *string) {
	current, ok := change.existing[name]
	same := value == nil && !ok || value != nil && ok && *value == current
	if same && change.resource.Type != metadata.ResourceBroker {
		return
	}
	change.altered = append(change.altered, change.record(name, value))
}

func (change *configChange) record(name string, value *string) *metadata.ConfigRecord {
	return &metadata.ConfigRecord{ResourceType: change.resource.Type, ResourceName: change.resource.Name, Name: name, Value: value}
}

// next gives all configs as they will be.
func (change *configChange) next() map[string]string {
	next := maps.Clone(change.existing)
	if next == nil {
		next = map[string]string{}
	}
	for _, r := range slices.Concat(change.altered, change.implied) {
		if r.Value == nil {
			delete(next, r.Name)
		} else {
			next[r.Name] = *r.Value
		}
	}
	return next
}

// records gives the records of the change, and those that follow from it.
func (c *Core) configRecords(change *configChange) []metadata.Record {
	var records []metadata.Record
	for _, r := range slices.Concat(change.altered, change.implied) {
		records = append(records, r)
	}
	if !c.image.ELREnabled() {
		return records
	}
	for _, r := range slices.Concat(change.altered, change.implied) {
		if r.Name != minInSyncReplicas {
			continue
		}
		// The eligible leader replicas were chosen by the old minimum.
		clear := &metadata.ClearElrRecord{}
		if r.ResourceType == metadata.ResourceTopic {
			clear.TopicName = r.ResourceName
		}
		records = append(records, clear)
	}
	return records
}

// maxConfigValueSize bounds values, which the log stores with 16-bit lengths.
const maxConfigValueSize = math.MaxInt16

// checkConfigChange refuses a change with Kafka's code and message.
func (c *Core) checkConfigChange(change *configChange) error {
	for _, r := range change.altered {
		if err := c.checkConfigRecord(r); err != nil {
			return err
		}
		if r.Value != nil && len(*r.Value) > maxConfigValueSize {
			return kafka.Errorf(kerr.InvalidConfig,
				"The configuration value cannot be added because it exceeds the maximum value size of %d bytes.", maxConfigValueSize)
		}
	}
	for _, r := range change.implied {
		if err := c.checkConfigRecord(r); err != nil {
			return err
		}
	}
	if err := c.validateConfigs(change.resource, change.existing, change.next()); err != nil {
		return err
	}
	if change.isNew {
		return nil
	}
	return c.checkResourceExists(change.resource)
}

// checkConfigRecord guards configs of brokers on which the safety of the
// cluster rests.
func (c *Core) checkConfigRecord(r *metadata.ConfigRecord) error {
	switch {
	case r.ResourceType != metadata.ResourceBroker:
	case r.Name == minInSyncReplicas && c.image.ELREnabled() && r.ResourceName != "":
		return kafka.Errorf(kerr.InvalidConfig, "Broker-level %s cannot be altered while ELR is enabled.", minInSyncReplicas)
	case r.Name == minInSyncReplicas && c.image.ELREnabled() && r.Value == nil:
		return kafka.Errorf(kerr.InvalidConfig, "Cluster-level %s cannot be removed while ELR is enabled.", minInSyncReplicas)
	case r.Name == cordonedLogDirs && !c.version().CordonedSupported():
		return kafka.Errorf(kerr.InvalidConfig, "The %s configuration value cannot be set because it requires metadata.version >= %v",
			cordonedLogDirs, metadata.MetadataVersion43IV0)
	}
	return nil
}

// validateConfigs judges what the configs of a resource shall become. Configs
// of brokers are judged by the broker that they are for, before they come here.
func (c *Core) validateConfigs(resource metadata.ConfigResource, existing, next map[string]string) error {
	switch resource.Type {
	case metadata.ResourceTopic:
		if resource.Name == "" {
			return kafka.Errorf(kerr.InvalidRequest, "Default topic resources are not allowed.")
		}
		if err := kafka.ValidateTopicName(resource.Name); err != nil {
			return err
		}
		return c.options.Config.Broker.ValidateTopic(existing, next)
	case metadata.ResourceBroker:
		return checkBrokerName(resource.Name)
	case metadata.ResourceClientMetrics:
		if resource.Name == "" {
			return kafka.Errorf(kerr.InvalidRequest, "Subscription name can't be empty")
		}
		return config.ValidateClientMetrics(next)
	case metadata.ResourceGroup:
		if resource.Name == "" {
			return kafka.Errorf(kerr.InvalidRequest, "Default group resources are not allowed.")
		}
		return c.options.Config.Broker.ValidateGroup(next)
	default:
		return kafka.Errorf(kerr.InvalidRequest, "Unknown resource type %v", resource.Type)
	}
}

func checkBrokerName(name string) error {
	if name == "" {
		return nil
	}
	id, err := strconv.ParseInt(name, 10, 32)
	switch {
	case err != nil:
		return kafka.Errorf(kerr.InvalidRequest, "Unable to parse broker name as a base 10 number.")
	case id < 0:
		return kafka.Errorf(kerr.InvalidRequest, "Invalid negative broker ID.")
	}
	return nil
}

func (c *Core) checkResourceExists(resource metadata.ConfigResource) error {
	switch resource.Type {
	case metadata.ResourceBroker:
		if resource.Name == "" {
			return nil
		}
		id, err := strconv.ParseInt(resource.Name, 10, 32)
		if err != nil {
			return kafka.Errorf(kerr.InvalidRequest, "Invalid broker name %s", resource.Name)
		}
		node := kafka.NodeID(id)
		if c.image.Broker(node) == nil && c.image.Controller(node) == nil && !slices.Contains(c.voters(), node) {
			return kafka.Errorf(kerr.BrokerIDNotRegistered, "No node with id %d found.", id)
		}
	case metadata.ResourceTopic:
		if c.image.Topic(resource.Name) == nil {
			return kafka.Errorf(kerr.UnknownTopicOrPartition, "The topic '%s' does not exist.", resource.Name)
		}
	}
	return nil
}

// voters gives the ids of the quorum's controllers.
func (c *Core) voters() []kafka.NodeID {
	if c.options.Voters == nil {
		return []kafka.NodeID{c.options.NodeID}
	}
	return c.options.Voters
}

// knownResource tells whether the protocol has the type at all.
func knownResource(t metadata.ResourceType) bool { return t.String() != "UNKNOWN" }

// resourceCount counts how often each resource is in a request.
type resourceCount map[metadata.ConfigResource]int

// duplicate tells whether the resource is in the request more than once, and
// whether that was answered already.
func (n resourceCount) duplicate(r metadata.ConfigResource) (duplicate, answered bool) {
	count := n[r]
	if count > 1 {
		n[r] = 0
	}
	return count != 1, count == 0
}

// IncrementalAlterConfigs sets, deletes, appends to and subtracts from configs
// (KIP-339). Either all changes of a resource are made or none; each resource
// has its own error in the response. Log levels (BROKER_LOGGER) are the
// broker's own business and refused here.
func (c *Core) IncrementalAlterConfigs(_ time.Time, req *kmsg.IncrementalAlterConfigsRequest) Result {
	count := resourceCount{}
	for i := range req.Resources {
		count[resourceOf(req.Resources[i].ResourceType, req.Resources[i].ResourceName)]++
	}
	resp := kmsg.NewPtrIncrementalAlterConfigsResponse()
	resp.Version = req.Version
	var records []metadata.Record
	for i := range req.Resources {
		r := &req.Resources[i]
		resource := resourceOf(r.ResourceType, r.ResourceName)
		duplicate, answered := count.duplicate(resource)
		if answered {
			continue
		}
		var err error
		change := configChange{resource: resource, existing: c.image.Config(resource)}
		switch {
		case !knownResource(resource.Type):
			err = kafka.Errorf(kerr.UnsupportedVersion, "Unknown resource type %d.", r.ResourceType)
		case duplicate:
			err = kafka.Errorf(kerr.InvalidRequest, "Duplicate resource.")
		default:
			err = change.alter(r.Configs)
		}
		if err == nil {
			err = c.checkConfigChange(&change)
		}
		if err == nil {
			records = append(records, c.configRecords(&change)...)
		}
		rr := kmsg.NewIncrementalAlterConfigsResponseResource()
		rr.ResourceType, rr.ResourceName = r.ResourceType, r.ResourceName
		rr.ErrorCode, rr.ErrorMessage = protocol.Code(err), protocol.Message(err)
		resp.Resources = append(resp.Resources, rr)
	}
	result := Result{Records: records, Response: resp, Atomic: true}.bounded()
	if req.ValidateOnly {
		result.Records = nil
	}
	return result
}

func resourceOf(t kmsg.ConfigResourceType, name string) metadata.ConfigResource {
	return metadata.ConfigResource{Type: metadata.ResourceType(t), Name: name}
}

// alter applies the operations; of several on one config the last counts.
func (change *configChange) alter(ops []kmsg.IncrementalAlterConfigsRequestResourceConfig) error {
	last := map[string]int{}
	for i := range ops {
		last[ops[i].Name] = i
	}
	for i := range ops {
		op := &ops[i]
		if last[op.Name] != i {
			continue
		}
		switch op.Op {
		case kmsg.IncrementalAlterConfigOpSet:
			change.set(op.Name, op.Value)
		case kmsg.IncrementalAlterConfigOpDelete:
			change.set(op.Name, nil)
		case kmsg.IncrementalAlterConfigOpAppend, kmsg.IncrementalAlterConfigOpSubtract:
			value, err := change.alterList(op)
			if err != nil {
				return err
			}
			change.set(op.Name, &value)
		default:
			return kafka.Errorf(kerr.InvalidRequest, "Unknown operations type %d", op.Op)
		}
	}
	return nil
}

// alterList appends to or subtracts from a list, starting from its default if
// it is not set.
func (change *configChange) alterList(op *kmsg.IncrementalAlterConfigsRequestResourceConfig) (string, error) {
	def := definitions(change.resource.Type)
	if def == nil || !def.Splittable(op.Name) {
		return "", kafka.Errorf(kerr.InvalidConfig, "Can't %s to key %s because its type is not LIST.", strings.ToUpper(op.Op.String()), op.Name)
	}
	if op.Value == nil {
		return "", kafka.Errorf(kerr.InvalidRequest, "Null value not supported for : %s", op.Name)
	}
	var current *string
	if value, ok := change.existing[op.Name]; ok {
		current = &value
	}
	if op.Op == kmsg.IncrementalAlterConfigOpSubtract {
		return def.SubtractFromList(op.Name, current, *op.Value), nil
	}
	return def.AppendToList(op.Name, current, *op.Value), nil
}

// definitions gives the table of configs of a type of resource that has lists
// one may append to, or nil: as in Kafka those of groups and client metrics are
// set as a whole.
func definitions(t metadata.ResourceType) *config.Def {
	switch t {
	case metadata.ResourceTopic:
		return config.TopicKeys()
	case metadata.ResourceBroker:
		return config.BrokerKeys()
	default:
		return nil
	}
}

// AlterConfigs replaces all configs of resources, the older way. Each resource
// has its own error in the response.
func (c *Core) AlterConfigs(_ time.Time, req *kmsg.AlterConfigsRequest) Result {
	count := resourceCount{}
	for i := range req.Resources {
		count[resourceOf(req.Resources[i].ResourceType, req.Resources[i].ResourceName)]++
	}
	resp := kmsg.NewPtrAlterConfigsResponse()
	resp.Version = req.Version
	var records []metadata.Record
	for i := range req.Resources {
		r := &req.Resources[i]
		resource := resourceOf(r.ResourceType, r.ResourceName)
		duplicate, answered := count.duplicate(resource)
		if answered {
			continue
		}
		var err error
		change := configChange{resource: resource, existing: c.image.Config(resource)}
		switch {
		case !knownResource(resource.Type):
			err = kafka.Errorf(kerr.UnsupportedVersion, "Unknown resource type %d.", r.ResourceType)
		case duplicate:
			err = kafka.Errorf(kerr.InvalidRequest, "Duplicate resource.")
		default:
			change.replace(r.Configs)
			err = c.checkConfigChange(&change)
		}
		if err == nil {
			records = append(records, c.configRecords(&change)...)
		}
		rr := kmsg.NewAlterConfigsResponseResource()
		rr.ResourceType, rr.ResourceName = r.ResourceType, r.ResourceName
		rr.ErrorCode, rr.ErrorMessage = protocol.Code(err), protocol.Message(err)
		resp.Resources = append(resp.Resources, rr)
	}
	result := Result{Records: records, Response: resp, Atomic: true}.bounded()
	if req.ValidateOnly {
		result.Records = nil
	}
	return result
}

// replace makes the given configs all there are.
func (change *configChange) replace(configs []kmsg.AlterConfigsRequestResourceConfig) {
	given := map[string]int{}
	for i := range configs {
		given[configs[i].Name] = i
	}
	for i := range configs {
		if given[configs[i].Name] == i {
			change.set(configs[i].Name, configs[i].Value)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(change.existing)) {
		if _, ok := given[name]; !ok {
			change.implied = append(change.implied, change.record(name, nil))
		}
	}
}

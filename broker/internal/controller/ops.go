package controller

import (
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

func (c *Core) CreateTopics(now time.Time, req *kmsg.CreateTopicsRequest) Result { return Result{} }
func (c *Core) DeleteTopics(now time.Time, req *kmsg.DeleteTopicsRequest) Result { return Result{} }
func (c *Core) CreatePartitions(now time.Time, req *kmsg.CreatePartitionsRequest) Result {
	return Result{}
}
func (c *Core) IncrementalAlterConfigs(now time.Time, req *kmsg.IncrementalAlterConfigsRequest) Result {
	return Result{}
}
func (c *Core) AlterConfigs(now time.Time, req *kmsg.AlterConfigsRequest) Result     { return Result{} }
func (c *Core) UpdateFeatures(now time.Time, req *kmsg.UpdateFeaturesRequest) Result { return Result{} }
func (c *Core) RegisterBroker(now time.Time, req *kmsg.BrokerRegistrationRequest) Result {
	return Result{}
}
func (c *Core) BrokerHeartbeat(now time.Time, req *kmsg.BrokerHeartbeatRequest) Result {
	return Result{}
}
func (c *Core) UnregisterBroker(now time.Time, req *kmsg.UnregisterBrokerRequest) Result {
	return Result{}
}
func (c *Core) RegisterController(now time.Time, req *kmsg.ControllerRegistrationRequest) Result {
	return Result{}
}
func (c *Core) AllocateProducerIDs(now time.Time, req *kmsg.AllocateProducerIDsRequest) Result {
	return Result{}
}
func (c *Core) AlterPartition(now time.Time, req *kmsg.AlterPartitionRequest) Result { return Result{} }
func (c *Core) ElectLeaders(now time.Time, req *kmsg.ElectLeadersRequest) Result     { return Result{} }
func (c *Core) AlterPartitionReassignments(now time.Time, req *kmsg.AlterPartitionAssignmentsRequest) Result {
	return Result{}
}
func (c *Core) ListPartitionReassignments(now time.Time, req *kmsg.ListPartitionReassignmentsRequest) Result {
	return Result{}
}
func (c *Core) AssignReplicasToDirs(now time.Time, req *kmsg.AssignReplicasToDirsRequest) Result {
	return Result{}
}
func (c *Core) AlterClientQuotas(now time.Time, req *kmsg.AlterClientQuotasRequest) Result {
	return Result{}
}

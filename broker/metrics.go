package broker

import (
	"moldau.dev/moldau/broker/internal/metrics"
	"moldau.dev/moldau/internal/config"
)

func newMetrics(static *config.Static) *metrics.Exporter {
	b := static.Broker
	return metrics.New(metrics.Options{
		NodeID: b.NodeID, Roles: roles(b),
		Limits: metrics.Limits{Topics: b.MetricsMaxTopics, Partitions: b.MetricsMaxPartitions, Groups: b.MetricsMaxGroups},
	})
}

// becomeReady notes that the start is over.
func (n *Node) becomeReady() {
	n.health.served.Store(true)
	n.metrics.SetState(metrics.Running)
}

// beginStop notes that clients are no longer to come.
func (n *Node) beginStop() {
	n.health.enter("stopping")
	n.health.served.Store(false)
	n.metrics.SetState(metrics.PendingControlledShutdown)
}

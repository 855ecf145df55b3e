package broker

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"moldau.dev/moldau/broker/internal/api/data"
	"moldau.dev/moldau/broker/internal/controller"
	"moldau.dev/moldau/broker/internal/group"
	"moldau.dev/moldau/broker/internal/lifecycle"
	"moldau.dev/moldau/broker/internal/metadata"
	"moldau.dev/moldau/broker/internal/metrics"
	"moldau.dev/moldau/broker/internal/peer"
	"moldau.dev/moldau/broker/internal/quorum"
	"moldau.dev/moldau/broker/internal/replica"
	"moldau.dev/moldau/broker/internal/storage"
	"moldau.dev/moldau/internal/config"
	"moldau.dev/moldau/internal/kafka"
)

// startStep is one step of a start, with what /readyz says meanwhile.
type startStep struct {
	doing string
	run   func(context.Context, *config.Static) error
}

// steps is the order of a start.
func (n *Node) steps() []startStep {
	return []startStep{
		{"locking the log directories", n.takeLogDirs},
		{"opening the listeners", n.listen},
		{"opening the listeners", n.serveHTTP},
		{"replaying the metadata log", n.startQuorum},
		{"waiting for the active controller to register this broker", n.startLifecycle},
		{"recovering logs", n.startReplicas},
		{"taking up partitions and groups", n.startGroups},
		{"waiting for the active controller to let clients come to this broker", n.unfence},
		{"letting clients in", n.serve},
		{"letting clients in", n.checkAdvertised},
		{"letting clients in", n.leaveInOrder},
	}
}

// startQuorum replays the metadata log and takes part in the quorum.
func (n *Node) startQuorum(_ context.Context, static *config.Static) error {
	b := static.Broker
	dir := n.dirs.metadata
	formatted, err := quorum.IsFormatted(n.cfg.FS, dir.path)
	if err != nil {
		return err
	}
	if !formatted {
		format := quorum.FormatOptions{Records: metadata.BootstrapRecords(metadata.NewestMetadataVersion)}
		if len(b.Voters) == 0 {
			format.Voters = []quorum.Voter{quorum.StandaloneVoter(b.NodeID, dir.meta.DirectoryID, n.controllerEndpoints(static)...)}
		}
		if err := quorum.Format(n.cfg.FS, dir.path, format, time.Now()); err != nil {
			return err
		}
	}
	core := controller.New(controller.Options{ClusterID: n.dirs.clusterID, NodeID: b.NodeID, Config: static, Logger: n.logger})
	n.quorum, err = quorum.Open(quorum.Options{
		FS: n.cfg.FS, Dir: dir.path, NodeID: b.NodeID, DirectoryID: dir.meta.DirectoryID, Voters: n.staticVoters(b),
		Listeners: n.controllerEndpoints(static), Core: core, Bootstrap: metadata.BootstrapRecords(metadata.NewestMetadataVersion), Logger: n.logger,
		SegmentBytes: int64(b.MetadataLogSegmentBytes), SegmentAge: b.MetadataLogSegment,
		RetentionBytes: b.MetadataMaxRetentionBytes, Retention: b.MetadataMaxRetention,
		SnapshotBytes: b.MetadataLogMaxRecordBytesBetweenSnapshots, SnapshotInterval: b.MetadataLogMaxSnapshotInterval,
		MaxIdleInterval: b.MetadataMaxIdleInterval, ElectionTimeout: b.ControllerQuorumElectionTimeout,
	})
	if err != nil {
		return err
	}
	n.onStop("metadata log", func(context.Context) error { return n.quorum.Close() })
	n.follower = &follower{node: n, latest: n.quorum.Image()}
	n.quorum.Subscribe(n.follower.follow)
	n.metrics.Attach(func(s *metrics.Sources) { s.ClusterID, s.Quorum = n.dirs.clusterID, n.quorum })
	n.run("quorum", n.quorum.Run)
	n.onStop("quorum leadership", func(ctx context.Context) error {
		n.quorum.Shutdown(ctx)
		return nil
	})
	n.controller = peer.NewLocal(n.quorum)
	return nil
}

func (n *Node) staticVoters(b *config.Broker) []quorum.Voter {
	var voters []quorum.Voter
	for _, v := range b.Voters {
		voters = append(voters, quorum.Voter{ID: v.ID, Endpoints: []quorum.Endpoint{{Name: b.ControllerListenerNames[0], Host: v.Host, Port: uint16(v.Port)}}})
	}
	return voters
}

// controllerEndpoints is where other nodes reach this controller.
func (n *Node) controllerEndpoints(static *config.Static) []quorum.Endpoint {
	var endpoints []quorum.Endpoint
	for _, l := range static.Broker.AdvertisedControllerListeners {
		endpoints = append(endpoints, quorum.Endpoint{Name: l.Name, Host: l.Host, Port: uint16(n.port(l))})
	}
	return endpoints
}

// startLifecycle registers the broker, which stays fenced for now, and waits
// until the metadata has been followed up to its registration.
func (n *Node) startLifecycle(ctx context.Context, static *config.Static) error {
	b := static.Broker
	options := lifecycle.Options{
		NodeID: b.NodeID, ClusterID: n.dirs.clusterID, LogDirs: n.dirs.ids(b.LogDirs), PreviousBrokerEpoch: n.dirs.previousBrokerEpoch(b.LogDirs),
		Controller: n.controller, Metadata: n.quorum,
		HeartbeatInterval: b.BrokerHeartbeatInterval, SessionTimeout: b.BrokerSessionTimeout,
		RegistrationTimeout: b.InitialBrokerRegistrationTimeout, Logger: n.logger,
	}
	if b.Rack != "" {
		options.Rack = &b.Rack
	}
	for _, l := range b.AdvertisedListeners {
		options.Listeners = append(options.Listeners, n.advertised(l))
	}
	n.lifecycle = lifecycle.New(options)
	n.run("controller registration", func(ctx context.Context) error {
		controller := options
		controller.Listeners = nil
		for _, l := range b.AdvertisedControllerListeners {
			controller.Listeners = append(controller.Listeners, n.advertised(l))
		}
		if err := lifecycle.RegisterController(ctx, controller, n.lifecycle.IncarnationID()); err != nil && ctx.Err() == nil {
			n.logger.Warn("The controller is not registered: tools that ask controllers do not see it", "error", err)
		}
		return nil
	})
	if err := n.lifecycle.Register(ctx); err != nil {
		return err
	}
	n.run("broker lifecycle", n.lifecycle.Run)
	return nil
}

func (n *Node) advertised(l config.Listener) lifecycle.Listener {
	return lifecycle.Listener{Name: l.Name, Host: l.Host, Port: uint16(n.port(l)), SecurityProtocol: int16(l.SecurityProtocol)}
}

// startReplicas opens the logs, with the topics' configuration as the metadata
// has it.
func (n *Node) startReplicas(ctx context.Context, static *config.Static) error {
	b := static.Broker
	n.producers.ExpirationMs.Store(n.settings.broker().ProducerIDExpiration.Milliseconds())
	n.metrics.SetState(metrics.Recovery)
	n.metrics.Attach(func(s *metrics.Sources) { s.Loading = &n.loading })
	logs, err := storage.Open(ctx, storage.Options{
		Loading: &n.loading,
		FS:      n.cfg.FS, Dirs: b.LogDirs, Locked: true, ConfigFor: n.settings.topic, Logger: n.logger,
		RecoveryThreads:        b.NumRecoveryThreadsPerDataDir,
		RetentionCheckInterval: b.LogRetentionCheckInterval,
		RecoveryPointInterval:  b.LogFlushOffsetCheckpointInterval,
		LogStartInterval:       b.LogFlushStartOffsetCheckpointInterval,
		HighWatermarkInterval:  b.ReplicaHighWatermarkCheckpointInterval,
		ProducerExpiryInterval: b.ProducerIDExpirationCheckInterval,
		Producers:              &n.producers,
		OnDirFailure:           n.dirFailed,
	})
	if err != nil {
		return err
	}
	n.logs = logs
	n.metrics.SetState(metrics.Starting)
	n.onStop("logs", func(ctx context.Context) error { return logs.Close(ctx, n.lifecycle.BrokerEpoch()) })
	n.run("log manager", logs.Run)
	n.replicas = replica.New(replica.Options{
		NodeID: b.NodeID, Logs: logs, Logger: n.logger, ReplicaLagTimeMax: b.ReplicaLagTimeMax,
		Controller: n.controller, BrokerEpoch: n.lifecycle.BrokerEpoch,
	})
	n.run("replica manager", n.replicas.Run)
	n.metrics.Attach(func(s *metrics.Sources) { s.Logs, s.Replicas = n.logs, n.replicas })
	return nil
}

// startGroups starts the group coordinator and lets it and the replicas catch up
// with the metadata.
func (n *Node) startGroups(_ context.Context, static *config.Static) error {
	n.groups = group.NewService(group.Options{
		Log: replica.CoordinatorLog{Manager: n.replicas}, Config: group.ConfigOf(static.Broker), Logger: n.logger,
		PartitionCount: func() int32 {
			if topic := n.quorum.Image().Topic(kafka.ConsumerOffsetsTopic); topic != nil {
				return int32(topic.NumPartitions())
			}
			return 0
		},
	})
	n.run("group coordinator", n.groups.Run)
	n.metrics.Attach(func(s *metrics.Sources) { s.Groups = n.groups })
	// Before the first partition is hosted: a topic may have been deleted and
	// created again under its name while the node was down.
	if err := n.setAsideStrays(); err != nil {
		return err
	}
	n.follower.attach()
	return nil
}

// setAsideStrays takes logs out of the way that by the metadata are not this
// broker's: partitions that were deleted or moved while it was down.
func (n *Node) setAsideStrays() error {
	for _, tp := range n.replicas.Strays(n.quorum.Image()) {
		n.logger.Warn("Log is not this broker's by the metadata; its folder gets the suffix -stray and is kept", "partition", tp.String())
		if err := n.logs.SetAside(tp); err != nil {
			return fmt.Errorf("set the stray log of %v aside: %w", tp, err)
		}
	}
	return nil
}

// unfence tells the controller that clients may come. The first of them is to
// find what that has changed: leaders, and the coordinators that come with them.
func (n *Node) unfence(ctx context.Context, _ *config.Static) error {
	if err := n.lifecycle.Unfence(ctx); err != nil {
		return err
	}
	return n.quorum.WaitPublished(ctx)
}

// leaveInOrder has a stop begin by moving leaders away, while clients are still
// served.
func (n *Node) leaveInOrder(_ context.Context, static *config.Static) error {
	n.onStop("controlled shutdown", func(ctx context.Context) error {
		if !static.Broker.ControlledShutdownEnable {
			return nil
		}
		ctx, cancelAlive := n.whileAlive(ctx)
		defer cancelAlive()
		ctx, cancel := context.WithTimeout(ctx, controlledShutdownTimeout)
		defer cancel()
		if err := n.lifecycle.ControlledShutdown(ctx); err != nil {
			n.logger.Warn("Stopping without a controlled shutdown", "error", errors.Join(n.failure(), err))
		}
		return nil
	})
	return nil
}

// controlledShutdownTimeout bounds the wait for the controller at a stop.
const controlledShutdownTimeout = 30 * time.Second

func (n *Node) allocateProducerIDs(ctx context.Context) (data.IDBlock, error) {
	req := kmsg.NewPtrAllocateProducerIDsRequest()
	req.BrokerID, req.BrokerEpoch = int32(n.nodeID()), int64(n.lifecycle.BrokerEpoch())
	resp, err := n.controller.AllocateProducerIDs(ctx, req)
	if err != nil {
		return data.IDBlock{}, err
	}
	if err := kerr.ErrorForCode(resp.ErrorCode); err != nil {
		return data.IDBlock{}, err
	}
	return data.IDBlock{First: kafka.ProducerID(resp.ProducerIDStart), Size: resp.ProducerIDLen}, nil
}

// dirFailed tells the controller of log directories that have gone offline. The
// storage calls it with locks held. A node without any log directory ends.
func (n *Node) dirFailed(_ string, id kafka.UUID, err error) {
	n.failedDirs.Store(id, struct{}{})
	var offline []kafka.UUID
	n.failedDirs.Range(func(id, _ any) bool {
		offline = append(offline, id.(kafka.UUID))
		return true
	})
	n.lifecycle.SetOfflineDirs(offline)
	if len(offline) == len(n.settings.static.Broker.LogDirs) {
		n.end(fmt.Errorf("all log directories have failed: %w", err))
	}
}

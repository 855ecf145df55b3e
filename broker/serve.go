package broker

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"

	"moldau.dev/moldau/broker/internal/api"
	"moldau.dev/moldau/broker/internal/api/cluster"
	"moldau.dev/moldau/broker/internal/api/configs"
	"moldau.dev/moldau/broker/internal/api/data"
	"moldau.dev/moldau/broker/internal/api/groups"
	"moldau.dev/moldau/broker/internal/api/request"
	"moldau.dev/moldau/broker/internal/api/topics"
	"moldau.dev/moldau/broker/internal/fetchsession"
	"moldau.dev/moldau/broker/internal/metrics"
	"moldau.dev/moldau/broker/internal/network"
	"moldau.dev/moldau/internal/config"
	"moldau.dev/moldau/internal/kafka"
)

func (n *Node) nodeID() kafka.NodeID { return n.settings.static.Broker.NodeID }

// port gives the port a listener is advertised with: 0 stands for the one that
// the system has chosen.
func (n *Node) port(l config.Listener) int {
	if l.Port != 0 {
		return l.Port
	}
	for _, open := range n.listeners {
		if open.Name != l.Name {
			continue
		}
		if addr, err := netip.ParseAddrPort(open.opened.Addr().String()); err == nil {
			return int(addr.Port())
		}
	}
	return 0
}

// serve lets clients in.
func (n *Node) serve(context.Context, *config.Static) error {
	n.creator = topics.NewCreator(n.controller, n.settings.static, n.logger)
	n.run("topic creator", n.creator.Run)
	sessions := fetchsession.NewCache(n.settings.broker().MaxIncrementalFetchSessionCacheSlots)
	n.metrics.Attach(func(s *metrics.Sources) { s.Sessions = sessions })
	handlers := api.Handlers{
		Image: n.replicas.Image, ClusterID: n.dirs.clusterID, NodeID: n.nodeID(), KRaftVersion: n.quorum.KRaftVersion,
		Data: &data.Handlers{
			Replicas: n.replicas, Sessions: sessions, CountError: n.metrics.CountError,
			ProducerIDs: &data.ProducerIDs{Allocate: n.allocateProducerIDs}, FetchMaxBytes: n.settings.broker().FetchMaxBytes, Logger: n.logger,
		},
		Groups: &groups.Handlers{
			Groups: n.groups, Image: n.replicas.Image,
			CoordinatorTopics: map[int8]string{groups.GroupKey: kafka.ConsumerOffsetsTopic},
			CreateInternalTopic: func(ctx context.Context, topic string) error {
				return n.creator.Create(ctx, request.Anonymous, topic)
			},
		},
		Topics: &topics.Handlers{
			Controller: n.controller, Image: n.replicas.Image, ClusterID: n.dirs.clusterID,
			MaxPartitions: n.settings.broker().MaxRequestPartitionSizeLimit, Logger: n.logger,
		},
		Configs: &configs.Handlers{
			Controller: n.controller, Image: n.replicas.Image, Config: n.settings.static, LogLevel: n.cfg.LogLevel, Logger: n.logger,
		},
		Cluster: &cluster.Handlers{
			Controller: n.controller, Image: n.replicas.Image, ClusterID: n.dirs.clusterID, Logs: n.logs,
			ActiveController: func() kafka.NodeID {
				leader, _ := n.quorum.Leader()
				return leader
			},
		},
	}
	if n.settings.static.Broker.AutoCreateTopicsEnable {
		handlers.Topics.Creator = n.creator
	}
	table := api.Table(handlers)
	for _, kind := range []api.Listener{api.Broker, api.Controller} {
		n.startServer(kind, table)
	}
	return nil
}

// startServer serves all listeners of one kind.
func (n *Node) startServer(kind api.Listener, table []api.API) {
	n.mu.Lock() // From the limits that are read to the list that follows their changes.
	server := network.New(network.Options{
		Handler: n.intercepted(api.NewServer(kind, table, api.ServerOptions{NodeID: n.nodeID(), SelfHost: n.selfHost, CountErrors: n.metrics.CountErrors}), kind),
		Limits:  n.settings.limits(), Logger: n.logger, Observer: n.metrics,
	})
	n.servers = append(n.servers, server)
	n.metrics.Attach(func(s *metrics.Sources) { s.Servers = slices.Concat(s.Servers, []*network.Server{server}) })
	n.mu.Unlock()
	for _, l := range n.listeners {
		if n.kindOf(l) != kind {
			continue
		}
		n.metrics.Listener(l.Name)
		n.run("listener "+l.Name, func(context.Context) error {
			if err := server.Serve(l.opened, l.Name); !errors.Is(err, network.ErrServerClosed) {
				return fmt.Errorf("listener %s: %w", l.Name, err)
			}
			return nil
		})
	}
	n.onStop("connections", server.Shutdown)
}

// selfHost tells a client of this very machine to come back over loopback, if
// the advertised host was not configured but found out.
func (n *Node) selfHost(listener string, local net.Addr) string {
	for _, l := range n.settings.broker().AdvertisedListeners {
		if l.Name != listener || !l.Derived {
			continue
		}
		if addr, err := netip.ParseAddrPort(local.String()); err == nil {
			return l.HostFor(addr.Addr())
		}
	}
	return ""
}

func (n *Node) kindOf(l *listener) api.Listener {
	for _, name := range n.settings.static.Broker.ControllerListenerNames {
		if l.Name == name {
			return api.Controller
		}
	}
	return api.Broker
}

// applyBrokerSettings follows dynamic broker configurations.
func (n *Node) applyBrokerSettings() {
	n.producers.ExpirationMs.Store(n.settings.broker().ProducerIDExpiration.Milliseconds())
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, server := range n.servers {
		server.UpdateLimits(n.settings.limits())
	}
}

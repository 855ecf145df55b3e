package broker

import (
	"log/slog"
	"net/netip"
	"strconv"
	"sync/atomic"

	"moldau.dev/moldau/broker/internal/metadata"
	"moldau.dev/moldau/broker/internal/network"
	"moldau.dev/moldau/internal/config"
)

// settings is the node's configuration as of the metadata: the static one with
// the dynamic layers on top. It is safe for concurrent use; one goroutine
// follows the metadata.
type settings struct {
	static  *config.Static
	logger  *slog.Logger
	current atomic.Pointer[layers]
}

// layers is one state of the settings; it never changes.
type layers struct {
	image  *metadata.Image
	broker *config.Broker
}

func newSettings(static *config.Static, logger *slog.Logger) *settings {
	s := &settings{static: static, logger: logger}
	s.current.Store(&layers{image: metadata.EmptyImage(), broker: static.Broker})
	return s
}

// follow takes over an image. It returns the topics whose configuration may
// have changed: all is set when a broker-wide default did.
func (s *settings) follow(delta *metadata.Delta, image *metadata.Image) (topics []string, all bool) {
	next := &layers{image: image, broker: s.current.Load().broker}
	own := strconv.Itoa(int(s.static.Broker.NodeID))
	for _, resource := range delta.Configs() {
		switch {
		case resource.Type == metadata.ResourceTopic:
			topics = append(topics, resource.Name)
		case resource.Type == metadata.ResourceBroker && (resource.Name == "" || resource.Name == own):
			all = true
		}
	}
	if all {
		cluster, broker := s.dynamic(image, ""), s.dynamic(image, own)
		next.broker = config.ResolveBroker(s.static, cluster, broker)
		if ignored := append(config.IgnoredDynamic(cluster, false), config.IgnoredDynamic(broker, true)...); len(ignored) > 0 {
			s.logger.Warn("Dynamic configurations in the metadata cannot be used while the node runs, and count as not set", "names", ignored)
		}
	}
	s.current.Store(next)
	return topics, all
}

func (s *settings) dynamic(image *metadata.Image, broker string) map[string]string {
	return image.Config(metadata.ConfigResource{Type: metadata.ResourceBroker, Name: broker})
}

// broker gives the node's effective configuration.
func (s *settings) broker() *config.Broker { return s.current.Load().broker }

// topic gives a topic's effective configuration. Topics that set nothing share one.
func (s *settings) topic(name string) *config.Topic {
	now := s.current.Load()
	own := now.image.TopicConfig(name)
	if len(own) == 0 {
		return now.broker.TopicDefaults
	}
	return now.broker.ResolveTopic(own)
}

// limits gives the network's limits.
func (s *settings) limits() network.Limits {
	b := s.broker()
	overrides := make(map[netip.Addr]int, len(b.MaxConnectionsPerIPOverrides))
	for host, n := range b.MaxConnectionsPerIPOverrides {
		if addr, err := netip.ParseAddr(host); err == nil {
			overrides[addr] = n
		}
	}
	limits := network.Limits{
		MaxRequestBytes: b.SocketRequestMaxBytes, QueuedMaxRequestBytes: b.QueuedMaxRequestBytes,
		ConnectionsMaxIdle: b.ConnectionsMaxIdle, MaxConnections: b.MaxConnections, InterBrokerListener: b.InterBrokerListener,
		MaxConnectionsPerIP: b.MaxConnectionsPerIP, MaxConnectionsPerIPOverrides: overrides,
		MaxConnectionCreationRate: b.MaxConnectionCreationRate, Listeners: map[string]network.ListenerLimits{},
		SendBufferBytes: b.SocketSendBufferBytes, ReceiveBufferBytes: b.SocketReceiveBufferBytes,
	}
	for _, l := range b.Listeners {
		limits.Listeners[l.Name] = network.ListenerLimits{
			MaxConnections:            s.listenerInt(l.Name, "max.connections", b.MaxConnections),
			MaxConnectionCreationRate: s.listenerInt(l.Name, "max.connection.creation.rate", b.MaxConnectionCreationRate),
		}
	}
	return limits
}

func (s *settings) listenerInt(listener, key string, otherwise int) int {
	raw, ok := s.broker().ListenerValue(listener, key)
	if !ok {
		return otherwise
	}
	n, err := strconv.Atoi(raw)
	if err != nil {
		return otherwise
	}
	return n
}

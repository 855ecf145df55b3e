package configs

import (
	"log/slog"
	"strconv"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"moldau.dev/moldau/broker/internal/metadata"
	"moldau.dev/moldau/broker/internal/peer"
	"moldau.dev/moldau/internal/config"
	"moldau.dev/moldau/internal/kafka"
)

// Handlers serve the config APIs. Their fields are set once, before serving.
type Handlers struct {
	Controller peer.Controller
	// Image gives the committed metadata of this node.
	Image func() *metadata.Image
	// Config is what the node was started with.
	Config *config.Static
	// LogLevel is the level of the node's one logger, root; nil if it cannot be
	// changed.
	LogLevel *slog.LevelVar
	Logger   *slog.Logger
}

func (h *Handlers) nodeID() kafka.NodeID { return h.Config.Broker.NodeID }

// nodeResource names this node's configs.
func (h *Handlers) nodeResource() metadata.ConfigResource {
	return metadata.ConfigResource{Type: metadata.ResourceBroker, Name: strconv.Itoa(int(h.nodeID()))}
}

// dynamic gives the dynamic configs of all brokers and of this one.
func (h *Handlers) dynamic(image *metadata.Image) (cluster, node map[string]string) {
	return image.Config(metadata.ConfigResource{Type: metadata.ResourceBroker}), image.Config(h.nodeResource())
}

// parseBrokerID reads the name of a broker or broker logger resource.
func parseBrokerID(name string) (kafka.NodeID, error) {
	id, err := strconv.ParseInt(name, 10, 32)
	if err != nil {
		return kafka.NoNode, kafka.Errorf(kerr.InvalidRequest, "Broker id must be an integer, but it is: %s", name)
	}
	return kafka.NodeID(id), nil
}

// resourceOf names a resource as the metadata does.
func resourceOf(t kmsg.ConfigResourceType, name string) metadata.ConfigResource {
	return metadata.ConfigResource{Type: metadata.ResourceType(t), Name: name}
}

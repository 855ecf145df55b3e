package configs

import (
	"context"
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"moldau.dev/moldau/broker/internal/api/request"
	"moldau.dev/moldau/broker/internal/metadata"
	"moldau.dev/moldau/internal/config"
	"moldau.dev/moldau/internal/kafka"
	"moldau.dev/moldau/internal/protocol"
)

// DescribeConfigs tells the configs of resources, and where each value comes from.
func (h *Handlers) DescribeConfigs(_ context.Context, _ *request.Context, req *kmsg.DescribeConfigsRequest) *kmsg.DescribeConfigsResponse {
	resp := req.ResponseKind().(*kmsg.DescribeConfigsResponse)
	image := h.Image()
	for i := range req.Resources {
		wanted := &req.Resources[i]
		r := kmsg.NewDescribeConfigsResponseResource()
		r.ResourceType, r.ResourceName = wanted.ResourceType, wanted.ResourceName
		entries, err := h.describe(image, resourceOf(wanted.ResourceType, wanted.ResourceName))
		r.ErrorCode, r.ErrorMessage = protocol.Code(err), protocol.Message(err)
		if r.ErrorMessage == nil {
			r.ErrorMessage = new(string) // Unlike other APIs, none is empty here.
		}
		for _, entry := range entries {
			if len(wanted.ConfigNames) == 0 || slices.Contains(wanted.ConfigNames, entry.Name) {
				r.Configs = append(r.Configs, describeEntry(entry, req))
			}
		}
		resp.Resources = append(resp.Resources, r)
	}
	return resp
}

func (h *Handlers) describe(image *metadata.Image, resource metadata.ConfigResource) ([]config.Entry, error) {
	cluster, node := h.dynamic(image)
	own := image.Config(resource)
	switch resource.Type {
	case metadata.ResourceTopic:
		if err := kafka.ValidateTopicName(resource.Name); err != nil {
			return nil, err
		}
		if image.Topic(resource.Name) == nil {
			return nil, kerr.UnknownTopicOrPartition
		}
		return config.DescribeTopic(h.Config, cluster, node, own), nil
	case metadata.ResourceBroker:
		if resource.Name == "" {
			return config.DescribeBrokerDefaults(h.Config, cluster), nil
		}
		id, err := parseBrokerID(resource.Name)
		if err != nil {
			return nil, err
		}
		if id != h.nodeID() {
			return nil, kafka.Errorf(kerr.InvalidRequest, "Unexpected broker id, expected %d or empty string, but received %s", h.nodeID(), resource.Name)
		}
		return config.DescribeBroker(h.Config, cluster, node), nil
	case metadata.ResourceBrokerLogger:
		return h.describeLoggers(resource.Name)
	case metadata.ResourceClientMetrics:
		if resource.Name == "" {
			return nil, kafka.Errorf(kerr.InvalidRequest, "Client metrics subscription name must not be empty")
		}
		return config.DescribeClientMetrics(own), nil
	case metadata.ResourceGroup:
		if resource.Name == "" {
			return nil, kafka.Errorf(kerr.InvalidRequest, "Group name must not be empty")
		}
		return config.DescribeGroup(h.Config, cluster, node, own), nil
	default:
		return nil, kafka.Errorf(kerr.InvalidRequest, "Unsupported resource type: %v", resource.Type)
	}
}

func describeEntry(entry config.Entry, req *kmsg.DescribeConfigsRequest) kmsg.DescribeConfigsResponseResourceConfig {
	c := kmsg.NewDescribeConfigsResponseResourceConfig()
	c.Name, c.Value, c.ReadOnly, c.Source, c.IsSensitive, c.ConfigType = entry.Name, entry.Value, entry.ReadOnly, entry.Source, entry.Sensitive, entry.Type
	c.IsDefault = req.Version == 0 && entry.Source == kmsg.ConfigSourceDefaultConfig
	if req.IncludeDocumentation {
		c.Documentation = &entry.Doc
	}
	if !req.IncludeSynonyms {
		return c
	}
	for _, synonym := range entry.Synonyms {
		s := kmsg.NewDescribeConfigsResponseResourceConfigConfigSynonym()
		s.Name, s.Value, s.Source = synonym.Name, synonym.Value, synonym.Source
		c.ConfigSynonyms = append(c.ConfigSynonyms, s)
	}
	return c
}

// listable are the resource types that ListConfigResources knows: only
// client-metrics subscriptions before version 1.
var listable = []metadata.ResourceType{
	metadata.ResourceGroup, metadata.ResourceClientMetrics, metadata.ResourceBrokerLogger, metadata.ResourceBroker, metadata.ResourceTopic,
}

// ListConfigResources lists the resources that have, or may have, configs (KIP-1142).
func (h *Handlers) ListConfigResources(_ context.Context, rc *request.Context, req *kmsg.ListConfigResourcesRequest) *kmsg.ListConfigResourcesResponse {
	resp := req.ResponseKind().(*kmsg.ListConfigResourcesResponse)
	supported := listable
	if req.Version == 0 {
		supported = []metadata.ResourceType{metadata.ResourceClientMetrics}
	}
	wanted := supported
	if len(req.ResourceTypes) > 0 {
		wanted = nil
	}
	for _, t := range req.ResourceTypes {
		if !slices.Contains(supported, metadata.ResourceType(t)) {
			resp.ErrorCode = kerr.UnsupportedVersion.Code
			return resp
		}
		wanted = append(wanted, metadata.ResourceType(t))
	}
	image := h.Image()
	for _, t := range supported {
		if !slices.Contains(wanted, t) {
			continue
		}
		for _, name := range namesOf(image, t, rc.Listener) {
			r := kmsg.NewListConfigResourcesResponseConfigResource()
			r.Name, r.Type = name, int8(t)
			resp.ConfigResources = append(resp.ConfigResources, r)
		}
	}
	return resp
}

func namesOf(image *metadata.Image, t metadata.ResourceType, listener string) []string {
	var names []string
	switch t {
	case metadata.ResourceTopic:
		for topic := range image.Topics() {
			names = append(names, topic.Name)
		}
	case metadata.ResourceBroker, metadata.ResourceBrokerLogger:
		for b := range image.Brokers() {
			if _, ok := b.Endpoint(listener); ok {
				names = append(names, nodeName(b.ID))
			}
		}
	default:
		for resource := range image.Configs() {
			if resource.Type == t {
				names = append(names, resource.Name)
			}
		}
	}
	return names
}

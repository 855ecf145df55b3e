package configs

import (
	"context"
	"fmt"
	"maps"
	"strconv"
	"strings"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"moldau.dev/moldau/broker/internal/api/request"
	"moldau.dev/moldau/broker/internal/metadata"
	"moldau.dev/moldau/internal/config"
	"moldau.dev/moldau/internal/kafka"
	"moldau.dev/moldau/internal/protocol"
)

func nodeName(id kafka.NodeID) string { return strconv.Itoa(int(id)) }

// alteration is one resource's part of a request: for a legacy request all
// operations set, and what is not set is deleted.
type alteration struct {
	resource metadata.ConfigResource
	ops      []kmsg.IncrementalAlterConfigsRequestResourceConfig
	legacy   bool
	// done says that the outcome is known here, and err what it is; otherwise
	// the controller decides.
	done bool
	err  error
}

func (a *alteration) finish(err error) { a.done, a.err = true, err }

// IncrementalAlterConfigs changes configs one by one (KIP-339).
func (h *Handlers) IncrementalAlterConfigs(
	ctx context.Context, rc *request.Context, req *kmsg.IncrementalAlterConfigsRequest,
) *kmsg.IncrementalAlterConfigsResponse {
	alterations := make([]alteration, len(req.Resources))
	for i, r := range req.Resources {
		alterations[i] = alteration{resource: resourceOf(r.ResourceType, r.ResourceName), ops: r.Configs}
	}
	h.preprocess(rc, alterations, req.ValidateOnly)
	rest := *req
	rest.Resources = nil
	for i := range alterations {
		if !alterations[i].done {
			rest.Resources = append(rest.Resources, req.Resources[i])
		}
	}
	if len(rest.Resources) > 0 {
		h.settle(alterations, h.forwardIncremental(ctx, rc, &rest))
	}
	resp := req.ResponseKind().(*kmsg.IncrementalAlterConfigsResponse)
	for i, r := range req.Resources {
		rr := kmsg.NewIncrementalAlterConfigsResponseResource()
		rr.ResourceType, rr.ResourceName = r.ResourceType, r.ResourceName
		rr.ErrorCode, rr.ErrorMessage = protocol.Code(alterations[i].err), protocol.Message(alterations[i].err)
		resp.Resources = append(resp.Resources, rr)
	}
	return resp
}

// AlterConfigs replaces all configs of resources, the older way.
func (h *Handlers) AlterConfigs(ctx context.Context, rc *request.Context, req *kmsg.AlterConfigsRequest) *kmsg.AlterConfigsResponse {
	alterations := make([]alteration, len(req.Resources))
	for i, r := range req.Resources {
		alterations[i] = alteration{resource: resourceOf(r.ResourceType, r.ResourceName), legacy: true}
		for _, c := range r.Configs {
			op := kmsg.NewIncrementalAlterConfigsRequestResourceConfig()
			op.Name, op.Value = c.Name, c.Value
			alterations[i].ops = append(alterations[i].ops, op)
		}
	}
	h.preprocess(rc, alterations, req.ValidateOnly)
	rest := *req
	rest.Resources = nil
	for i := range alterations {
		if !alterations[i].done {
			rest.Resources = append(rest.Resources, req.Resources[i])
		}
	}
	if len(rest.Resources) > 0 {
		h.settle(alterations, h.forwardLegacy(ctx, rc, &rest))
	}
	resp := req.ResponseKind().(*kmsg.AlterConfigsResponse)
	for i, r := range req.Resources {
		rr := kmsg.NewAlterConfigsResponseResource()
		rr.ResourceType, rr.ResourceName = r.ResourceType, r.ResourceName
		rr.ErrorCode, rr.ErrorMessage = protocol.Code(alterations[i].err), protocol.Message(alterations[i].err)
		resp.Resources = append(resp.Resources, rr)
	}
	return resp
}

// outcomes are the controller's, by resource; whole is its refusal of the
// request as a whole.
type outcomes struct {
	whole      error
	byResource map[metadata.ConfigResource]error
}

func (h *Handlers) forwardIncremental(ctx context.Context, rc *request.Context, req *kmsg.IncrementalAlterConfigsRequest) outcomes {
	resp, err := h.Controller.Forward(ctx, rc.Principal, req)
	if err != nil {
		return outcomes{whole: err}
	}
	answer, ok := resp.(*kmsg.IncrementalAlterConfigsResponse)
	if !ok {
		return outcomes{whole: fmt.Errorf("%w: the controller answered with a %T", kerr.UnknownServerError, resp)}
	}
	all := outcomes{byResource: map[metadata.ConfigResource]error{}}
	for _, r := range answer.Resources {
		all.byResource[resourceOf(r.ResourceType, r.ResourceName)] = outcome(r.ErrorCode, r.ErrorMessage)
	}
	return all
}

func (h *Handlers) forwardLegacy(ctx context.Context, rc *request.Context, req *kmsg.AlterConfigsRequest) outcomes {
	resp, err := h.Controller.Forward(ctx, rc.Principal, req)
	if err != nil {
		return outcomes{whole: err}
	}
	answer, ok := resp.(*kmsg.AlterConfigsResponse)
	if !ok {
		return outcomes{whole: fmt.Errorf("%w: the controller answered with a %T", kerr.UnknownServerError, resp)}
	}
	all := outcomes{byResource: map[metadata.ConfigResource]error{}}
	for _, r := range answer.Resources {
		all.byResource[resourceOf(r.ResourceType, r.ResourceName)] = outcome(r.ErrorCode, r.ErrorMessage)
	}
	return all
}

func outcome(code int16, message *string) error {
	err := kerr.TypedErrorForCode(code)
	switch {
	case err == nil:
		return nil
	case message == nil:
		return err
	default:
		return kafka.Errorf(err, "%s", *message)
	}
}

// settle gives every alteration that was forwarded its outcome.
func (h *Handlers) settle(alterations []alteration, all outcomes) {
	for i := range alterations {
		a := &alterations[i]
		if a.done {
			continue
		}
		err, answered := all.byResource[a.resource]
		switch {
		case all.whole != nil:
			a.finish(all.whole)
		case !answered:
			a.finish(fmt.Errorf("%w: the controller gave no answer for %v", kerr.UnknownServerError, a.resource))
		default:
			a.finish(err)
		}
	}
}

// preprocess decides on what can be decided here: what is wrong in itself,
// this broker's own configs, and log levels.
func (h *Handlers) preprocess(rc *request.Context, alterations []alteration, validateOnly bool) {
	count := map[metadata.ConfigResource]int{}
	for i := range alterations {
		count[alterations[i].resource]++
	}
	image := h.Image()
	for i := range alterations {
		a := &alterations[i]
		if count[a.resource] > 1 {
			a.finish(kafka.Errorf(kerr.InvalidRequest, "Each resource must appear at most once."))
			continue
		}
		err := a.checkOps()
		switch a.resource.Type {
		case metadata.ResourceTopic, metadata.ResourceClientMetrics, metadata.ResourceGroup, metadata.ResourceBroker, metadata.ResourceBrokerLogger:
		default:
			err = unknownType(rc, a.resource)
		}
		if err != nil {
			a.finish(err)
			continue
		}
		switch a.resource.Type {
		case metadata.ResourceBroker:
			if err := h.checkBroker(image, a); err != nil {
				a.finish(err)
			}
		case metadata.ResourceBrokerLogger:
			if a.legacy {
				a.finish(kafka.Errorf(kerr.InvalidRequest, "Unknown resource type %d", a.resource.Type))
				continue
			}
			a.finish(h.alterLoggers(a, validateOnly))
		}
	}
}

// unknownType is the error for a type that no configs are of: the controller has
// another one than the broker.
func unknownType(rc *request.Context, resource metadata.ConfigResource) error {
	code := kerr.InvalidRequest
	if rc.FromController {
		code = kerr.UnsupportedVersion
	}
	return kafka.Errorf(code, "Unknown resource type %d", resource.Type)
}

// checkOps refuses keys that are there twice, and values that are not there.
func (a *alteration) checkOps() error {
	seen := map[string]bool{}
	var nulls []string
	for _, op := range a.ops {
		if seen[op.Name] {
			return kafka.Errorf(kerr.InvalidRequest, "Error due to duplicate config keys")
		}
		seen[op.Name] = true
		if op.Value == nil && op.Op != kmsg.IncrementalAlterConfigOpDelete {
			nulls = append(nulls, op.Name)
		}
	}
	if len(nulls) > 0 {
		return kafka.Errorf(kerr.InvalidRequest, "Null value not supported for : %s", strings.Join(nulls, ", "))
	}
	return nil
}

// checkBroker judges what the configs of this broker, or of all, shall become.
func (h *Handlers) checkBroker(image *metadata.Image, a *alteration) error {
	perBroker := a.resource.Name != ""
	if perBroker && a.resource.Name != nodeName(h.nodeID()) {
		if _, err := strconv.ParseInt(a.resource.Name, 10, 32); err != nil {
			return kafka.Errorf(kerr.InvalidRequest, "Node id must be an integer, but it is: %s", a.resource.Name)
		}
		return kafka.Errorf(kerr.InvalidRequest, "Unexpected broker id, expected %d, but received %s", h.nodeID(), a.resource.Name)
	}
	next, err := a.next(image.Config(a.resource))
	if err != nil {
		return err
	}
	cluster, node := h.dynamic(image)
	return config.ValidateBroker(h.Config, cluster, node, perBroker, next)
}

// next gives a broker's configs as they will be.
func (a *alteration) next(existing map[string]string) (map[string]string, error) {
	next := map[string]string{}
	if !a.legacy {
		maps.Copy(next, existing)
	}
	for _, op := range a.ops {
		switch op.Op {
		case kmsg.IncrementalAlterConfigOpSet:
			next[op.Name] = *op.Value
		case kmsg.IncrementalAlterConfigOpDelete:
			delete(next, op.Name)
		case kmsg.IncrementalAlterConfigOpAppend, kmsg.IncrementalAlterConfigOpSubtract:
			value, err := alterList(op, existing)
			if err != nil {
				return nil, err
			}
			next[op.Name] = value
		default:
			return nil, kafka.Errorf(kerr.InvalidRequest, "Unknown operations type %d", op.Op)
		}
	}
	return next, nil
}

// alterList appends to a list, or subtracts from it, starting from its default
// if it is not set.
func alterList(op kmsg.IncrementalAlterConfigsRequestResourceConfig, existing map[string]string) (string, error) {
	key, ok := config.BrokerKeys().Lookup(op.Name)
	if !ok || !config.BrokerKeys().Splittable(key.Name) {
		return "", kafka.Errorf(kerr.InvalidConfig, "Config value %s is not allowed for config key: %s", strings.ToLower(op.Op.String()), op.Name)
	}
	var current *string
	if value, ok := existing[op.Name]; ok {
		current = &value
	}
	if op.Op == kmsg.IncrementalAlterConfigOpSubtract {
		return config.BrokerKeys().SubtractFromList(op.Name, current, *op.Value), nil
	}
	return config.BrokerKeys().AppendToList(op.Name, current, *op.Value), nil
}

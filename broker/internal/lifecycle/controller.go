package lifecycle

import (
	"context"
	"fmt"

	"github.com/twmb/franz-go/pkg/kmsg"

	"moldau.dev/moldau/broker/internal/metadata"
	"moldau.dev/moldau/internal/kafka"
)

// RegisterController tells the active controller, through o.Controller, that this
// node is a controller too: where it listens and which feature levels it supports
// (KIP-919). o.Listeners are its controller listeners. It tries until it succeeds,
// ctx ends, or the refusal is one that waiting does not cure. Nothing waits for
// it, so it may run beside the rest of the start.
func RegisterController(ctx context.Context, o Options, incarnation kafka.UUID) error {
	req := kmsg.NewPtrControllerRegistrationRequest()
	req.Version = req.MaxVersion()
	req.ControllerID, req.IncarnationID = int32(o.NodeID), incarnation
	for _, listener := range o.Listeners {
		to := kmsg.NewControllerRegistrationRequestListener()
		to.Name, to.Host, to.Port, to.SecurityProtocol = listener.Name, listener.Host, listener.Port, listener.SecurityProtocol
		req.Listeners = append(req.Listeners, to)
	}
	for _, f := range metadata.SupportedFeatures() {
		feature := kmsg.NewControllerRegistrationRequestFeature()
		feature.Name, feature.MinSupportedVersion, feature.MaxSupportedVersion = f.Name, f.Min, f.Max
		req.Features = append(req.Features, feature)
	}
	backoff := retryBackoff
	for {
		_, err := o.Controller.RegisterController(ctx, req)
		if err == nil {
			return nil
		}
		if !retriable(err) || !pause(ctx, &backoff) {
			return fmt.Errorf("register controller %d: %w", o.NodeID, err)
		}
	}
}

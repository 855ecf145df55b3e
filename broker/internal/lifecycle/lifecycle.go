package lifecycle

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"moldau.dev/moldau/broker/internal/metadata"
	"moldau.dev/moldau/broker/internal/peer"
	"moldau.dev/moldau/internal/kafka"
)

// retryBackoff is the first pause after a failed request; it doubles up to
// maxRetryBackoff.
const (
	retryBackoff    = 50 * time.Millisecond
	maxRetryBackoff = time.Second
)

// Metadata is the broker's own copy of the cluster's metadata.
type Metadata interface {
	// PublishedOffset gives the last offset that every part of the broker has
	// seen; -1 at first.
	PublishedOffset() kafka.Offset
	// WaitOffset returns when that has reached offset, or with ctx's error.
	WaitOffset(ctx context.Context, offset kafka.Offset) error
}

// Listener is where clients and other brokers reach this broker.
type Listener struct {
	Name string
	Host string
	Port uint16
	// SecurityProtocol is Kafka's id: 0 PLAINTEXT, 1 SSL, 2 SASL_PLAINTEXT, 3 SASL_SSL.
	SecurityProtocol int16
}

// Options says who the broker is.
type Options struct {
	NodeID    kafka.NodeID
	ClusterID string
	Rack      *string
	Listeners []Listener
	// LogDirs are the ids of the usable log directories.
	LogDirs []kafka.UUID
	// PreviousBrokerEpoch is the epoch of the last clean shutdown, -1 after an
	// unclean one: only then do replicas count as complete (KIP-966).
	PreviousBrokerEpoch kafka.BrokerEpoch
	Controller          peer.Controller
	Metadata            Metadata
	// HeartbeatInterval is broker.heartbeat.interval.ms, SessionTimeout
	// broker.session.timeout.ms, RegistrationTimeout
	// initial.broker.registration.timeout.ms.
	HeartbeatInterval, SessionTimeout, RegistrationTimeout time.Duration
	Logger                                                 *slog.Logger
}

// Lifecycle is the broker's standing with the controller. Its methods may be
// called from any goroutine.
type Lifecycle struct {
	o           Options
	incarnation kafka.UUID
	epoch       atomic.Int64

	mu      sync.Mutex // Guards the fields below.
	ready   bool       // The broker wants to serve.
	leaving bool       // The broker wants to stop.
	fenced  bool       // As the controller said last.
	lost    error      // The refusal by which the registration was lost.
	offline []kafka.UUID

	wake chan struct{} // Capacity 1: heartbeat now.
	// beating holds a token while a heartbeat is under way. One at a time, or one
	// from before the broker was ready could arrive after the one that says so, and
	// fence it again until the next interval.
	beating chan struct{}
}

// New returns the lifecycle of a broker that is not registered yet.
func New(o Options) *Lifecycle {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	l := &Lifecycle{o: o, incarnation: kafka.NewUUID(), fenced: true, wake: make(chan struct{}, 1), beating: make(chan struct{}, 1)}
	l.epoch.Store(-1)
	return l
}

// BrokerEpoch gives the epoch of this incarnation; -1 before Register.
func (l *Lifecycle) BrokerEpoch() kafka.BrokerEpoch { return kafka.BrokerEpoch(l.epoch.Load()) }

// IncarnationID identifies this process.
func (l *Lifecycle) IncarnationID() kafka.UUID { return l.incarnation }

// Fenced tells whether the controller keeps clients away from this broker.
func (l *Lifecycle) Fenced() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.fenced
}

// Lost gives the refusal by which this incarnation has learnt that the controller
// does not know it any more, nil while it does: it was unregistered, or another
// incarnation has its id. Only a restart brings the broker back.
func (l *Lifecycle) Lost() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.lost
}

// Register registers this incarnation, fenced, and returns once the broker's own
// metadata has the registration. It tries until RegistrationTimeout; refusals that
// waiting does not cure are returned at once.
func (l *Lifecycle) Register(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, l.o.RegistrationTimeout)
	defer cancel()
	backoff := retryBackoff
	for {
		resp, err := l.o.Controller.RegisterBroker(ctx, l.registration())
		switch {
		case err == nil:
			l.epoch.Store(resp.BrokerEpoch)
			l.o.Logger.Info("Registered broker", "brokerId", int32(l.o.NodeID), "brokerEpoch", resp.BrokerEpoch, "incarnationId", l.incarnation.String())
			// The epoch is at most the offset of the registration.
			return l.o.Metadata.WaitOffset(ctx, kafka.Offset(resp.BrokerEpoch))
		case !retriable(err):
			return fmt.Errorf("register broker %d: %w", l.o.NodeID, err)
		}
		l.o.Logger.Warn("Registering the broker failed, trying again", "err", err)
		if !pause(ctx, &backoff) {
			return fmt.Errorf("register broker %d: no success within %v: %w", l.o.NodeID, l.o.RegistrationTimeout, err)
		}
	}
}

func (l *Lifecycle) registration() *kmsg.BrokerRegistrationRequest {
	req := kmsg.NewPtrBrokerRegistrationRequest()
	req.Version = req.MaxVersion()
	req.BrokerID, req.ClusterID, req.IncarnationID, req.Rack = int32(l.o.NodeID), l.o.ClusterID, l.incarnation, l.o.Rack
	req.PreviousBrokerEpoch = int64(l.o.PreviousBrokerEpoch)
	for _, listener := range l.o.Listeners {
		to := kmsg.NewBrokerRegistrationRequestListener()
		to.Name, to.Host, to.Port, to.SecurityProtocol = listener.Name, listener.Host, listener.Port, listener.SecurityProtocol
		req.Listeners = append(req.Listeners, to)
	}
	for _, f := range metadata.SupportedFeatures() {
		feature := kmsg.NewBrokerRegistrationRequestFeature()
		feature.Name, feature.MinSupportedVersion, feature.MaxSupportedVersion = f.Name, f.Min, f.Max
		req.Features = append(req.Features, feature)
	}
	for _, dir := range l.o.LogDirs {
		req.LogDirs = append(req.LogDirs, dir)
	}
	return req
}

// retriable tells whether a registration may succeed later.
func retriable(err error) bool {
	for _, final := range []error{
		kerr.InconsistentClusterID, kerr.InvalidRegistration, kerr.UnsupportedVersion, kerr.BrokerIDNotRegistered,
		kerr.ClusterAuthorizationFailed, kerr.InvalidRequest,
	} {
		if errors.Is(err, final) {
			return false
		}
	}
	return !errors.Is(err, context.Canceled)
}

// pause waits for the backoff and doubles it; false means that ctx has ended.
func pause(ctx context.Context, backoff *time.Duration) bool {
	timer := time.NewTimer(*backoff)
	defer timer.Stop()
	*backoff = min(2**backoff, maxRetryBackoff)
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// Unfence says that the broker is ready to serve, and returns when the controller
// has unfenced it. Run need not have begun.
func (l *Lifecycle) Unfence(ctx context.Context) error {
	l.mu.Lock()
	l.ready = true
	l.mu.Unlock()
	backoff := retryBackoff
	for {
		seen := l.o.Metadata.PublishedOffset()
		resp, err := l.heartbeat(ctx)
		switch {
		case err == nil && !resp.IsFenced:
			l.o.Logger.Info("The broker has been unfenced", "brokerId", int32(l.o.NodeID), "brokerEpoch", l.epoch.Load())
			return nil
		case err == nil && !resp.IsCaughtUp:
			if err := l.o.Metadata.WaitOffset(ctx, seen+1); err != nil {
				return fmt.Errorf("unfence broker %d: %w", l.o.NodeID, err)
			}
			continue
		case errors.Is(err, kerr.StaleBrokerEpoch):
			return fmt.Errorf("unfence broker %d: %w", l.o.NodeID, err)
		}
		if !pause(ctx, &backoff) {
			return fmt.Errorf("unfence broker %d: %w", l.o.NodeID, errors.Join(ctx.Err(), err))
		}
	}
}

// Run keeps the session until ctx ends. Failures are logged and tried again at
// the next interval, or earlier if the session is at stake.
//
// Differs from Kafka: after STALE_BROKER_EPOCH there are no more heartbeats, since no
// later one can have another answer: broker epochs do not come back.
func (l *Lifecycle) Run(ctx context.Context) error {
	timer := time.NewTimer(l.o.HeartbeatInterval)
	defer timer.Stop()
	backoff := retryBackoff
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-timer.C:
		case <-l.wake:
		}
		wait := l.o.HeartbeatInterval
		_, err := l.heartbeat(ctx)
		switch {
		case err == nil:
			backoff = retryBackoff
		case errors.Is(err, kerr.StaleBrokerEpoch):
			l.logLost(err)
			<-ctx.Done()
			return nil
		case ctx.Err() == nil:
			l.o.Logger.Warn("The heartbeat to the controller failed", "brokerId", int32(l.o.NodeID), "err", err)
			wait = min(backoff, wait)
			backoff = min(2*backoff, maxRetryBackoff)
		}
		timer.Reset(wait)
	}
}

func (l *Lifecycle) logLost(err error) {
	l.o.Logger.Error("The broker is not registered any more and gets no clients", "brokerId", int32(l.o.NodeID), "brokerEpoch", l.epoch.Load(), "err", err,
		"cause", "it was unregistered (UnregisterBroker) while it was running, or another process with the same node.id has registered",
		"cure", "restart this node and it registers anew, or stop it if it was to leave the cluster; of two nodes with one node.id give one another")
}

// SetOfflineDirs says which log directories have failed; the controller hears of
// it at once and leads their partitions elsewhere.
func (l *Lifecycle) SetOfflineDirs(dirs []kafka.UUID) {
	l.mu.Lock()
	l.offline = dirs
	l.mu.Unlock()
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// ControlledShutdown asks the controller to lead this broker's partitions
// elsewhere, and returns when it may stop. With ctx's error it may stop too, less
// cleanly for clients. From now on Run's heartbeats say the same, so that a broker
// that may stop is not led back.
func (l *Lifecycle) ControlledShutdown(ctx context.Context) error {
	if l.epoch.Load() < 0 {
		return nil // Never registered.
	}
	l.mu.Lock()
	l.leaving = true
	l.mu.Unlock()
	backoff := time.Millisecond
	for {
		seen := l.o.Metadata.PublishedOffset()
		resp, err := l.heartbeat(ctx)
		switch {
		case err == nil && resp.ShouldShutdown:
			return nil
		case errors.Is(err, kerr.StaleBrokerEpoch):
			return nil // Unregistered, or replaced: nothing of ours is left.
		case err == nil:
			// What the controller has just decided may be all there was to wait for.
			waitCtx, cancel := context.WithTimeout(ctx, backoff)
			_ = l.o.Metadata.WaitOffset(waitCtx, seen+1)
			cancel()
		}
		if !pause(ctx, &backoff) {
			return fmt.Errorf("controlled shutdown of broker %d: %w", l.o.NodeID, errors.Join(ctx.Err(), err))
		}
	}
}

// heartbeat sends one heartbeat, after any that is under way, and notes what the
// controller says.
func (l *Lifecycle) heartbeat(ctx context.Context) (*kmsg.BrokerHeartbeatResponse, error) {
	ctx, cancel := context.WithTimeout(ctx, l.o.SessionTimeout)
	defer cancel()
	select {
	case l.beating <- struct{}{}:
		defer func() { <-l.beating }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	req := kmsg.NewPtrBrokerHeartbeatRequest()
	req.Version = req.MaxVersion()
	req.BrokerID, req.BrokerEpoch = int32(l.o.NodeID), l.epoch.Load()
	req.CurrentMetadataOffset = int64(l.o.Metadata.PublishedOffset())
	l.mu.Lock()
	req.WantFence, req.WantShutdown = !l.ready, l.leaving
	for _, dir := range l.offline {
		req.OfflineLogDirs = append(req.OfflineLogDirs, dir)
	}
	l.mu.Unlock()
	resp, err := l.o.Controller.BrokerHeartbeat(ctx, req)
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case err == nil:
		l.fenced = resp.IsFenced
	case errors.Is(err, kerr.StaleBrokerEpoch):
		l.fenced, l.lost = true, err
	}
	return resp, err
}

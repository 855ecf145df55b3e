package moldautest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// Client gives a franz-go client of the broker, which is closed at the end of the
// test. The options go after those that connect it, and that let it ask for
// metadata again at once after an error, where franz-go by default waits for seconds.
func (b *Broker) Client(opts ...kgo.Opt) *kgo.Client {
	b.t.Helper()
	cl, err := kgo.NewClient(append([]kgo.Opt{kgo.SeedBrokers(b.Addr()), kgo.Dialer(b.DialContext), kgo.MetadataMinAge(10 * time.Millisecond)}, opts...)...)
	if err != nil {
		b.t.Fatalf("moldautest: client: %v", err)
	}
	b.t.Cleanup(cl.Close)
	return cl
}

// CreateTopic creates a topic, with settings of the topic as key=value.
func (b *Broker) CreateTopic(name string, partitions int, config ...string) {
	b.t.Helper()
	b.prepare(func(ctx context.Context, cl *kgo.Client) error {
		return createTopic(ctx, cl, topic{name, partitions, config})
	})
}

// prepare runs f with a client.
func (b *Broker) prepare(f func(ctx context.Context, cl *kgo.Client) error) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.t.Context(), patience)
	defer cancel()
	cl, err := kgo.NewClient(kgo.SeedBrokers(b.Addr()), kgo.Dialer(b.DialContext), kgo.ClientID("moldautest"),
		kgo.RetryBackoffFn(func(int) time.Duration { return time.Millisecond }), kgo.RetryTimeout(patience))
	if err != nil {
		b.t.Fatalf("moldautest: client: %v", err)
	}
	defer cl.Close()
	if err := f(ctx, cl); err != nil {
		b.t.Fatalf("moldautest: %v", err)
	}
}

// awaitCoordinator has the broker create the topic in which groups keep their
// offsets, so that the first consumer of the test does not wait for it: clients
// wait long before they ask again.
func awaitCoordinator(ctx context.Context, cl *kgo.Client) error {
	req := kmsg.NewPtrOffsetFetchRequest()
	req.Group = "moldautest"
	group := kmsg.NewOffsetFetchRequestGroup()
	group.Group = req.Group
	req.Groups = append(req.Groups, group)
	_, err := req.RequestWith(ctx, cl)
	return err
}

func createTopic(ctx context.Context, cl *kgo.Client, t topic) error {
	fail := func(err error) error { return fmt.Errorf("create topic %s: %w", t.name, err) }
	settings, err := settingsOf(t.config)
	if err != nil {
		return fail(err)
	}
	create := kmsg.NewCreateTopicsRequestTopic()
	create.Topic, create.NumPartitions, create.ReplicationFactor = t.name, int32(t.partitions), 1
	for key, value := range settings {
		config := kmsg.NewCreateTopicsRequestTopicConfig()
		config.Name, config.Value = key, value
		create.Configs = append(create.Configs, config)
	}
	req := kmsg.NewPtrCreateTopicsRequest()
	req.Topics, req.TimeoutMillis = append(req.Topics, create), int32(patience/time.Millisecond)
	resp, err := req.RequestWith(ctx, cl)
	if err != nil {
		return fail(err)
	}
	answer := resp.Topics[0]
	if err := kerr.ErrorForCode(answer.ErrorCode); err != nil {
		if answer.ErrorMessage != nil {
			err = fmt.Errorf("%w: %s", err, *answer.ErrorMessage)
		}
		return fail(err)
	}
	return nil
}

// self is what metadata tells of the broker.
func (b *Broker) self() kmsg.MetadataResponseBroker {
	self := kmsg.NewMetadataResponseBroker()
	host, service, _ := net.SplitHostPort(b.Addr()) // It comes from JoinHostPort.
	port, _ := strconv.Atoi(service)
	self.NodeID, self.Host, self.Port = nodeID, host, int32(port)
	return self
}

// settingsOf splits key=value.
func settingsOf(config []string) (map[string]*string, error) {
	settings := map[string]*string{}
	for _, setting := range config {
		key, value, ok := strings.Cut(setting, "=")
		if !ok {
			return nil, errors.New(setting + " is not of the form key=value")
		}
		settings[strings.TrimSpace(key)] = &value
	}
	return settings, nil
}

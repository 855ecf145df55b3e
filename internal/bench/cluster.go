package bench

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net"
	"slices"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl"
)

// clientID is what the load calls itself.
const clientID = "moldau-bench"

// Bounds on the steps around a run.
const (
	adminTimeout = 2 * time.Minute
	readyTimeout = 2 * time.Minute
	readyPause   = 50 * time.Millisecond
)

// Config says how to reach a cluster.
type Config struct {
	// Options are those of the client that creates topics and asks for metadata.
	// They name the brokers (kgo.SeedBrokers), and how every connection is
	// made (kgo.Dialer) and authenticated (kgo.SASL), those of the load too.
	Options []kgo.Opt
	// PIDs are the brokers' processes if they run on this machine. Nil looks for
	// the processes that listen on the brokers' ports (Linux only).
	PIDs []int
}

// Cluster is a cluster to be measured. It runs one load at a time.
type Cluster struct {
	config Config
	dialer dialer
	// mechanisms authenticate every connection; none if the cluster asks for nothing.
	mechanisms []sasl.Mechanism
	client     *kgo.Client
	admin      *kadm.Client
	brokers    []broker
	info       ClusterInfo
	pids       []int
}

// dialer connects to a broker.
type dialer = func(ctx context.Context, network, address string) (net.Conn, error)

// broker is a node of the cluster as its metadata names it.
type broker struct {
	id   int32
	addr string
}

// Open connects to a cluster and learns its brokers and versions.
func Open(ctx context.Context, config Config) (*Cluster, error) {
	// What was just created is looked up at once.
	client, err := kgo.NewClient(append([]kgo.Opt{kgo.MetadataMinAge(readyPause)}, config.Options...)...)
	if err != nil {
		return nil, err
	}
	c := &Cluster{config: config, client: client, admin: kadm.NewClient(client)}
	if seeds, ok := client.OptValue(kgo.SeedBrokers).([]string); ok {
		c.info.Bootstrap = seeds
	}
	c.dialer = (&net.Dialer{}).DialContext
	if dial, ok := client.OptValue(kgo.Dialer).(dialer); ok && dial != nil {
		c.dialer = dial
	}
	c.mechanisms = mechanisms(client)
	if err := c.describe(ctx); err != nil {
		client.Close()
		return nil, err
	}
	return c, nil
}

// Close gives the connections back.
func (c *Cluster) Close() { c.client.Close() }

// Info tells which cluster it is.
func (c *Cluster) Info() ClusterInfo { return c.info }

// PIDs are the processes whose CPU and memory a Result tells; none if the brokers
// are elsewhere.
func (c *Cluster) PIDs() []int { return c.pids }

func (c *Cluster) describe(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, adminTimeout)
	defer cancel()
	metadata, err := c.admin.BrokerMetadata(ctx)
	if err != nil {
		return fmt.Errorf("ask %v for its brokers: %w", c.info.Bootstrap, err)
	}
	for _, b := range metadata.Brokers {
		c.brokers = append(c.brokers, broker{id: b.NodeID, addr: net.JoinHostPort(b.Host, strconv.Itoa(int(b.Port)))})
	}
	if len(c.brokers) == 0 {
		return fmt.Errorf("%v: the cluster names no broker", c.info.Bootstrap)
	}
	slices.SortFunc(c.brokers, func(a, b broker) int { return int(a.id - b.id) })
	c.info.ClusterID, c.info.Brokers = metadata.Cluster, len(c.brokers)
	c.pids = c.config.PIDs
	if c.pids == nil {
		c.pids = c.localPIDs()
	}
	return nil
}

// localPIDs finds the brokers' processes on this machine.
func (c *Cluster) localPIDs() []int {
	var pids []int
	for _, b := range c.brokers {
		if pid, ok := listener(b.addr); ok && !slices.Contains(pids, pid) {
			pids = append(pids, pid)
		}
	}
	return pids
}

// Topic says which topic a load uses.
type Topic struct {
	// Name of the topic; empty makes one up. A topic that exists is used as it is,
	// and stays.
	Name string `json:"name,omitempty"`
	// Partitions of a topic that is created.
	Partitions int `json:"partitions"`
	// ReplicationFactor of a topic that is created; 0 is the cluster's default.
	ReplicationFactor int `json:"replicationFactor,omitempty"`
	// Configs of a topic that is created.
	Configs map[string]string `json:"configs,omitempty"`
	// Keep leaves a topic that was created.
	Keep bool `json:"keep,omitempty"`
}

// topic is a topic that is ready for a load.
type topic struct {
	name    string
	id      [16]byte
	created bool
	// leaders holds the brokers that lead partitions, in the order of their ids.
	leaders []leader
	// partitions is their number.
	partitions int
}

// leader is a broker and the partitions it leads.
type leader struct {
	addr       string
	partitions []int32
}

// Retention of the topics that a load creates: should the process die, this is
// what remains of them.
const (
	retention       = time.Hour
	fileDeleteDelay = time.Second
)

// prepare creates the topic, if it is not there, and waits until every partition
// answers.
func (c *Cluster) prepare(ctx context.Context, scenario string, t Topic) (*topic, error) {
	ctx, cancel := context.WithTimeout(ctx, adminTimeout)
	defer cancel()
	ready := &topic{name: t.Name}
	if t.Name == "" {
		ready.name = fmt.Sprintf("moldau-bench-%s-%08x", scenario, rand.Uint32())
	}
	configs := map[string]*string{
		"retention.ms":         kadm.StringPtr(strconv.FormatInt(retention.Milliseconds(), 10)),
		"file.delete.delay.ms": kadm.StringPtr(strconv.FormatInt(fileDeleteDelay.Milliseconds(), 10)),
	}
	for key, value := range t.Configs {
		configs[key] = &value
	}
	factor := int16(-1)
	if t.ReplicationFactor > 0 {
		factor = int16(t.ReplicationFactor)
	}
	_, err := c.admin.CreateTopic(ctx, int32(t.Partitions), factor, configs, ready.name)
	switch {
	case err == nil:
		ready.created = true
	case errors.Is(err, kerr.TopicAlreadyExists):
	default:
		return nil, fmt.Errorf("create topic %s: %w", ready.name, err)
	}
	if err := c.awaitTopic(ctx, ready); err != nil {
		return nil, errors.Join(err, c.release(ctx, ready, t))
	}
	return ready, nil
}

// release removes the topic if this run created it and need not keep it.
func (c *Cluster) release(ctx context.Context, ready *topic, t Topic) error {
	if !ready.created || t.Keep {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), adminTimeout)
	defer cancel()
	if _, err := c.admin.DeleteTopic(ctx, ready.name); err != nil && !errors.Is(err, kerr.UnknownTopicOrPartition) {
		return fmt.Errorf("delete topic %s: %w", ready.name, err)
	}
	return nil
}

// awaitTopic waits until every partition has a leader that answers for it, and
// notes the leaders. A cluster creates a topic before its leaders know of it.
func (c *Cluster) awaitTopic(ctx context.Context, t *topic) error {
	ctx, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()
	var last error
	for {
		if last = c.lookUp(ctx, t); last == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("topic %s does not become ready: %w", t.name, last)
		case <-time.After(readyPause):
		}
	}
}

func (c *Cluster) lookUp(ctx context.Context, t *topic) error {
	metadata, err := c.admin.Metadata(ctx, t.name)
	if err != nil {
		return err
	}
	detail, ok := metadata.Topics[t.name]
	if !ok || detail.Err != nil {
		return errors.Join(errors.New("the metadata of the topic is not there"), detail.Err)
	}
	addrs := map[int32]string{}
	for _, b := range metadata.Brokers {
		addrs[b.NodeID] = net.JoinHostPort(b.Host, strconv.Itoa(int(b.Port)))
	}
	led := map[int32][]int32{}
	for _, p := range detail.Partitions.Sorted() {
		if p.Err != nil || addrs[p.Leader] == "" {
			return errors.Join(fmt.Errorf("partition %d has no leader", p.Partition), p.Err)
		}
		led[p.Leader] = append(led[p.Leader], p.Partition)
	}
	offsets, err := c.admin.ListEndOffsets(ctx, t.name)
	if err == nil {
		err = offsets.Error()
	}
	if err != nil {
		return err
	}
	t.id, t.partitions, t.leaders = detail.ID, len(detail.Partitions), nil
	for _, id := range slices.Sorted(maps.Keys(led)) {
		t.leaders = append(t.leaders, leader{addr: addrs[id], partitions: led[id]})
	}
	return nil
}

// freeShare is the part of the free space that a run may take unless told a number.
const freeShare = 0.5

// maxDefaultBytes bounds a run that was told no number on large or unknown disks.
const maxDefaultBytes = 64 << 30

// byteLimit is how much a run may produce: what it was told, or half of what the
// fullest broker has free.
func (c *Cluster) byteLimit(ctx context.Context, told int64) int64 {
	if told > 0 {
		return told
	}
	limit := int64(maxDefaultBytes)
	dirs, err := c.admin.DescribeAllLogDirs(ctx, nil)
	if err != nil {
		return limit // An old cluster, or one that does not allow it.
	}
	dirs.Each(func(d kadm.DescribedLogDir) {
		if d.Err == nil && d.UsableBytes >= 0 {
			limit = min(limit, int64(freeShare*float64(d.UsableBytes)))
		}
	})
	return limit
}

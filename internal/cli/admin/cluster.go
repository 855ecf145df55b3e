package admin

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/kversion"

	"moldau.dev/moldau/internal/cli/cmdline"
)

func newCluster(env *cmdline.Env) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "cluster",
		Short: "Show nodes, quorum, versions, features and disks of a cluster",
		Long: `Show what a cluster is made of: its nodes and their health, the quorum of its
controllers, the APIs and features it has, and its log directories.`,
		Example: `  moldau cluster describe
  moldau cluster health --wait 30s
  moldau cluster nodes
  moldau cluster quorum
  moldau cluster log-dirs`,
	}
	t := newNoun(env, cmd)
	cmd.AddCommand(
		t.newClusterDescribe(), t.newClusterHealth(), t.newClusterNodes(), t.newClusterQuorum(), t.newClusterFeatures(), t.newClusterAPIVersions(), t.newClusterLogDirs(),
	)
	return cmd
}

// node is a node of the cluster, in JSON.
type node struct {
	NodeID     int32   `json:"nodeId"`
	Host       string  `json:"host"`
	Port       int32   `json:"port"`
	Rack       *string `json:"rack"`
	Broker     bool    `json:"broker"`
	Controller bool    `json:"controller"`
	// Active says that it leads the quorum of the controllers.
	Active bool `json:"activeController"`
	Fenced bool `json:"fenced"`
	// Version is the release of Kafka that the broker is like.
	Version   string `json:"kafkaVersion"`
	Leaders   int    `json:"leaders"`
	Replicas  int    `json:"replicas"`
	SizeBytes *int64 `json:"sizeBytes"`
}

func (n *node) roles() string {
	switch {
	case n.Broker && n.Active:
		return "broker, active controller"
	case n.Broker && n.Controller:
		return "broker, controller"
	case n.Active:
		return "active controller"
	case n.Controller:
		return "controller"
	default:
		return "broker"
	}
}

// overview is what a cluster says of itself.
type overview struct {
	ClusterID string
	Nodes     []node
	Topics    kadm.TopicDetails
	// Features are nil where the cluster has none.
	Features []feature
	// Quorum is nil where the cluster does not tell.
	Quorum *quorum
}

// readOverview asks for all of it. What only newer clusters tell, or only some
// people may know, is left out where it is not to be had.
func (s *session) readOverview(ctx context.Context) (*overview, error) {
	metadata, err := s.admin.Metadata(ctx)
	if err != nil {
		return nil, err
	}
	o := &overview{ClusterID: metadata.Cluster, Topics: metadata.Topics}
	if o.Nodes, err = s.brokers(ctx, metadata); err != nil {
		return nil, err
	}
	if o.Quorum, err = s.readQuorum(ctx); err == nil {
		o.addControllers()
	}
	versions, err := s.admin.ApiVersions(ctx)
	if partial(err) != nil {
		return nil, err
	}
	for i := range o.Nodes {
		if v, ok := versions[o.Nodes[i].NodeID]; ok && v.Err == nil {
			o.Nodes[i].Version = release(v.Raw())
			o.Features = features(v.Raw())
		}
	}
	return o, nil
}

// brokers are the brokers of the cluster, with those that are fenced where the
// cluster tells (Kafka 4.0).
func (s *session) brokers(ctx context.Context, metadata kadm.Metadata) ([]node, error) {
	req := kmsg.NewPtrDescribeClusterRequest()
	req.EndpointType, req.IncludeFencedBrokers = 1, true
	resp, err := req.RequestWith(ctx, s.client)
	if err == nil {
		err = kerr.ErrorForCode(resp.ErrorCode)
	}
	var nodes []node
	if err == nil {
		for _, b := range resp.Brokers {
			nodes = append(nodes, node{NodeID: b.NodeID, Host: b.Host, Port: b.Port, Rack: b.Rack, Broker: true, Fenced: b.IsFenced})
		}
	} else {
		for _, b := range metadata.Brokers {
			nodes = append(nodes, node{NodeID: b.NodeID, Host: b.Host, Port: b.Port, Rack: b.Rack, Broker: true})
		}
	}
	if len(nodes) == 0 {
		return nil, errors.New("the cluster has no broker that is ready")
	}
	for i := range nodes {
		for _, d := range metadata.Topics {
			for _, p := range d.Partitions {
				if p.Leader == nodes[i].NodeID {
					nodes[i].Leaders++
				}
				if slices.Contains(p.Replicas, nodes[i].NodeID) {
					nodes[i].Replicas++
				}
			}
		}
	}
	slices.SortFunc(nodes, func(a, b node) int { return int(a.NodeID) - int(b.NodeID) })
	return nodes, nil
}

// addControllers marks the nodes that are controllers, and adds those that are
// nothing else.
func (o *overview) addControllers() {
	for _, r := range o.Quorum.Replicas {
		if !r.Voter {
			continue
		}
		at := slices.IndexFunc(o.Nodes, func(n node) bool { return n.NodeID == r.NodeID })
		if at < 0 {
			at = len(o.Nodes)
			o.Nodes = append(o.Nodes, node{NodeID: r.NodeID, Host: r.host, Port: r.port})
		}
		o.Nodes[at].Controller, o.Nodes[at].Active = true, r.NodeID == o.Quorum.LeaderID
	}
}

func (o *overview) health() (partitions int, h health) {
	for _, d := range o.Topics {
		partitions += len(d.Partitions)
		one := healthOf(d)
		h.Offline += one.Offline
		h.UnderReplicated += one.UnderReplicated
	}
	return partitions, h
}

// release is the release of Kafka that a broker is like: that of the newest
// metadata.version it supports or, before there was any, of the requests it has.
func release(r *kmsg.ApiVersionsResponse) string {
	for _, f := range features(r) {
		if f.Feature != metadataVersion {
			continue
		}
		if name, _, ok := strings.Cut(kversion.FeatureLevelDescription(f.Feature, f.Max), "-IV"); ok {
			return name
		}
	}
	return kversion.FromApiVersionsResponse(r).VersionGuess()
}

// metadataVersion is the feature that says which records the metadata holds.
const metadataVersion = "metadata.version"

func (t *tool) newClusterDescribe() *cobra.Command {
	return &cobra.Command{
		Use:     "describe",
		Aliases: []string{"desc", "info", "show", "id"},
		Short:   "Show the cluster in a few lines: id, controller, versions, health",
		Long: `Show the cluster in a few lines: its id, the active controller, brokers, versions,
the number of topics and partitions, and whether all of them are well.

The version of Kafka is the release that the newest metadata.version which the
brokers support belongs to.`,
		Example: `  moldau cluster describe
  moldau cluster describe -o json | jq -r .clusterId`,
		Args: cmdline.Args(0, 0),
		RunE: t.run(clusterDescribe),
	}
}

// describedCluster is a cluster in JSON.
type describedCluster struct {
	ClusterID    string `json:"clusterId"`
	Controller   *int32 `json:"activeController"`
	Brokers      int    `json:"brokers"`
	Fenced       int    `json:"fencedBrokers"`
	Controllers  int    `json:"controllers"`
	KafkaVersion string `json:"kafkaVersion"`
	Metadata     *int16 `json:"metadataVersion"`
	Topics       int    `json:"topics"`
	Partitions   int    `json:"partitions"`
	Health       health `json:"health"`
}

func clusterDescribe(ctx context.Context, s *session, _ []string) error {
	o, err := s.readOverview(ctx)
	if err != nil {
		return err
	}
	partitions, health := o.health()
	d := describedCluster{ClusterID: o.ClusterID, Topics: len(o.Topics), Partitions: partitions, Health: health}
	if o.Quorum != nil {
		d.Controller = &o.Quorum.LeaderID
	}
	for _, n := range o.Nodes {
		if n.Broker {
			d.Brokers++
			d.KafkaVersion = n.Version
		}
		if n.Fenced {
			d.Fenced++
		}
		if n.Controller {
			d.Controllers++
		}
	}
	metadata := ""
	for _, f := range o.Features {
		if f.Feature == metadataVersion && f.Level != nil {
			d.Metadata, metadata = f.Level, f.levelText()
		}
	}
	return s.out.Write(d, func() error {
		facts := cmdline.NewFacts(s.env)
		facts.Add("Cluster id", s.env.Bold(d.ClusterID))
		facts.Add("Controller", number(d.Controller))
		brokers := strconv.Itoa(d.Brokers)
		if d.Fenced > 0 {
			brokers += ", " + s.env.Bad(fmt.Sprintf("%d of them fenced", d.Fenced))
		}
		facts.Add("Brokers", brokers)
		facts.Add("Controllers", known(int64(d.Controllers)))
		facts.Add("Kafka version", d.KafkaVersion)
		facts.Add("metadata.version", metadata)
		facts.Add("Topics", d.Topics)
		facts.Add("Partitions", d.Partitions)
		facts.Add("Health", health.paint(s.env))
		return facts.Write()
	})
}

func (t *tool) newClusterNodes() *cobra.Command {
	return &cobra.Command{
		Use:     "nodes",
		Aliases: []string{"brokers", "ls", "list"},
		Short:   "List brokers and controllers with their partitions and sizes",
		Long: `List the brokers of the cluster and its controllers: address, rack, role, how many
partitions each leads and has a replica of, and the size of those.

A fenced broker is registered and does not serve, because it starts, stops, or
does not reach the controller.`,
		Example: `  moldau cluster nodes
  moldau cluster nodes -o json | jq '.[] | select(.fenced)'`,
		Args: cmdline.Args(0, 0),
		RunE: t.run(clusterNodes),
	}
}

func clusterNodes(ctx context.Context, s *session, _ []string) error {
	o, err := s.readOverview(ctx)
	if err != nil {
		return err
	}
	if dirs, err := s.admin.DescribeAllLogDirs(ctx, nil); partial(err) == nil {
		for i := range o.Nodes {
			if described, ok := dirs[o.Nodes[i].NodeID]; ok && described.Error() == nil {
				size := int64(0)
				described.Each(func(d kadm.DescribedLogDir) { size += d.Size() })
				o.Nodes[i].SizeBytes = &size
			}
		}
	}
	return s.out.Write(o.Nodes, func() error {
		table := cmdline.NewTable(s.env, ">NODE", "ADDRESS", "RACK", "ROLE", "STATE", ">LEADERS", ">REPLICAS", ">SIZE", "KAFKA")
		for _, n := range o.Nodes {
			address := ""
			if n.Host != "" {
				address = fmt.Sprintf("%s:%d", n.Host, n.Port)
			}
			leaders, replicas, state := any(n.Leaders), any(n.Replicas), s.env.Good("up")
			switch {
			case n.Fenced:
				state = s.env.Bad("fenced")
			case !n.Broker:
				leaders, replicas, state = "", "", ""
			}
			table.Row(n.NodeID, address, pointee(n.Rack), n.roles(), state, leaders, replicas, knownSize(orUnknown(n.SizeBytes)), n.Version)
		}
		return table.Write()
	})
}

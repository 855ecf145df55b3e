package apachekafka

import (
	"context"
	"fmt"
	"maps"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// Options describe a node: broker and controller in one, alone in its cluster.
type Options struct {
	// LogDirs are the data folders (log.dirs), which must exist; their names
	// must not hold a comma.
	LogDirs []string
	// WorkDir is where the node's settings go; none of LogDirs.
	WorkDir string
	// StaticVoters names the quorum by controller.quorum.voters (kraft.version 0)
	// instead of by the log (kraft.version 1).
	StaticVoters bool
	// Properties are further settings, which go before this package's.
	Properties map[string]string
}

// Node is the settings of one node: a server.properties that Apache Kafka
// starts from, and that anything else which takes such a file can start from too.
type Node struct {
	install *Install
	opts    Options
	addr    string
	// controller is host:port of the controller's listener.
	controller string
	file       string
	log4j      string
}

// NodeID is the node.id of every Node.
const NodeID = 1

// NewNode writes the settings of a node on free ports. It starts nothing.
func (i *Install) NewNode(o Options) (*Node, error) {
	ports, err := freePorts(2)
	if err != nil {
		return nil, err
	}
	n := &Node{
		install: i, opts: o, addr: fmt.Sprintf("localhost:%d", ports[0]), controller: fmt.Sprintf("localhost:%d", ports[1]),
		file: filepath.Join(o.WorkDir, "server.properties"), log4j: filepath.Join(o.WorkDir, "log4j2.properties"),
	}
	p := map[string]string{
		"node.id": fmt.Sprint(NodeID), "process.roles": "broker,controller", "log.dirs": strings.Join(o.LogDirs, ","),
		"listeners": "PLAINTEXT://" + n.addr + ",CONTROLLER://" + n.controller, "controller.listener.names": "CONTROLLER",
		"offsets.topic.replication.factor": "1", "offsets.topic.num.partitions": "4",
		"transaction.state.log.replication.factor": "1", "transaction.state.log.min.isr": "1", "transaction.state.log.num.partitions": "4",
		"share.coordinator.state.topic.replication.factor": "1", "share.coordinator.state.topic.min.isr": "1",
		"share.coordinator.state.topic.num.partitions": "4",
		"group.initial.rebalance.delay.ms":             "0",
	}
	if o.StaticVoters {
		p["controller.quorum.voters"] = fmt.Sprintf("%d@%s", NodeID, n.controller)
	} else {
		p["controller.quorum.bootstrap.servers"] = n.controller
	}
	maps.Copy(p, o.Properties)
	var b strings.Builder
	for _, key := range slices.Sorted(maps.Keys(p)) {
		fmt.Fprintf(&b, "%s=%s\n", key, p[key])
	}
	if err := os.WriteFile(n.file, []byte(b.String()), 0o600); err != nil {
		return nil, err
	}
	return n, os.WriteFile(n.log4j, []byte(log4jProperties), 0o600)
}

// log4jProperties sends the broker's log to its standard output.
const log4jProperties = `rootLogger.level=INFO
rootLogger.appenderRef.console.ref=console
appender.console.type=Console
appender.console.name=console
appender.console.layout.type=PatternLayout
appender.console.layout.pattern=%p %d{HH:mm:ss,SSS} %c{1} %m%n
logger.config.name=org.apache.kafka.common.config.AbstractConfig
logger.config.level=WARN
`

// Addr is host:port of the node's client listener.
func (n *Node) Addr() string { return n.addr }

// ControllerAddr is host:port of the node's controller listener.
func (n *Node) ControllerAddr() string { return n.controller }

// PropertiesFile is the path of the node's server.properties.
func (n *Node) PropertiesFile() string { return n.file }

// Command gives the command that runs the node as it is run in production: with the
// JVM flags of Apache Kafka's start script. The caller runs and ends it.
func (n *Node) Command() *exec.Cmd {
	return n.install.jvm(context.Background(), n.install.libs, n.log4j, StartScriptFlags, brokerClass, n.file)
}

// Format makes the node's empty data folder one of that cluster, as kafka-storage
// does: with the features of a release of Apache Kafka, such as 4.0, or, if
// release is empty, its newest.
func (n *Node) Format(ctx context.Context, clusterID, release string) error {
	args := []string{"format", "--cluster-id", clusterID, "--config", n.file}
	if release != "" {
		args = append(args, "--release-version", release)
	}
	if !n.opts.StaticVoters {
		args = append(args, "--standalone")
	}
	_, _, err := n.install.Tool(ctx, StorageTool, args...)
	return err
}

// freePorts finds ports of the loopback interface that nobody listens on.
func freePorts(n int) ([]int, error) {
	var ports []int
	for range n {
		l, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", "localhost:0")
		if err != nil {
			return nil, err
		}
		defer func() { _ = l.Close() }() // All of them at the end, so that they differ.
		ports = append(ports, l.Addr().(*net.TCPAddr).Port)
	}
	return ports, nil
}

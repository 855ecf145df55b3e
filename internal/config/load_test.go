package config

import (
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"testing"
)

func files(m map[string]string) func(string) ([]byte, error) {
	return func(name string) ([]byte, error) {
		if text, ok := m[name]; ok {
			return []byte(text), nil
		}
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
}

func host() string { return "box" }

func TestDefaultsLoad(t *testing.T) {
	s, warnings, err := Load(Sources{})
	if err != nil || len(warnings) > 0 {
		t.Fatalf("Load: %v, warnings %q", err, warnings)
	}
	b := s.Broker
	if !b.IsBroker || !b.IsController || b.NodeID != 1 || !slices.Equal(b.LogDirs, []string{"./moldau-data"}) || b.MetadataDir != "./moldau-data" {
		t.Errorf("roles, id or dirs: %+v", b)
	}
	if len(b.AdvertisedListeners) != 1 || b.AdvertisedListeners[0].String() != "PLAINTEXT://localhost:9092" || b.InterBrokerListener != "PLAINTEXT" {
		t.Errorf("advertised %v, between brokers %v", b.AdvertisedListeners, b.InterBrokerListener)
	}
	if len(b.AdvertisedControllerListeners) != 1 || b.AdvertisedControllerListeners[0].String() != "CONTROLLER://localhost:9093" {
		t.Errorf("controller %v", b.AdvertisedControllerListeners)
	}
	if b.HTTPListener != "localhost:9080" || b.OffsetsTopicReplicationFactor != 1 || b.GroupInitialRebalanceDelay != 0 {
		t.Errorf("http %q, offsets %d, delay %v", b.HTTPListener, b.OffsetsTopicReplicationFactor, b.GroupInitialRebalanceDelay)
	}
}

func TestDefaultsFollowWhatIsSet(t *testing.T) {
	for _, c := range []struct {
		overrides []string
		name      string
		want      string
		set       bool
	}{
		{[]string{"listeners=PLAINTEXT://localhost:1,CONTROLLER://127.0.0.1:2"}, "controller.quorum.bootstrap.servers", "127.0.0.1:2", true},
		{[]string{"listeners=PLAINTEXT://:1,CONTROLLER://:2"}, "controller.quorum.bootstrap.servers", "localhost:2", true},
		{[]string{"controller.quorum.voters=1@localhost:9093"}, "controller.quorum.bootstrap.servers", "", true},
		{[]string{"log.dir=/d"}, "log.dirs", "", false},
		{[]string{"log.dir=/d"}, "log.dir", "/d", true},
	} {
		s, _, err := Load(Sources{Overrides: c.overrides, Hostname: host})
		if err != nil {
			t.Errorf("%v: %v", c.overrides, err)
			continue
		}
		if got, set := s.Get(c.name); got != c.want || set != c.set {
			t.Errorf("%v: %s = %q %v, want %q %v", c.overrides, c.name, got, set, c.want, c.set)
		}
	}
}

const combined = `process.roles=broker,controller
node.id=1
controller.quorum.bootstrap.servers=localhost:9093
listeners=PLAINTEXT://localhost:9092,CONTROLLER://localhost:9093
controller.listener.names=CONTROLLER
log.dirs=/d
`

func TestLaterSourcesWin(t *testing.T) {
	read := files(map[string]string{"f": combined + "num.partitions=2\nnum.io.threads=2\nnum.network.threads=2\nbackground.threads=2"})
	s, _, err := Load(Sources{
		File: "f", ReadFile: read,
		Properties: map[string]string{"num.io.threads": "3", "num.network.threads": "3", "background.threads": "3"},
		Environ:    []string{"KAFKA_NUM_NETWORK_THREADS=4", "KAFKA_BACKGROUND_THREADS=4", "CLUSTER_ID=abc", "KAFKA_HEAP_OPTS=-Xmx1G", "PATH=/bin"},
		Overrides:  []string{"background.threads = 5"},
	})
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string][2]string{
		"num.partitions": {"2", "f:7"}, "num.io.threads": {"3", "the program"},
		"num.network.threads": {"4", "environment variable KAFKA_NUM_NETWORK_THREADS"}, "background.threads": {"5", "--override"},
		"default.replication.factor": {"1", ""},
	} {
		value, _ := s.Get(name)
		if got := [2]string{value, s.Origin(name)}; got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	if s.ClusterID != "abc" {
		t.Errorf("cluster id %q", s.ClusterID)
	}
	if _, set := s.Explicit()["heap.opts"]; set {
		t.Error("KAFKA_HEAP_OPTS was taken for configuration")
	}
}

func TestEnvironmentKeys(t *testing.T) {
	for variable, want := range map[string]string{
		"KAFKA_LOG_DIRS": "log.dirs", "KAFKA_SASL_ENABLED_MECHANISMS": "sasl.enabled.mechanisms",
		"KAFKA_LISTENER_NAME_MY__LISTENER_SSL_KEYSTORE_LOCATION": "listener.name.my_listener.ssl.keystore.location",
		"KAFKA_LISTENER_NAME_SASL_SCRAM___SHA___512_X":           "listener.name.sasl.scram-sha-512.x",
		"KAFKA_HEAP_OPTS": "", "KAFKA_JMX_HOSTNAME": "", "LOG_DIRS": "", "KAFKA_": "", "kafka_log_dirs": "",
	} {
		if got, _ := EnvironmentKey(variable); got != want {
			t.Errorf("%s: %q, want %q", variable, got, want)
		}
	}
	s, _, err := Load(Sources{Environ: []string{"KAFKA_PORT=tcp://10.0.0.1:9092", "KAFKA_SERVICE_HOST=10.0.0.1", "KAFKA_PORT_9092_TCP_PROTO=tcp"}})
	if err != nil {
		t.Fatal(err)
	}
	for name := range s.Explicit() {
		if strings.HasPrefix(name, "port") || strings.HasPrefix(name, "service") {
			t.Errorf("a service link became %s", name)
		}
	}
}

// A configuration that comes whole from the environment gets none of our
// defaults for a single node.
func TestEnvironmentReplacesDefaults(t *testing.T) {
	s, _, err := Load(Sources{Environ: []string{
		"KAFKA_PROCESS_ROLES=broker,controller", "KAFKA_NODE_ID=3", "KAFKA_CONTROLLER_QUORUM_VOTERS=1@a:9093,3@b:9093",
		"KAFKA_LISTENERS=PLAINTEXT://:9092,CONTROLLER://:9093", "KAFKA_ADVERTISED_LISTENERS=PLAINTEXT://b:9092", "KAFKA_CONTROLLER_LISTENER_NAMES=CONTROLLER",
	}})
	if err != nil {
		t.Fatal(err)
	}
	b := s.Broker
	if b.OffsetsTopicReplicationFactor != 3 || b.HTTPListener != "" || len(b.BootstrapServers) != 0 || b.NodeID != 3 {
		t.Errorf("replication factor %d, http %q, bootstrap %v, id %d", b.OffsetsTopicReplicationFactor, b.HTTPListener, b.BootstrapServers, b.NodeID)
	}
	if got := b.AdvertisedControllerListeners[0].Address(); got != "b:9093" {
		t.Errorf("the controller is at %s, want its address among the voters", got)
	}
}

func TestLoadSaysWhatIsWrong(t *testing.T) {
	for _, c := range []struct{ add, want string }{
		{"num.io.threads=0", "Invalid value 0 for configuration num.io.threads: Value must be at least 1 (set at f:7). Set a number of 1 or more, or remove the line for the default, 8."},
		{"num.io.threads=x", "Invalid value x for configuration num.io.threads: Not a number of type INT (set at f:7). Set a number of 1 or more"},
		{"group.share.max.size=5000", "Set a number from 1 to 1000"},
		{"auto.create.topics.enable=yes", "Expected value to be either true or false (set at f:7). Set true or false"},
		{"log.cleanup.policy=keep", "String must be one of: compact, delete (set at f:7). Set a list of compact, delete with commas between them"},
		{"sasl.login.refresh.window.factor=x", "Set a number, or remove"},
		{"listeners=PLAINTEXT://:9092", "controller.listener.names must only contain values appearing in the 'listeners' configuration when running the KRaft controller role. Add CONTROLLER://:9093 to listeners."},
		{"listeners=nonsense", "Unable to parse nonsense to a broker endpoint. Write NAME://host:port"},
		{"listeners=FOO://:1,CONTROLLER://:2", "No security protocol defined for listener FOO. Add the listener's name to listener.security.protocol.map"},
		{"listeners=PLAINTEXT://:1,CONTROLLER://:1", "Each listener must have a different port"},
		{"listeners=PLAINTEXT://:1,PLAINTEXT://:2", "Each listener must have a different name"},
		{"listeners=CONTROLLER://:9093", "There must be at least one broker advertised listener."},
		{"advertised.listeners=PLAINTEXT://0.0.0.0:9092", "advertised.listeners cannot use the nonroutable meta-address 0.0.0.0. Use a routable IP address. Clients connect to what this key says"},
		{"advertised.listeners=PLAINTEXT://[::]:9092", "nonroutable meta-address ::"},
		{"advertised.listeners=SSL://a:1", "inter.broker.listener.name must be a listener name defined in advertised.listeners"},
		{"inter.broker.listener.name=NOPE", "Listener with name NOPE defined in inter.broker.listener.name not found"},
		{"inter.broker.listener.name=PLAINTEXT\nsecurity.inter.broker.protocol=PLAINTEXT", "Only one of inter.broker.listener.name and security.inter.broker.protocol should be set."},
		{"broker.id=7", "`node.id` and `broker.id` must be set to the same value."},
		{"controller.quorum.voters=2@localhost:9093", "the node id 1 must be included in the set of voters controller.quorum.voters=Set(2). Correct node.id, or add the entry 1@host:port."},
		{"controller.quorum.voters=localhost:9093", "Each entry should be in the form `{id}@{host}:{port}` (set at f:7)"},
		{"controller.quorum.bootstrap.servers=localhost", "Failed to parse host name from localhost for the configuration controller.quorum.bootstrap.servers."},
		{"controller.quorum.bootstrap.servers=", "either controller.quorum.bootstrap.servers must contain the set of bootstrap controllers"},
		{"process.roles=broker", "controller.listener.names must not contain a value appearing in the 'listeners' configuration when running KRaft with just the broker role"},
		{"process.roles=controller", "must only contain KRaft controller listeners"},
		{"process.roles=king", "String must be one of: broker, controller"},
		{"listener.security.protocol.map=PLAINTEXT:FOO", "Invalid security protocol `FOO` defined in listener.security.protocol.map. Use one of PLAINTEXT, SSL"},
		{"queued.max.request.bytes=5", "queued.max.request.bytes must be larger or equal to socket.request.max.bytes"},
		{"max.connections.per.ip=0", "max.connections.per.ip can be set to zero only if"},
		{"log.roll.ms=0", "log.roll.ms must be greater than or equal to 1"},
		{"log.retention.hours=0", "log.retention.ms must be unlimited (-1) or, greater than or equal to 1"},
		{"replica.fetch.wait.max.ms=60000", "replica.fetch.wait.max.ms should always be less than or equal to replica.lag.time.max.ms"},
		{"group.consumer.session.timeout.ms=5000", "group.consumer.session.timeout.ms must be greater than or equal to group.consumer.min.session.timeout.ms"},
		{"cordoned.log.dirs=/x", "Missing entries : /x"},
		{"group.coordinator.rebalance.protocols=consumer", "Disabling the 'classic' protocol is not supported."},
		{"moldau.http.listener=9080", "Expected host:port, for instance localhost:9080"},
		{"a=\\u12", `line 7: malformed \uxxxx encoding`},
	} {
		_, _, err := Load(Sources{File: "f", ReadFile: files(map[string]string{"f": combined + c.add}), Hostname: host})
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s:\n got %v\nwant %s", c.add, err, c.want)
		}
	}
	_, _, err := Load(Sources{File: "missing", ReadFile: files(nil)})
	if err == nil || !strings.Contains(err.Error(), "missing") {
		t.Errorf("a file that is not there: %v", err)
	}
	_, _, err = Load(Sources{Properties: map[string]string{"num.io.threads": "0"}})
	for _, want := range []string{"num.io.threads", `"process.roles" which has no default value`, `"node.id"`, `"controller.listener.names"`} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("all errors at once: %v lacks %s", err, want)
		}
	}
	if _, _, err = Load(Sources{Overrides: []string{"novalue"}}); err == nil {
		t.Error("--override without = was accepted")
	}
}

func TestSecretsStayOutOfErrors(t *testing.T) {
	_, _, err := Load(Sources{File: "f", ReadFile: files(map[string]string{"f": combined + "ssl.keystore.password=hunter2\nnum.io.threads=0"})})
	if err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("error %v", err)
	}
}

func TestWarnings(t *testing.T) {
	for _, c := range []struct{ add, want string }{
		{"zookeeper.connect=localhost:2181", "zookeeper.connect (f:7) has no effect: there is no ZooKeeper since Kafka 4.0"},
		{"zookeeper.session.timeout.ms=1", "there is no ZooKeeper"},
		{"inter.broker.protocol.version=3.0", "metadata.version"},
		{"log.message.format.version=3.0", "one record format"},
		{"broker.id=1", ""},
		{"num.io.thread=3", "num.io.thread (f:7) is not a known configuration and has no effect; did you mean num.io.threads?"},
		{"ssl.keystore.locatoin=x", "did you mean ssl.keystore.location?"},
		{"retention.ms=3", "it is a topic's configuration; the broker's default for all topics is log.retention.ms"},
		{"totally.different.thing.of.a.plugin=1", "is not a known configuration and has no effect"},
		{"num.partitions=1\nnum.partitions=2", "num.partitions is set twice, at f:7 and at f:8; the last one counts"},
		{"broker.heartbeat.interval.ms=8000", "broker.heartbeat.interval.ms (8000 ms) must be less than or equal to half"},
		{"listener.name.plaintext.max.connections=5", ""},
		{"super.users=User:a", ""},
		{"sasl.enabled.mechanisms=PLAIN,PLAIN", "sasl.enabled.mechanisms names something twice; it counts once: PLAIN"},
		{"listeners=PLAINTEXT://:9092,CONTROLLER://localhost:9093", "clients on other machines are told box:9092"},
	} {
		_, warnings, err := Load(Sources{File: "f", ReadFile: files(map[string]string{"f": combined + c.add}), Hostname: host})
		if err != nil {
			t.Errorf("%s: %v", c.add, err)
		}
		// listeners is also in the part above; its repetition is not the point.
		warnings = slices.DeleteFunc(warnings, func(w Warning) bool { return strings.HasPrefix(string(w), "listeners is set twice") })
		if got := fmt.Sprint(warnings); c.want == "" && len(warnings) > 0 || !strings.Contains(got, c.want) {
			t.Errorf("%s:\n got %s\nwant %s", c.add, got, c.want)
		}
	}
	_, warnings, err := Load(Sources{File: "f", ReadFile: files(map[string]string{"f": strings.Replace(combined, "node.id", "broker.id", 1)})})
	if err != nil || len(warnings) != 1 || !strings.Contains(string(warnings[0]), "use node.id") {
		t.Errorf("broker.id alone: %v, %q", err, warnings)
	}
}

func TestConfigProviders(t *testing.T) {
	text := combined + `
config.providers=env,file,dir
config.providers.env.class=org.apache.kafka.common.config.provider.EnvVarConfigProvider
config.providers.env.param.allowlist.pattern=MY_.*
config.providers.file.class=org.apache.kafka.common.config.provider.FileConfigProvider
config.providers.file.param.allowed.paths=/secrets
config.providers.dir.class=org.apache.kafka.common.config.provider.DirectoryConfigProvider
ssl.keystore.password=${file:/secrets/a.properties:password}
ssl.key.password=${dir:/secrets:key}
broker.rack=rack-${env:MY_RACK}-${env:HOME}-${other:x}
ssl.truststore.password=${file:/etc/passwd:root}
`
	s, _, err := Load(Sources{
		File: "f", Environ: []string{"MY_RACK=7", "HOME=/root"},
		ReadFile: files(map[string]string{"f": text, "/secrets/a.properties": "password=p\\u0041", "/secrets/key": "k\n", "/etc/passwd": "root=x"}),
	})
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"ssl.keystore.password": "pA", "ssl.key.password": "k\n", "broker.rack": "rack-7-${env:HOME}-${other:x}",
		"ssl.truststore.password": "${file:/etc/passwd:root}",
	} {
		if got, _ := s.Get(name); got != want {
			t.Errorf("%s = %q, want %q", name, got, want)
		}
	}
	for _, bad := range []string{
		"config.providers=x", "config.providers=x\nconfig.providers.x.class=my.Own",
		"config.providers=x\nconfig.providers.x.class=FileConfigProvider\nbroker.rack=${x:/nowhere:k}",
		"config.providers=x\nconfig.providers.x.class=EnvVarConfigProvider\nbroker.rack=${x:path:k}",
	} {
		if _, _, err := Load(Sources{File: "f", ReadFile: files(map[string]string{"f": combined + bad})}); err == nil {
			t.Errorf("%q was accepted", bad)
		}
	}
	// Without config.providers the text stays.
	s, _, err = Load(Sources{File: "f", ReadFile: files(map[string]string{"f": combined + "broker.rack=${env:HOME}"})})
	if err != nil || s.Broker.Rack != "${env:HOME}" {
		t.Errorf("%v, rack %q", err, s.Broker.Rack)
	}
}

func FuzzLoad(f *testing.F) {
	f.Add(combined)
	f.Add(combined + "listener.name.x.sasl.jaas.config=a\nmax.connections.per.ip.overrides=a:1,::1:2\nlog.roll.jitter.ms=5")
	f.Add("config.providers=a\nconfig.providers.a.class=EnvVarConfigProvider\nx=${a:b}")
	f.Fuzz(func(t *testing.T, text string) {
		s, _, err := Load(Sources{File: "f", ReadFile: files(map[string]string{"f": text}), Hostname: host})
		if (s == nil) != (err != nil) {
			t.Fatalf("Load: %v, %v", s, err)
		}
		if s != nil {
			DescribeBroker(s, nil, nil)
			ResolveBroker(s, map[string]string{"log.retention.ms": "1"}, map[string]string{"listeners": text})
		}
	})
}

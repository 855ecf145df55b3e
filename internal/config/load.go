package config

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// Sources says where Load reads a node's configuration. Later fields win over
// earlier ones: Defaults, File, Properties, Environ, Overrides.
type Sources struct {
	// Defaults is used only where neither File nor Properties is given; nil
	// means Defaults().
	Defaults map[string]string
	// File is the path of a server.properties; empty is none.
	File string
	// Properties are values given by a program instead of a file.
	Properties map[string]string
	// Environ holds "NAME=value" as os.Environ does. KAFKA_* variables are read
	// as the official container image does, and CLUSTER_ID.
	Environ []string
	// Overrides are "key=value", from --override.
	Overrides []string
	// Hostname gives the name of this machine by which other machines reach it.
	// It is asked only where a listener is on all interfaces and nothing is
	// advertised. nil means Hostname.
	Hostname func() string
	// ReadFile reads File and the files of config providers; nil means
	// os.ReadFile.
	ReadFile func(name string) ([]byte, error)
}

// Warning is something odd that does not keep the node from starting.
type Warning string

// Defaults is the configuration of a node that is given none: a cluster of one
// that only this machine can reach, with the replication factors of the
// internal topics that a single broker can satisfy.
func Defaults() map[string]string {
	return map[string]string{
		"process.roles":                                    "broker,controller",
		"node.id":                                          "1",
		"listeners":                                        "PLAINTEXT://localhost:9092,CONTROLLER://localhost:9093",
		"controller.listener.names":                        "CONTROLLER",
		"controller.quorum.bootstrap.servers":              "localhost:9093",
		"listener.security.protocol.map":                   "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SSL:SSL,SASL_PLAINTEXT:SASL_PLAINTEXT,SASL_SSL:SASL_SSL",
		"log.dirs":                                         "./moldau-data",
		"offsets.topic.replication.factor":                 "1",
		"transaction.state.log.replication.factor":         "1",
		"transaction.state.log.min.isr":                    "1",
		"share.coordinator.state.topic.replication.factor": "1",
		"share.coordinator.state.topic.min.isr":            "1",
		"group.initial.rebalance.delay.ms":                 "0",
		"moldau.http.listener":                             "localhost:9080",
	}
}

// Load reads and checks a node's start-up configuration. The error names every
// value that is wrong, where it was set, what is allowed and what to do.
func Load(src Sources) (*Static, []Warning, error) {
	if src.ReadFile == nil {
		src.ReadFile = os.ReadFile
	}
	if src.Hostname == nil {
		src.Hostname = Hostname
	}
	src.Hostname = sync.OnceValue(src.Hostname)
	l := &loader{src: src, explicit: map[string]string{}, origins: map[string]string{}}
	if err := l.gather(); err != nil {
		return nil, l.warnings, err
	}
	if err := l.resolveProviders(); err != nil {
		return nil, l.warnings, err
	}
	s, err := l.build()
	return s, l.warnings, err
}

type loader struct {
	src       Sources
	explicit  map[string]string
	origins   map[string]string
	clusterID string
	warnings  []Warning
}

func (l *loader) warn(format string, args ...any) {
	l.warnings = append(l.warnings, Warning(fmt.Sprintf(format, args...)))
}

func (l *loader) set(name, value, origin string) {
	l.explicit[name] = value
	l.origins[name] = origin
}

// gather reads all sources, the strongest last.
func (l *loader) gather() error {
	defaults := l.src.Defaults
	if defaults == nil {
		defaults = Defaults()
	}
	useDefaults := l.src.File == "" && l.src.Properties == nil && !l.configuredByEnvironment()
	if useDefaults {
		for name, value := range defaults {
			l.set(name, value, "")
		}
	}
	if l.src.File != "" {
		text, err := l.src.ReadFile(l.src.File)
		if err != nil {
			return fmt.Errorf("read the configuration: %w. Give the path of a server.properties, or none to start with defaults", err)
		}
		properties, err := parseProperties(text)
		if err != nil {
			return fmt.Errorf("read the configuration %s: %w", l.src.File, err)
		}
		for _, p := range properties {
			if first, again := l.origins[p.Name]; again {
				l.warn("%s is set twice, at %s and at %s:%d; the last one counts", p.Name, first, l.src.File, p.Line)
			}
			l.set(p.Name, p.Value, fmt.Sprintf("%s:%d", l.src.File, p.Line))
		}
	}
	for name, value := range l.src.Properties {
		l.set(name, value, "the program")
	}
	l.environment()
	for _, override := range l.src.Overrides {
		name, value, ok := strings.Cut(override, "=")
		if name = javaTrim(name); !ok || name == "" {
			return fmt.Errorf("--override %q is not of the form key=value", override)
		}
		l.set(name, javaTrim(value), "--override")
	}
	if useDefaults {
		l.adaptDefaults()
	}
	return nil
}

// configuredByEnvironment tells whether the environment holds a node's whole
// configuration, as with the official image: then our defaults, those for a
// single node, would only be in the way.
func (l *loader) configuredByEnvironment() bool {
	return slices.ContainsFunc(l.src.Environ, func(entry string) bool { return strings.HasPrefix(entry, "KAFKA_PROCESS_ROLES=") })
}

// adaptDefaults makes the defaults follow what was set beside them.
func (l *loader) adaptDefaults() {
	given := func(name string) bool { return l.origins[name] != "" }
	drop := func(name string) {
		if !given(name) {
			delete(l.explicit, name)
			delete(l.origins, name)
		}
	}
	if given("log.dir") {
		drop("log.dirs")
	}
	if given("controller.quorum.voters") {
		drop("controller.quorum.bootstrap.servers")
	}
	if !given("listeners") || given("controller.quorum.bootstrap.servers") {
		return
	}
	// A node on its own finds itself at its own controller listener.
	controllers := splitList(javaTrim(l.explicit["controller.listener.names"]))
	for _, entry := range splitList(javaTrim(l.explicit["listeners"])) {
		m := listenerURI.FindStringSubmatch(entry)
		if m == nil || len(controllers) == 0 || !strings.EqualFold(m[1], controllers[0]) {
			continue
		}
		own := Listener{Host: m[2]}
		if own.wildcard() {
			own.Host = "localhost"
		}
		if port, err := strconv.Atoi(m[3]); err == nil {
			own.Port = port
			l.explicit["controller.quorum.bootstrap.servers"] = own.Address()
		}
	}
}

// build parses every value, then checks them together.
func (l *loader) build() (*Static, error) {
	l.nodeID()
	v := defaultValues()
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(l.explicit)) {
		k, ok := brokerDef.Lookup(name)
		if !ok {
			k, ok = ownDef.Lookup(name)
		}
		if !ok {
			l.unknown(name)
			continue
		}
		value, err := k.Parse(l.explicit[name])
		if err != nil {
			errs = append(errs, l.explain(k, err))
			continue
		}
		if list, ok := value.([]string); ok && len(list) < len(splitList(javaTrim(l.explicit[name]))) {
			l.warn("%s names something twice; it counts once: %s", name, strings.Join(list, ","))
		}
		v[name] = value
	}
	errs = append(errs, l.missing()...)
	if len(errs) > 0 {
		return nil, judge(errs)
	}
	b, err := newBroker(v, l.explicit)
	if err != nil {
		return nil, withCure(err)
	}
	if errs := checkTogether(b, v); len(errs) > 0 {
		return nil, judge(errs)
	}
	b.fillAdvertised(l.src.Hostname)
	l.oddities(b)
	return &Static{
		Broker: b, ClusterID: l.clusterID, File: l.src.File,
		values: v, explicit: l.explicit, origins: l.origins, hostname: l.src.Hostname,
	}, nil
}

// nodeID copies node.id to broker.id, or the other way round: both are read.
func (l *loader) nodeID() {
	node, hasNode := l.explicit["node.id"]
	broker, hasBroker := l.explicit["broker.id"]
	switch {
	case hasBroker && !hasNode:
		l.warn("broker.id is deprecated: use node.id")
		l.set("node.id", broker, l.origins["broker.id"])
	case hasNode && !hasBroker:
		l.set("broker.id", node, l.origins["node.id"])
	}
}

// explain adds to Kafka's message where the value came from, what is allowed
// and what to do.
func (l *loader) explain(k *Key, err error) error {
	where := ""
	if origin := l.origins[k.Name]; origin != "" {
		where = " (set at " + origin + ")"
	}
	if k.Sensitive() {
		err = fmt.Errorf("the value of %s is not valid", k.Name)
	}
	return fmt.Errorf("%s%s. %s", strings.TrimSuffix(err.Error(), "."), where, advice(k))
}

// advice says in words what a key accepts.
func advice(k *Key) string {
	var allowed string
	switch valid := k.Valid.(type) {
	case atLeast:
		allowed = "Set a number of " + bound(float64(valid)) + " or more"
	case between:
		allowed = "Set a number from " + bound(valid.min) + " to " + bound(valid.max)
	case gzipLevel:
		allowed = "Set a number from 1 to 9, or -1"
	case oneOf:
		allowed = "Set one of " + strings.Join(valid, ", ")
	case oneOfFold:
		allowed = "Set one of " + strings.Join(valid, ", ")
	case listOf:
		allowed = "Set a list of values with commas between them"
		if valid.allowed != nil {
			allowed = "Set a list of " + strings.Join(valid.allowed, ", ") + " with commas between them"
		}
	default:
		allowed = "Set " + typeInWords(k.Type)
	}
	if k.Default != nil && !k.Sensitive() {
		allowed += fmt.Sprintf(", or remove the line for the default, %s", orEmpty(format(k.Default)))
	}
	return allowed + "."
}

func orEmpty(s string) string {
	if s == "" {
		return "which is empty"
	}
	return s
}

func typeInWords(t Type) string {
	switch t {
	case Boolean:
		return "true or false"
	case Short:
		return "a whole number up to 32767"
	case Int:
		return "a whole number up to 2147483647"
	case Long:
		return "a whole number"
	case Double:
		return "a number"
	case List:
		return "a list of values with commas between them"
	}
	return "a text"
}

// missing lists the required keys that are not set.
func (l *loader) missing() []error {
	cures := map[string]string{
		"process.roles":             "Set it to broker,controller for a node that is both, or to one of them.",
		"node.id":                   "Give every node of the cluster a number of its own, from 0.",
		"controller.listener.names": "Name the listener of the controllers, for instance CONTROLLER.",
	}
	var errs []error
	for _, k := range brokerDef.keys {
		if _, set := l.explicit[k.Name]; k.Required && !set {
			require(&errs, false, cures[k.Name], "Missing required configuration %q which has no default value.", k.Name)
		}
	}
	return errs
}

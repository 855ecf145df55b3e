package cmdline

import (
	"context"
	"crypto/tls"
	"net"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// BrokersVariable is the environment variable that names brokers where neither
// -b nor bootstrap.servers does.
const BrokersVariable = "MOLDAU_BROKERS"

// ConfigVariable is the environment variable that names a properties file where
// --command-config does not.
const ConfigVariable = "MOLDAU_CONFIG"

// defaultBrokers is where a node started without settings listens.
const defaultBrokers = "localhost:9092"

// softwareName and softwareVersion are how the command line introduces itself to
// brokers (KIP-511).
const softwareName, softwareVersion = "moldau-cli", "1"

// Connection is how a command reaches a cluster: its flags, and the clients they
// make. It belongs to one command and its children.
type Connection struct {
	env        *Env
	brokers    []string
	file       string
	pairs      []string
	verbosity  int
	properties []Property

	// What the properties say, resolved once, by settings.
	resolved *settings
	dials    dials
}

// settings are the client properties of a Connection, after their defaults.
type settings struct {
	seeds          []string
	clientID       string
	requestTimeout time.Duration // One request and its answer.
	apiTimeout     time.Duration // An operation with all its retries.
	dialTimeout    time.Duration
	tls            *tls.Config // Nil speaks plain text.
	security       security
	more           []kgo.Opt
}

// NewConnection adds the flags that name a cluster to a command; its children
// inherit them. Further properties are those only this command knows, such as a
// producer's.
func NewConnection(env *Env, cmd *cobra.Command, further ...Property) *Connection {
	c := &Connection{env: env, properties: slices.Concat(clientProperties(), securityProperties(), further)}
	flags := cmd.PersistentFlags()
	flags.StringSliceVarP(&c.brokers, "brokers", "b", nil,
		"`host:port` of one or more brokers, with commas between (default "+defaultBrokers+", or what $"+BrokersVariable+" says)")
	flags.StringArrayVarP(&c.pairs, "property", "X", nil, "set a client property by Kafka's name, as `key=value` (repeatable; -X list lists them)")
	flags.StringVar(&c.file, "command-config", "", "properties `file` with client properties by Kafka's names; -X goes before it (default what $"+ConfigVariable+" says)")
	flags.CountVarP(&c.verbosity, "verbose", "v", "tell on standard error what the client does; -vv tells all of it")
	cmd.PersistentPreRunE = func(*cobra.Command, []string) error {
		if slices.Contains(c.pairs, "list") {
			return c.list()
		}
		return nil
	}
	// The flags were added above, so that these registrations cannot fail.
	_ = cmd.RegisterFlagCompletionFunc("brokers", cobra.NoFileCompletions)
	_ = cmd.RegisterFlagCompletionFunc("property", func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		var names []string
		for _, p := range c.properties {
			names = append(names, p.Name+"=\t"+p.Doc)
		}
		return names, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
	})
	return c
}

// list is -X list: it prints the properties in place of what the command does.
func (c *Connection) list() error {
	table := NewTable(c.env, "PROPERTY", "~MEANING")
	for _, p := range slices.SortedFunc(slices.Values(c.properties), func(a, b Property) int { return strings.Compare(a.Name, b.Name) }) {
		table.Row(p.Name, p.Doc)
	}
	if err := table.Write(); err != nil {
		return err
	}
	return ErrDone
}

// Brokers are the addresses that the command was given, or the default ones.
func (c *Connection) Brokers() ([]string, error) {
	s, err := c.settings()
	if err != nil {
		return nil, err
	}
	return s.seeds, nil
}

// RequestTimeout is request.timeout.ms.
func (c *Connection) RequestTimeout() (time.Duration, error) {
	s, err := c.settings()
	if err != nil {
		return 0, err
	}
	return s.requestTimeout, nil
}

// Options are the options of a client of the cluster. Options that a command
// adds behind them go before them.
func (c *Connection) Options() ([]kgo.Opt, error) {
	s, err := c.settings()
	if err != nil {
		return nil, err
	}
	opts := []kgo.Opt{
		kgo.SeedBrokers(s.seeds...),
		kgo.ClientID(s.clientID),
		kgo.SoftwareNameAndVersion(softwareName, softwareVersion),
		kgo.DisableClientMetrics(),
		kgo.RequestTimeoutOverhead(s.requestTimeout),
		kgo.RetryTimeout(s.apiTimeout),
		// A command lives for moments and acts on what it has just changed.
		kgo.MetadataMinAge(250 * time.Millisecond),
		kgo.Dialer(c.dials.dialer(s)),
	}
	if level := c.logLevel(); level != kgo.LogLevelNone {
		opts = append(opts, kgo.WithLogger(kgo.BasicLogger(c.env.Err, level, nil)))
	}
	return slices.Concat(opts, s.security.options(), s.more), nil
}

func (c *Connection) logLevel() kgo.LogLevel {
	switch {
	case c.verbosity >= 2:
		return kgo.LogLevelDebug
	case c.verbosity == 1:
		return kgo.LogLevelInfo
	default:
		return kgo.LogLevelNone
	}
}

// Client makes a client and asks a broker for its metadata, so that an error
// about the connection comes first and is this function's. The caller closes it.
func (c *Connection) Client(ctx context.Context, more ...kgo.Opt) (*kgo.Client, error) {
	opts, err := c.Options()
	if err != nil {
		return nil, err
	}
	client, err := kgo.NewClient(slices.Concat(opts, more)...)
	if err != nil {
		return nil, AsUsage(err)
	}
	err = client.Ping(ctx)
	if err == nil {
		err = reachAdvertised(ctx, client)
	}
	if err != nil {
		client.Close()
		return nil, c.Explain(err)
	}
	return client, nil
}

// reachAdvertised asks a broker at the address that it advertises: if none of the
// first ones can be reached there, the client would try for a minute.
func reachAdvertised(ctx context.Context, client *kgo.Client) error {
	const enough = 3
	brokers := client.DiscoveredBrokers()
	who := kmsg.NewPtrApiVersionsRequest() // Without a name it is not valid, and counts as an error there.
	who.ClientSoftwareName, who.ClientSoftwareVersion = softwareName, softwareVersion
	var err error
	for _, broker := range brokers[:min(enough, len(brokers))] {
		if _, err = broker.Request(ctx, who); err == nil {
			return nil
		}
	}
	return err
}

// Admin makes a client for administration. The caller closes it.
func (c *Connection) Admin(ctx context.Context, more ...kgo.Opt) (*kadm.Client, error) {
	client, err := c.Client(ctx, more...)
	if err != nil {
		return nil, err
	}
	admin := kadm.NewClient(client)
	admin.SetTimeoutMillis(int32(min(c.resolved.requestTimeout.Milliseconds(), 1<<31-1)))
	return admin, nil
}

// settings resolves the properties once: -b goes before -X, which goes before
// --command-config, which goes before the environment and the defaults. Of the
// environment, the variable that names brokers goes before the one that names a file.
func (c *Connection) settings() (*settings, error) {
	if c.resolved != nil {
		return c.resolved, nil
	}
	values, err := c.readFile()
	if err != nil {
		return nil, err
	}
	for _, pair := range c.pairs {
		key, value, ok := strings.Cut(pair, "=")
		if !ok {
			return nil, Usagef("-X %s: want key=value; %s", pair, c.listing())
		}
		values[strings.TrimSpace(key)] = strings.TrimSpace(value)
	}
	s := &settings{clientID: "moldau", requestTimeout: 30 * time.Second, apiTimeout: time.Minute, dialTimeout: 10 * time.Second}
	for _, key := range sortedKeys(values) {
		if err := c.set(s, key, values[key]); err != nil {
			return nil, err
		}
	}
	s.seeds = c.seeds(values)
	if err := s.security.resolve(s); err != nil {
		return nil, AsUsage(err)
	}
	c.resolved = s
	return s, nil
}

// readFile reads the properties file, if there is one.
func (c *Connection) readFile() (map[string]string, error) {
	values := map[string]string{}
	if c.file != "" {
		return values, readProperties("--command-config", c.file, values)
	}
	file := c.env.Getenv(ConfigVariable)
	if file == "" {
		return values, nil
	}
	err := readProperties("$"+ConfigVariable, file, values)
	if c.env.Getenv(BrokersVariable) != "" {
		delete(values, "bootstrap.servers")
	}
	return values, err
}

func (c *Connection) seeds(values map[string]string) []string {
	if len(c.brokers) > 0 {
		return c.brokers
	}
	for _, list := range []string{values["bootstrap.servers"], c.env.Getenv(BrokersVariable)} {
		if list = strings.TrimSpace(list); list != "" {
			seeds := strings.Split(list, ",")
			for i := range seeds {
				seeds[i] = strings.TrimSpace(seeds[i])
			}
			return seeds
		}
	}
	return []string{defaultBrokers}
}

func (c *Connection) set(s *settings, key, value string) error {
	for _, p := range c.properties {
		if p.Name != key {
			continue
		}
		if p.set != nil {
			if err := p.set(s, value); err != nil {
				return Usagef("%s=%s: %w", key, value, err)
			}
		}
		if p.Options != nil {
			opts, err := p.Options(value)
			if err != nil {
				return Usagef("%s=%s: %w", key, value, err)
			}
			s.more = append(s.more, opts...)
		}
		return nil
	}
	names := make([]string, len(c.properties))
	for i, p := range c.properties {
		names[i] = p.Name
	}
	err := Usagef("unknown client property %s", key)
	if near, ok := Nearest(key, names); ok {
		return WithHint(err, "did you mean %s?", near)
	}
	return WithHint(err, "%s", c.listing())
}

// listing names the properties, for messages.
func (c *Connection) listing() string {
	names := make([]string, len(c.properties))
	for i, p := range c.properties {
		names[i] = p.Name
	}
	slices.Sort(names)
	return "the properties are " + strings.Join(names, ", ")
}

// readProperties reads a file that was named by origin, a flag or a variable.
func readProperties(origin, file string, values map[string]string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return Usagef("%s: %w", origin, err)
	}
	return parseProperties(origin+" "+file, text, values)
}

// dialContext is the signature of a dialer.
type dialContext = func(ctx context.Context, network, address string) (net.Conn, error)

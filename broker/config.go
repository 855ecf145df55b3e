package broker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"

	"moldau.dev/moldau/internal/config"
	"moldau.dev/moldau/internal/vfs"
)

// Config says where a node takes its settings from. The zero Config is a
// cluster of one on localhost with its data in ./moldau-data.
type Config struct {
	// File is the path of a server.properties; empty for none.
	File string
	// Properties are settings by their keys, instead of a file; nil for none. Like a
	// file they replace the defaults of a cluster of one, which Overrides keep.
	Properties map[string]string
	// Environ are environment variables as os.Environ gives them: KAFKA_* and
	// CLUSTER_ID count as in the official container image. They go before File.
	Environ []string
	// Overrides are settings as key=value; they go before everything else.
	Overrides []string
	// Logger is where the node logs; nil discards.
	Logger *slog.Logger
	// LogLevel is the level of Logger's handler, which clients may then change as
	// that of the broker logger "root"; nil keeps it fixed.
	LogLevel *slog.LevelVar

	// Listen opens the listeners of the key listeners; nil is TCP with
	// socket.listen.backlog.size. It has the form of net.ListenConfig.Listen, and
	// may give anything that carries bytes: a socket of systemd, a network in
	// memory. The port that clients are told for port 0 is read from the
	// listener's address. With it the node does not try to connect to
	// advertised.listeners.
	Listen func(ctx context.Context, network, address string) (net.Listener, error)
	// Intercept, if not nil, sees every request of a client before it is handled,
	// on the goroutine of its connection: while it waits, so do the requests that
	// come after it on that connection. It must return soon after ctx has ended.
	// It is there for tests of clients, and costs every request a little.
	Intercept func(ctx context.Context, r *ClientRequest) Interception
	// FS is the file system; nil is the operating system's. Its type is internal:
	// only packages of this module can set it, such as moldautest.
	FS vfs.FS
}

func (c Config) withDefaults() Config {
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.FS == nil {
		c.FS = vfs.Default
	}
	return c
}

func (c Config) load() (*config.Static, error) {
	static, warnings, err := config.Load(config.Sources{
		File: c.File, Properties: c.Properties, Environ: c.Environ, Overrides: c.Overrides,
	})
	for _, w := range warnings {
		c.Logger.Warn(string(w)) //nolint:sloglint // The warning is the message.
	}
	if err != nil {
		return nil, err
	}
	return static, checkSupported(static)
}

// checkSupported refuses settings that ask for what this node cannot do. To
// start without them would be worse than not to start: a broker without the
// authorizer it was told to use is open to everybody.
func checkSupported(static *config.Static) error {
	b := static.Broker
	var problems []error
	refuse := func(format string, args ...any) { problems = append(problems, fmt.Errorf(format, args...)) }
	if !b.IsBroker || !b.IsController {
		refuse("process.roles=%s is not supported yet: set process.roles=broker,controller", roles(b))
	}
	for _, l := range b.Listeners {
		if l.SecurityProtocol != config.Plaintext {
			refuse("listener %s uses %s, which is not supported yet: map it to PLAINTEXT in listener.security.protocol.map, and keep it within a trusted network",
				l.Name, l.SecurityProtocol)
		}
	}
	if len(b.Voters) > 1 {
		refuse("controller.quorum.voters names %d controllers, but only a quorum of one is supported yet: name this node alone", len(b.Voters))
	}
	if b.AuthorizerClassName != "" {
		refuse("authorizer.class.name=%s is not supported yet: remove it only if everybody who reaches the listeners may do everything", b.AuthorizerClassName)
	}
	if len(b.CordonedDirs) > 0 {
		refuse("cordoned.log.dirs=%v is not supported yet: remove it, or take the directories out of log.dirs", b.CordonedDirs)
	}
	for _, key := range []string{"remote.log.storage.system.enable"} {
		if v, _ := static.Get(key); v == "true" {
			refuse("%s=true is not supported yet: remove it", key)
		}
	}
	return errors.Join(problems...)
}

func roles(b *config.Broker) string {
	var names []string
	if b.IsBroker {
		names = append(names, "broker")
	}
	if b.IsController {
		names = append(names, "controller")
	}
	return strings.Join(names, ",")
}

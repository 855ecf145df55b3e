package broker

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"

	"moldau.dev/moldau/internal/config"
	"moldau.dev/moldau/internal/vfs"
)

// Config says where a node takes its settings from. The zero Config is a
// cluster of one on localhost with its data in ./moldau-data.
type Config struct {
	// File is the path of a server.properties; empty for none.
	File string
	// Properties are settings by their keys, instead of a file. Nil for none.
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

	// fs is the file system, for tests; nil is the operating system's.
	fs vfs.FS
}

func (c Config) withDefaults() Config {
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.fs == nil {
		c.fs = vfs.Default
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

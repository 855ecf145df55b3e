package configs

import (
	"log/slog"
	"strconv"
	"strings"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"moldau.dev/moldau/internal/config"
	"moldau.dev/moldau/internal/kafka"
)

// rootLogger is the only logger there is.
const rootLogger = "root"

// logLevels are the levels of KIP-412, from the most severe on, and what they
// are in slog.
var logLevels = []struct {
	name  string
	level slog.Level
}{
	{"FATAL", slog.LevelError + 4},
	{"ERROR", slog.LevelError},
	{"WARN", slog.LevelWarn},
	{"INFO", slog.LevelInfo},
	{"DEBUG", slog.LevelDebug},
	{"TRACE", slog.LevelDebug - 4},
}

// describeLoggers tells the log level of this node.
func (h *Handlers) describeLoggers(broker string) ([]config.Entry, error) {
	if broker == "" {
		return nil, kafka.Errorf(kerr.InvalidRequest, "Broker id must not be empty")
	}
	id, err := parseBrokerID(broker)
	switch {
	case err != nil:
		return nil, err
	case id != h.nodeID():
		return nil, kafka.Errorf(kerr.InvalidRequest, "Unexpected broker id, expected %d but received %s", h.nodeID(), broker)
	case h.LogLevel == nil:
		return nil, nil
	}
	name := logLevels[0].name
	for _, l := range logLevels {
		if h.LogLevel.Level() <= l.level {
			name = l.name
		}
	}
	return []config.Entry{{Name: rootLogger, Value: &name, Source: kmsg.ConfigSourceDynamicBrokerLoggerConfig}}, nil
}

// alterLoggers sets the log level of this node (KIP-412).
//
// Differs from Kafka: there is one logger, root, and no class names.
func (h *Handlers) alterLoggers(a *alteration, validateOnly bool) error {
	id, err := strconv.ParseInt(a.resource.Name, 10, 32)
	switch {
	case err != nil:
		return kafka.Errorf(kerr.InvalidRequest, "Node id must be an integer, but it is: %s", a.resource.Name)
	case kafka.NodeID(id) != h.nodeID():
		return kafka.Errorf(kerr.InvalidRequest, "Unexpected node id. Expected %d, but received %d", h.nodeID(), id)
	}
	wanted := make([]slog.Level, 0, len(a.ops))
	for _, op := range a.ops {
		level, err := h.wantedLevel(op)
		if err != nil {
			return err
		}
		wanted = append(wanted, level)
	}
	if validateOnly || len(wanted) == 0 {
		return nil
	}
	h.LogLevel.Set(wanted[len(wanted)-1])
	h.Logger.Warn("Log level changed", "level", h.LogLevel.Level())
	return nil
}

func (h *Handlers) wantedLevel(op kmsg.IncrementalAlterConfigsRequestResourceConfig) (slog.Level, error) {
	const notAllowed = "is not allowed for the BROKER_LOGGER resource"
	exists := op.Name == rootLogger && h.LogLevel != nil
	switch {
	case op.Op == kmsg.IncrementalAlterConfigOpAppend || op.Op == kmsg.IncrementalAlterConfigOpSubtract:
		return 0, kafka.Errorf(kerr.InvalidRequest, "%s operation %s", strings.ToUpper(op.Op.String()), notAllowed)
	case op.Op != kmsg.IncrementalAlterConfigOpSet && op.Op != kmsg.IncrementalAlterConfigOpDelete:
		return 0, kafka.Errorf(kerr.InvalidRequest, "Unknown operation type %d %s", op.Op, notAllowed)
	case !exists:
		return 0, kafka.Errorf(kerr.InvalidConfig, "Logger %s does not exist!", op.Name)
	case op.Op == kmsg.IncrementalAlterConfigOpDelete:
		return 0, kafka.Errorf(kerr.InvalidRequest, "Removing the log level of the %s logger is not allowed", rootLogger)
	}
	for _, l := range logLevels {
		if l.name == *op.Value {
			return l.level, nil
		}
	}
	return 0, kafka.Errorf(kerr.InvalidConfig, "Cannot set the log level of %s to %s as it is not a supported log level. "+
		"Valid log levels are DEBUG, ERROR, FATAL, INFO, TRACE, WARN", op.Name, *op.Value)
}

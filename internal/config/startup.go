package config

import (
	"errors"
	"fmt"
	"strings"
)

// judge gives one error for everything that is wrong with the values together,
// Kafka's sentence first, then what to do about it.
func judge(errs []error) error {
	out := make([]error, 0, len(errs))
	for _, err := range errs {
		out = append(out, withCure(err))
	}
	return errors.Join(out...)
}

func withCure(err error) error {
	cure := ""
	e, plain := err.(*Error) //nolint:errorlint // A wrapped one has its cure already.
	if !plain {
		return err
	}
	cure = e.Cure
	switch text := err.Error(); {
	case cure != "":
	case strings.Contains(text, "No security protocol defined"):
		cure = "Add the listener's name to listener.security.protocol.map, for instance NAME:PLAINTEXT."
	case strings.Contains(text, "to a broker endpoint"):
		cure = "Write NAME://host:port, for instance PLAINTEXT://localhost:9092."
	case strings.Contains(text, "Invalid security protocol"):
		cure = "Use one of " + strings.Join(securityProtocolNames[:], ", ") + "."
	}
	if cure == "" {
		return err
	}
	dot := "."
	if text := err.Error(); strings.HasSuffix(text, ".") || strings.HasSuffix(text, "?") {
		dot = ""
	}
	return fmt.Errorf("%w%s %s", err, dot, cure)
}

// fillAdvertised finds out what to tell of listeners on all interfaces where
// nothing is configured.
//
// Differs from Kafka: it refuses listeners=PLAINTEXT://0.0.0.0:9092 without
// advertised.listeners; here that is the same as an empty host.
func (b *Broker) fillAdvertised(hostname func() string) {
	for _, list := range [][]Listener{b.AdvertisedListeners, b.AdvertisedControllerListeners} {
		for i := range list {
			if list[i].wildcard() {
				list[i].Host, list[i].Derived = hostname(), true
			}
		}
	}
}

// oddities are worth a warning.
func (l *loader) oddities(b *Broker) {
	if 2*b.BrokerHeartbeatInterval > b.BrokerSessionTimeout {
		l.warn("broker.heartbeat.interval.ms (%d ms) must be less than or equal to half of the broker.session.timeout.ms (%d ms), else one late heartbeat costs the broker its leadership: increase the latter or decrease the former",
			b.BrokerHeartbeatInterval.Milliseconds(), b.BrokerSessionTimeout.Milliseconds())
	}
	for _, a := range b.AdvertisedListeners {
		if a.Derived {
			l.warn("listener %s is on all interfaces and advertised.listeners is not set: clients on other machines are told %s", a.Name, a.Address())
		}
	}
	if !b.IsController {
		if len(b.ControllerListenerNames) > 1 {
			l.warn("controller.listener.names has multiple entries; only the first will be used since process.roles=broker: %s", show(b.ControllerListenerNames))
		}
		for _, name := range []string{"create.topic.policy.class.name", "alter.config.policy.class.name", "num.partitions", "default.replication.factor"} {
			if _, set := l.explicit[name]; set {
				l.warn("%s is set on a node with only the broker role; it belongs to the controllers", name)
			}
		}
	}
	if _, set := l.explicit["group.coordinator.rebalance.protocols"]; set {
		l.warn("group.coordinator.rebalance.protocols is deprecated: the features group.version, streams.version and share.version decide")
	}
}

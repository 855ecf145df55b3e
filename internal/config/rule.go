package config

import (
	"fmt"
	"slices"
	"strings"

	"moldau.dev/moldau/internal/kafka"
)

// check judges the values together. Kafka's sentence comes first, then what to
// do about it.
func (l *loader) check(b *Broker, v values) []error {
	errs := requirements(b, v)
	rules := []func(*Broker) []error{l.checkID, l.checkRoles, l.checkBrokerListeners, l.checkAdvertised}
	for _, rule := range rules {
		errs = append(errs, rule(b)...)
	}
	l.oddities(b)
	return errs
}

// cure adds what to do to an error about the listeners.
func (l *loader) cure(err error) error {
	switch text := err.Error(); {
	case strings.Contains(text, "No security protocol defined"):
		return fmt.Errorf("%w. Add the listener's name to listener.security.protocol.map, for instance NAME:PLAINTEXT", err)
	case strings.Contains(text, "to a broker endpoint"):
		return fmt.Errorf("%w. Write NAME://host:port, for instance PLAINTEXT://localhost:9092", err)
	case strings.Contains(text, "Invalid security protocol"):
		return fmt.Errorf("%w. Use one of %s", err, strings.Join(securityProtocolNames[:], ", "))
	}
	return err
}

func require(errs *[]error, ok bool, format string, args ...any) {
	if !ok {
		*errs = append(*errs, messageError(format, args...))
	}
}

// requirements are the rules that also hold for dynamic configurations.
func requirements(b *Broker, v values) []error {
	var errs []error
	retention := v.retentionMs()
	require(&errs, v.rollMs() >= 1, "log.roll.ms must be greater than or equal to 1")
	require(&errs, v.rollJitterMs() >= 0, "log.roll.jitter.ms must be greater than or equal to 0")
	require(&errs, retention >= 1 || retention == -1, "log.retention.ms must be unlimited (-1) or, greater than or equal to 1")
	require(&errs, len(b.LogDirs) > 0, "At least one log directory must be defined via log.dirs or log.dir.")
	if b.LogCleanerThreads > 0 {
		require(&errs, b.LogCleanerDedupeBufferSize/int64(b.LogCleanerThreads) > 1<<20, "log.cleaner.dedupe.buffer.size must be at least 1MB per cleaner thread.")
	}
	require(&errs, b.ReplicaFetchWaitMax <= b.ReplicaSocketTimeout, "replica.socket.timeout.ms should always be at least replica.fetch.wait.max.ms to prevent unnecessary socket timeouts")
	require(&errs, b.ReplicaFetchWaitMax <= b.ReplicaLagTimeMax, "replica.fetch.wait.max.ms should always be less than or equal to replica.lag.time.max.ms to prevent frequent changes in ISR")
	require(&errs, b.QueuedMaxRequestBytes <= 0 || b.QueuedMaxRequestBytes >= int64(b.SocketRequestMaxBytes), "queued.max.request.bytes must be larger or equal to socket.request.max.bytes")
	require(&errs, v.int("max.connections.per.ip") > 0 || len(b.MaxConnectionsPerIPOverrides) > 0, "max.connections.per.ip can be set to zero only if max.connections.per.ip.overrides property is set.")
	if b.ConnectionsMaxIdle >= 0 {
		require(&errs, b.ConnectionFailedAuthenticationDelay < b.ConnectionsMaxIdle,
			"connection.failed.authentication.delay.ms=%d should always be less than connections.max.idle.ms=%d to prevent failed authentication responses from timing out",
			b.ConnectionFailedAuthenticationDelay.Milliseconds(), b.ConnectionsMaxIdle.Milliseconds())
	}
	require(&errs, slices.Contains(b.RebalanceProtocols, "classic"), "Disabling the 'classic' protocol is not supported.")
	cordoned := v.list("cordoned.log.dirs")
	if slices.Contains(cordoned, "*") {
		require(&errs, len(cordoned) == 1, "When cordoned.log.dirs is set to *, it must not contain other values")
	} else {
		unknown := slices.DeleteFunc(slices.Clone(cordoned), func(dir string) bool { return slices.Contains(b.LogDirs, dir) })
		require(&errs, len(unknown) == 0, "All entries in cordoned.log.dirs must be present in log.dirs or log.dir. Missing entries : %s", strings.Join(unknown, ", "))
	}
	return append(errs, groupRequirements(v)...)
}

// groupRequirements keep the bounds of group configurations in order.
func groupRequirements(v values) []error {
	var errs []error
	atMost := func(low, high, message string, args ...any) {
		require(&errs, v.int(low) <= v.int(high), message, args...)
	}
	const notLess, notMore = "%s must be greater than or equal to %s", "%s must be less than or equal to %s"
	for _, group := range []string{"consumer", "share", "streams"} {
		key := func(name string) string { return "group." + group + "." + name }
		for _, name := range []string{"heartbeat.interval.ms", "session.timeout.ms", "assignment.interval.ms"} {
			lowest, highest, value := key("min."+name), key("max."+name), key(name)
			atMost(lowest, highest, notLess, highest, lowest)
			atMost(lowest, value, notLess, value, lowest)
			atMost(value, highest, notMore, value, highest)
		}
		require(&errs, v.int(key("heartbeat.interval.ms")) < v.int(key("session.timeout.ms")),
			"%s must be less than %s", key("heartbeat.interval.ms"), key("session.timeout.ms"))
	}
	for _, name := range []string{"delivery.count.limit", "partition.max.record.locks", "record.lock.duration.ms"} {
		lowest, highest, value := "group.share.min."+name, "group.share.max."+name, "group.share."+name
		atMost(value, highest, notLess, highest, value)
		atMost(lowest, value, notLess, value, lowest)
	}
	require(&errs, len(v.list("group.share.assignors")) == 1, "group.share.assignors must contain exactly one assignor, but found %d", len(v.list("group.share.assignors")))
	atMost("group.share.max.size", "group.share.max.share.sessions", notLess, "group.share.max.share.sessions", "group.share.max.size")
	atMost("group.streams.num.standby.replicas", "group.streams.max.standby.replicas", notMore, "group.streams.num.standby.replicas", "group.streams.max.standby.replicas")
	atMost("group.streams.min.task.offset.interval.ms", "group.streams.task.offset.interval.ms", notLess, "group.streams.task.offset.interval.ms", "group.streams.min.task.offset.interval.ms")
	atMost("group.streams.num.warmup.replicas", "group.streams.max.warmup.replicas", notMore, "group.streams.num.warmup.replicas", "group.streams.max.warmup.replicas")
	return errs
}

func (l *loader) checkID(b *Broker) []error {
	if id := l.explicit["broker.id"]; javaTrim(id) != javaTrim(l.explicit["node.id"]) {
		return []error{messageError("`node.id` and `broker.id` must be set to the same value. `broker.id` is deprecated, please use `node.id` instead. Remove the line with broker.id.")}
	}
	if len(b.LogDirs) != len(distinct(b.LogDirs)) {
		return []error{messageError("log.dirs names a directory twice: %s. Name each one once.", strings.Join(b.LogDirs, ","))}
	}
	return nil
}

// checkRoles holds the rules of process.roles.
func (l *loader) checkRoles(b *Broker) []error {
	var errs []error
	ids := make([]kafka.NodeID, len(b.Voters))
	for i, voter := range b.Voters {
		ids[i] = voter.ID
	}
	require(&errs, len(b.Voters) > 0 || len(b.BootstrapServers) > 0,
		"If using process.roles, either controller.quorum.bootstrap.servers must contain the set of bootstrap controllers or controller.quorum.voters must contain a parseable set of controllers. "+
			"For a single node set controller.quorum.bootstrap.servers to its own controller listener, for instance localhost:9093.")
	if !b.IsController {
		require(&errs, !slices.Contains(ids, b.NodeID),
			"If process.roles contains just the 'broker' role, the node id %d must not be included in the set of voters controller.quorum.voters. Give this node another node.id, or the controller role.", b.NodeID)
		used := slices.DeleteFunc(slices.Clone(b.Listeners), func(listener Listener) bool { return !b.isControllerListener(listener.Name) })
		require(&errs, len(used) == 0,
			"controller.listener.names must not contain a value appearing in the 'listeners' configuration when running KRaft with just the broker role. Remove it from listeners.")
		for _, name := range b.ControllerListenerNames {
			_, ok := b.ListenerProtocols[strings.ToUpper(name)]
			require(&errs, ok, "Controller listener with name %s defined in controller.listener.names not found in listener.security.protocol.map  (an explicit security mapping for each controller listener is required if listener.security.protocol.map is non-empty, or if there are security protocols other than PLAINTEXT in use). "+
				"Add %s:PLAINTEXT, or what the controllers speak.", name, name)
		}
		require(&errs, !b.ControllerQuorumAutoJoinEnable, "controller.quorum.auto.join.enable is only supported when process.roles contains the 'controller' role.")
		return errs
	}
	require(&errs, len(ids) == 0 || slices.Contains(ids, b.NodeID),
		"If process.roles contains the 'controller' role, the node id %d must be included in the set of voters controller.quorum.voters=%v. Correct node.id, or add the entry %d@host:port.", b.NodeID, ids, b.NodeID)
	for _, name := range b.ControllerListenerNames {
		require(&errs, slices.ContainsFunc(b.Listeners, func(listener Listener) bool { return strings.EqualFold(listener.Name, name) }),
			"controller.listener.names must only contain values appearing in the 'listeners' configuration when running the KRaft controller role. Add %s://:9093 to listeners.", name)
	}
	if !b.IsBroker {
		require(&errs, len(b.brokerListeners(b.Listeners)) == 0,
			"The listeners config must only contain KRaft controller listeners from controller.listener.names when process.roles=controller. Remove the others, or add the broker role.")
		if _, set := l.explicit["inter.broker.listener.name"]; set {
			require(&errs, !b.isControllerListener(b.InterBrokerListener),
				"controller.listener.names must not contain an explicitly set inter.broker.listener.name configuration value when process.roles=controller")
		}
	}
	return errs
}

func (l *loader) checkBrokerListeners(b *Broker) []error {
	if !b.IsBroker {
		return nil
	}
	var errs []error
	advertised, listeners := names(b.AdvertisedListeners), names(b.Listeners)
	require(&errs, len(advertised) > 0, "There must be at least one broker advertised listener. Perhaps all listeners appear in controller.listener.names? Add one for clients to listeners, for instance PLAINTEXT://localhost:9092.")
	if len(errs) > 0 {
		return errs
	}
	require(&errs, slices.Contains(advertised, b.InterBrokerListener),
		"inter.broker.listener.name must be a listener name defined in advertised.listeners. The valid options based on currently configured listeners are %s. Set inter.broker.listener.name to one of them.", strings.Join(advertised, ","))
	for _, name := range advertised {
		require(&errs, slices.Contains(listeners, name),
			"advertised.listeners listener names must be equal to or a subset of the ones defined in listeners. Found %s. The valid options based on the current configuration are %s", strings.Join(advertised, ","), strings.Join(listeners, ","))
	}
	if p := b.ListenerProtocols[b.InterBrokerListener]; p.SASL() {
		mechanisms, _ := b.ListenerValue(b.InterBrokerListener, "sasl.enabled.mechanisms")
		require(&errs, slices.Contains(splitList(javaTrim(mechanisms)), b.values.text("sasl.mechanism.inter.broker.protocol")),
			"sasl.mechanism.inter.broker.protocol must be included in sasl.enabled.mechanisms when SASL is used for inter-broker communication")
	}
	return errs
}

func names(listeners []Listener) []string {
	out := make([]string, len(listeners))
	for i, l := range listeners {
		out[i] = l.Name
	}
	return out
}

// checkAdvertised refuses addresses that lead nowhere, and fills in what is
// told of listeners on all interfaces where nothing is configured.
func (l *loader) checkAdvertised(b *Broker) []error {
	_, explicit := l.explicit["advertised.listeners"]
	var errs []error
	for _, list := range [][]Listener{b.AdvertisedListeners, b.AdvertisedControllerListeners} {
		for i := range list {
			switch {
			case !list[i].wildcard():
			case explicit && list[i].Host != "":
				// Differs from Kafka: it lets the IPv6 form [::] pass.
				errs = append(errs, messageError("advertised.listeners cannot use the nonroutable meta-address %s. Use a routable IP address. Clients connect to what this key says: set the host name or address by which they reach this node.", list[i].Host))
			default:
				// Differs from Kafka: it refuses listeners=PLAINTEXT://0.0.0.0:9092
				// without advertised.listeners; it is the same as an empty host.
				list[i].Host, list[i].Derived = l.src.Hostname(), true
			}
		}
	}
	return errs
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

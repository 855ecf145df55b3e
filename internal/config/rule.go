package config

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// checkTogether judges the values together: what Kafka checks when it builds
// its configuration, at start-up and for every dynamic change.
func checkTogether(b *Broker, v values) []error {
	errs := groupRequirements(v)
	for _, rule := range []func(*Broker) []error{checkID, checkRoles, checkBrokerListeners} {
		errs = append(errs, rule(b)...)
	}
	return append(errs, requirements(b, v)...)
}

// require adds Kafka's message, followed by what to do about it.
func require(errs *[]error, ok bool, cure, format string, args ...any) {
	if !ok {
		*errs = append(*errs, &Error{Reason: fmt.Sprintf(format, args...), Cure: cure})
	}
}

// requirements are the rules about sizes and times.
func requirements(b *Broker, v values) []error {
	var errs []error
	retention := v.retentionMs()
	require(&errs, v.rollMs() >= 1, "", "log.roll.ms must be greater than or equal to 1")
	require(&errs, v.rollJitterMs() >= 0, "", "log.roll.jitter.ms must be greater than or equal to 0")
	require(&errs, retention >= 1 || retention == -1, "", "log.retention.ms must be unlimited (-1) or, greater than or equal to 1")
	require(&errs, len(b.LogDirs) > 0, "", "At least one log directory must be defined via log.dirs or log.dir.")
	if b.LogCleanerThreads > 0 {
		require(&errs, b.LogCleanerDedupeBufferSize/int64(b.LogCleanerThreads) > 1<<20, "", "log.cleaner.dedupe.buffer.size must be at least 1MB per cleaner thread.")
	}
	require(&errs, b.ReplicaFetchWaitMax <= b.ReplicaSocketTimeout, "", "replica.socket.timeout.ms should always be at least replica.fetch.wait.max.ms to prevent unnecessary socket timeouts")
	require(&errs, b.ReplicaFetchWaitMax <= b.ReplicaLagTimeMax, "", "replica.fetch.wait.max.ms should always be less than or equal to replica.lag.time.max.ms to prevent frequent changes in ISR")
	require(&errs, b.QueuedMaxRequestBytes <= 0 || b.QueuedMaxRequestBytes >= int64(b.SocketRequestMaxBytes), "", "queued.max.request.bytes must be larger or equal to socket.request.max.bytes")
	require(&errs, v.int("max.connections.per.ip") > 0 || len(b.MaxConnectionsPerIPOverrides) > 0, "", "max.connections.per.ip can be set to zero only if max.connections.per.ip.overrides property is set.")
	if b.ConnectionsMaxIdle >= 0 {
		require(&errs, b.ConnectionFailedAuthenticationDelay < b.ConnectionsMaxIdle, "", "connection.failed.authentication.delay.ms=%d should always be less than connections.max.idle.ms=%d to prevent failed authentication responses from timing out",
			b.ConnectionFailedAuthenticationDelay.Milliseconds(), b.ConnectionsMaxIdle.Milliseconds())
	}
	require(&errs, slices.Contains(b.RebalanceProtocols, "classic"), "", "Disabling the 'classic' protocol is not supported.")
	cordoned := v.list("cordoned.log.dirs")
	if slices.Contains(cordoned, "*") {
		require(&errs, len(cordoned) == 1, "", "When cordoned.log.dirs is set to *, it must not contain other values")
	} else {
		unknown := slices.DeleteFunc(slices.Clone(cordoned), func(dir string) bool { return slices.Contains(b.LogDirs, dir) })
		require(&errs, len(unknown) == 0, "", "All entries in cordoned.log.dirs must be present in log.dirs or log.dir. Missing entries : %s", strings.Join(unknown, ", "))
	}
	return errs
}

// groupRequirements keep the bounds of group configurations in order.
func groupRequirements(v values) []error {
	var errs []error
	atMost := func(low, high, message string, args ...any) {
		require(&errs, v.int(low) <= v.int(high), "", message, args...)
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
		require(&errs, v.int(key("heartbeat.interval.ms")) < v.int(key("session.timeout.ms")), "",
			"%s must be less than %s", key("heartbeat.interval.ms"), key("session.timeout.ms"))
	}
	for _, name := range []string{"delivery.count.limit", "partition.max.record.locks", "record.lock.duration.ms"} {
		lowest, highest, value := "group.share.min."+name, "group.share.max."+name, "group.share."+name
		atMost(value, highest, notLess, highest, value)
		atMost(lowest, value, notLess, value, lowest)
	}
	require(&errs, len(v.list("group.share.assignors")) == 1, "", "group.share.assignors must contain exactly one assignor, but found %d", len(v.list("group.share.assignors")))
	atMost("group.share.max.size", "group.share.max.share.sessions", notLess, "group.share.max.share.sessions", "group.share.max.size")
	atMost("group.streams.num.standby.replicas", "group.streams.max.standby.replicas", notMore, "group.streams.num.standby.replicas", "group.streams.max.standby.replicas")
	atMost("group.streams.min.task.offset.interval.ms", "group.streams.task.offset.interval.ms", notLess, "group.streams.task.offset.interval.ms", "group.streams.min.task.offset.interval.ms")
	atMost("group.streams.num.warmup.replicas", "group.streams.max.warmup.replicas", notMore, "group.streams.num.warmup.replicas", "group.streams.max.warmup.replicas")
	return errs
}

// checkID keeps the two names of a node's id the same, and its directories
// apart.
func checkID(b *Broker) []error {
	var errs []error
	require(&errs, b.values.int("broker.id") == int(b.NodeID), "Remove the line with broker.id.",
		"`node.id` and `broker.id` must be set to the same value. `broker.id` is deprecated, please use `node.id` instead.")
	return errs
}

// checkRoles holds the rules of process.roles.
func checkRoles(b *Broker) []error {
	var errs []error
	require(&errs, len(b.Voters) > 0 || len(b.BootstrapServers) > 0,
		"For a single node set controller.quorum.bootstrap.servers to its own controller listener, for instance localhost:9093.",
		"If using process.roles, either controller.quorum.bootstrap.servers must contain the set of bootstrap controllers or controller.quorum.voters must contain a parseable set of controllers.")
	ids := make([]string, len(b.Voters))
	for i, voter := range b.Voters {
		ids[i] = strconv.Itoa(int(voter.ID))
	}
	self := strconv.Itoa(int(b.NodeID))
	set := "Set(" + strings.Join(ids, ", ") + ")"
	if !b.IsController {
		require(&errs, !slices.Contains(ids, self), "Give this node another node.id, or the controller role.",
			"If process.roles contains just the 'broker' role, the node id %s must not be included in the set of voters controller.quorum.voters=%s", self, set)
		return append(errs, checkBrokerOnly(b)...)
	}
	require(&errs, len(ids) == 0 || slices.Contains(ids, self), "Correct node.id, or add the entry "+self+"@host:port.",
		"If process.roles contains the 'controller' role, the node id %s must be included in the set of voters controller.quorum.voters=%s", self, set)
	if !b.IsBroker {
		errs = append(errs, checkControllerOnly(b)...)
	}
	for _, name := range b.ControllerListenerNames {
		require(&errs, slices.Contains(names(b.Listeners), strings.ToUpper(name)), "Add "+name+"://:9093 to listeners.",
			"controller.listener.names must only contain values appearing in the 'listeners' configuration when running the KRaft controller role")
	}
	return errs
}

func checkBrokerOnly(b *Broker) []error {
	var errs []error
	require(&errs, !slices.ContainsFunc(b.Listeners, func(l Listener) bool { return b.isControllerListener(l.Name) }), "Remove it from listeners.",
		"controller.listener.names must not contain a value appearing in the 'listeners' configuration when running KRaft with just the broker role")
	for _, name := range b.ControllerListenerNames {
		_, ok := b.ListenerProtocols[strings.ToUpper(name)]
		require(&errs, ok, "Add "+name+":PLAINTEXT, or whatever the controllers speak.",
			"Controller listener with name %s defined in controller.listener.names not found in listener.security.protocol.map  "+
				"(an explicit security mapping for each controller listener is required if listener.security.protocol.map is non-empty, or if there are security protocols other than PLAINTEXT in use)", name)
	}
	require(&errs, !b.ControllerQuorumAutoJoinEnable, "Remove the line.",
		"controller.quorum.auto.join.enable is only supported when process.roles contains the 'controller' role.")
	return errs
}

func checkControllerOnly(b *Broker) []error {
	var errs []error
	require(&errs, len(b.brokerListeners(b.Listeners)) == 0, "Remove the others, or add the broker role.",
		"The listeners config must only contain KRaft controller listeners from controller.listener.names when process.roles=controller")
	if _, set := b.raw["inter.broker.listener.name"]; set {
		require(&errs, !b.isControllerListener(b.InterBrokerListener), "Remove inter.broker.listener.name.",
			"controller.listener.names must not contain an explicitly set inter.broker.listener.name configuration value when process.roles=controller'")
	}
	return errs
}

// checkBrokerListeners holds the rules of what a broker advertises.
func checkBrokerListeners(b *Broker) []error {
	var errs []error
	advertised, listeners := names(b.AdvertisedListeners), names(b.Listeners)
	if b.IsBroker {
		if len(advertised) == 0 {
			require(&errs, false, "Add a listener for clients to listeners, for instance PLAINTEXT://localhost:9092.",
				"There must be at least one broker advertised listener. Perhaps all listeners appear in controller.listener.names?")
			return errs
		}
		require(&errs, slices.Contains(advertised, b.InterBrokerListener), "Set inter.broker.listener.name to one of them.",
			"inter.broker.listener.name must be a listener name defined in advertised.listeners. The valid options based on currently configured listeners are %s", strings.Join(advertised, ","))
		require(&errs, !slices.ContainsFunc(advertised, func(name string) bool { return !slices.Contains(listeners, name) }), "Add the missing ones to listeners.",
			"advertised.listeners listener names must be equal to or a subset of the ones defined in listeners. Found %s. The valid options based on the current configuration are %s",
			strings.Join(advertised, ","), strings.Join(listeners, ","))
	}
	if _, explicit := b.raw["advertised.listeners"]; explicit {
		for _, l := range slices.Concat(b.AdvertisedListeners, b.AdvertisedControllerListeners) {
			// Differs from Kafka: it lets the IPv6 form [::] pass.
			require(&errs, l.Host == "" || !l.wildcard(), "Clients connect to what this key says: set the host name or address by which they reach this node.",
				"advertised.listeners cannot use the nonroutable meta-address %s. Use a routable IP address.", l.Host)
		}
	}
	for _, name := range b.values.list("early.start.listeners") {
		require(&errs, slices.Contains(listeners, strings.ToUpper(name)) || b.isControllerListener(name), "",
			"early.start.listeners contains listener %s, but this is not contained in listeners or controller.listener.names", strings.ToUpper(name))
	}
	if b.ListenerProtocols[b.InterBrokerListener].SASL() {
		mechanisms, _ := b.ListenerValue(b.InterBrokerListener, "sasl.enabled.mechanisms")
		require(&errs, slices.Contains(splitList(javaTrim(mechanisms)), b.values.text("sasl.mechanism.inter.broker.protocol")), "",
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

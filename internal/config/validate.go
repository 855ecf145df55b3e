package config

import (
	"errors"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kerr"

	"moldau.dev/moldau/internal/kafka"
)

// invalid makes an INVALID_CONFIG error of a message.
func invalid(err error) error {
	if err == nil {
		return nil
	}
	return kafka.Errorf(kerr.InvalidConfig, "%v", err)
}

// Splittable tells whether a key of the table is a list, to which alterations
// may append and from which they may subtract.
func (d *Def) Splittable(name string) bool {
	k, ok := d.index[name]
	return ok && k.Type == List
}

// parseAll checks the values of all keys that are set, in the table's order.
func (d *Def) parseAll(raw map[string]string) (map[string]any, error) {
	parsed := make(map[string]any, len(raw))
	for i := range d.keys {
		if text, set := raw[d.keys[i].Name]; set {
			v, err := d.keys[i].Parse(text)
			if err != nil {
				return nil, err
			}
			parsed[d.keys[i].Name] = v
		}
	}
	return parsed, nil
}

// checkNames refuses names that the table does not have.
func (d *Def) checkNames(raw map[string]string, code *kerr.Error, message string) error {
	for _, name := range slices.Sorted(maps.Keys(raw)) {
		if _, ok := d.index[name]; !ok {
			return kafka.Errorf(code, "%s: %s", message, name)
		}
	}
	return nil
}

// ValidateTopic judges the own values of a topic, against Kafka's defaults for
// what they do not set. Use Broker.ValidateTopic where a node's configuration
// is at hand. Errors are INVALID_CONFIG with Kafka's message.
func ValidateTopic(topic map[string]string) error {
	return validateTopic(defaultValues(), nil, topic)
}

// ValidateTopic judges what a topic's own values shall become, given what they
// are. Both hold all of the topic's values. Errors are INVALID_CONFIG with
// Kafka's message.
func (b *Broker) ValidateTopic(existing, topic map[string]string) error {
	return validateTopic(b.values, existing, topic)
}

func validateTopic(broker values, existing, topic map[string]string) error {
	if err := topicDef.checkNames(topic, kerr.InvalidConfig, "Unknown topic config name"); err != nil {
		return err
	}
	if _, err := topicDef.parseAll(topic); err != nil {
		return invalid(err)
	}
	v := topicValues(broker, topic)
	if lowest, highest := v.int64("min.compaction.lag.ms"), v.int64("max.compaction.lag.ms"); lowest > highest {
		return kafka.Errorf(kerr.InvalidConfig, "conflict topic config setting min.compaction.lag.ms (%d) > max.compaction.lag.ms (%d)", lowest, highest)
	}
	if v.bool("remote.storage.enable") {
		return invalid(checkTiered(broker, v))
	}
	if strings.EqualFold(existing["remote.storage.enable"], "true") && !v.bool("remote.log.delete.on.disable") {
		return kafka.Errorf(kerr.InvalidConfig, "It is invalid to disable remote storage without deleting remote data. "+
			"If you want to keep the remote data and turn to read only, please set `remote.storage.enable=true,remote.log.copy.disable=true`. "+
			"If you want to disable remote storage and delete all remote data, please set `remote.storage.enable=false,remote.log.delete.on.disable=true`.")
	}
	return nil
}

// checkTiered holds the rules of topics with tiered storage.
func checkTiered(broker, v values) error {
	if !broker.bool("remote.log.storage.system.enable") {
		return messageError("Tiered Storage functionality is disabled in the broker. Topic cannot be configured with remote log storage.")
	}
	if policy := v.list("cleanup.policy"); len(policy) > 0 && !slices.Equal(policy, []string{"delete"}) {
		return messageError("Remote log storage only supports topics with cleanup.policy=delete or cleanup.policy being an empty list.")
	}
	for _, unit := range []string{"bytes", "ms"} {
		if err := checkLocalRetention("local.retention."+unit, v.int64("local.retention."+unit), "retention."+unit, v.int64("retention."+unit)); err != nil {
			return err
		}
	}
	for _, unit := range []string{"bytes", "ms"} {
		if err := checkCopyLag("remote.copy.lag."+unit, v.int64("remote.copy.lag."+unit), "local.retention."+unit, v.int64("local.retention."+unit), v.int64("retention."+unit)); err != nil {
			return err
		}
	}
	if v.bool("remote.log.copy.disable") {
		for _, unit := range []string{"bytes", "ms"} {
			if local := v.int64("local.retention." + unit); local != -2 && local != v.int64("retention."+unit) {
				return messageError("When `remote.log.copy.disable` is set to true, the `local.retention.%s` and `retention.%s` must be set to the identical value because there will be no more logs copied to the remote storage.", unit, unit)
			}
		}
	}
	return nil
}

func checkLocalRetention(name string, local int64, allName string, all int64) error {
	if all < 0 || local == -2 {
		return nil
	}
	if local == -1 {
		return &Error{Name: name, Value: "-1", Reason: "Value must not be -1 as " + allName + " value is set as " + format(all) + "."}
	}
	if local > all {
		return &Error{Name: name, Value: format(local), Reason: "Value must not be more than " + allName + " property value: " + format(all)}
	}
	return nil
}

func checkCopyLag(name string, lag int64, localName string, local, all int64) error {
	if local == -2 {
		local = all
	}
	if lag > 0 && local >= 0 && lag > local {
		return &Error{Name: name, Value: format(lag), Reason: "Value must not exceed " + localName + " (effective value: " + format(local) + ")"}
	}
	return nil
}

// ValidateGroup judges what a group's own values shall become. Errors are
// INVALID_CONFIG with Kafka's message.
func (b *Broker) ValidateGroup(group map[string]string) error {
	if err := groupDef.checkNames(group, kerr.InvalidConfig, "Unknown group config name"); err != nil {
		return err
	}
	const tags = "streams.rack.aware.assignment.tags"
	if raw := splitList(javaTrim(group[tags])); len(distinct(raw)) != len(raw) {
		return kafka.Errorf(kerr.InvalidConfig, "%s must not contain duplicate tag keys.", tags)
	}
	parsed, err := groupDef.parseAll(group)
	if err != nil {
		return invalid(err)
	}
	rules := []func(map[string]any) error{b.checkGroupBounds, b.checkAssignor, b.checkHeartbeats}
	for _, rule := range rules {
		if err := rule(parsed); err != nil {
			return invalid(err)
		}
	}
	if topic, _ := parsed["errors.deadletterqueue.topic.name"].(string); strings.HasPrefix(topic, "__") {
		return kafka.Errorf(kerr.InvalidConfig, "errors.deadletterqueue.topic.name: DLQ topic name must not start with '__'")
	}
	return nil
}

// checkGroupBounds holds group values to the bounds that the broker sets.
func (b *Broker) checkGroupBounds(parsed map[string]any) error {
	for _, bound := range groupBounds {
		n, set := parsed[bound.key].(int32)
		switch {
		case !set:
		case bound.min == "":
			if highest := b.values.int(bound.max); int(n) > highest {
				return messageError("%s must be less than or equal to %d", bound.key, highest)
			}
		case bound.max == "":
			if lowest := b.values.int(bound.min); int(n) < lowest {
				return messageError("%s must be greater than or equal to %d", bound.key, lowest)
			}
		default:
			lowest, highest := b.values.int(bound.min), b.values.int(bound.max)
			if int(n) < lowest || int(n) > highest {
				return messageError("%s must be in the range %d to %d inclusive.", bound.key, lowest, highest)
			}
		}
	}
	return nil
}

func (b *Broker) checkAssignor(parsed map[string]any) error {
	name, set := parsed["streams.assignor.name"].(string)
	if known := b.values.list("group.streams.assignors"); set && !slices.Contains(known, name) {
		return messageError("streams.assignor.name '%s' is not a registered task assignor. Registered assignors are: %s.", name, show(known))
	}
	return nil
}

// checkHeartbeats keeps heartbeats more frequent than sessions are long.
func (b *Broker) checkHeartbeats(parsed map[string]any) error {
	for _, group := range []string{"consumer", "share", "streams"} {
		sessionKey, heartbeatKey := group+".session.timeout.ms", group+".heartbeat.interval.ms"
		session, setSession := parsed[sessionKey].(int32)
		heartbeat, setHeartbeat := parsed[heartbeatKey].(int32)
		if !setSession {
			session = int32(b.values.int("group." + sessionKey))
		}
		if !setHeartbeat {
			heartbeat = int32(b.values.int("group." + heartbeatKey))
		}
		if (setSession || setHeartbeat) && session <= heartbeat {
			return messageError("%s must be greater than %s", sessionKey, heartbeatKey)
		}
	}
	return nil
}

// clientMatchKeys are what a client-metrics subscription can match clients by.
var clientMatchKeys = []string{
	"client_instance_id", "client_id", "client_software_name", "client_software_version", "client_source_address", "client_source_port",
}

// ValidateClientMetrics judges what the values of a subscription shall become.
// Errors are INVALID_REQUEST or INVALID_CONFIG with Kafka's message.
func ValidateClientMetrics(subscription map[string]string) error {
	if err := clientMetricsDef.checkNames(subscription, kerr.InvalidRequest, "Unknown client metrics configuration"); err != nil {
		return err
	}
	parsed, err := clientMetricsDef.parseAll(subscription)
	if err != nil {
		return invalid(err)
	}
	if ms, set := parsed["interval.ms"].(int32); set && (ms < 100 || ms > 3600000) {
		return kafka.Errorf(kerr.InvalidRequest, "Invalid value %d for interval.ms, interval must be between 100 and 3600000 (1 hour)", ms)
	}
	match, _ := parsed["match"].([]string)
	_, err = ParseClientMatch(match)
	return invalid(err)
}

// ParseClientMatch reads the patterns of a subscription's match key: what of a
// client is looked at, and the expression it must match as a whole.
func ParseClientMatch(match []string) (map[string]*regexp.Regexp, error) {
	patterns := make(map[string]*regexp.Regexp, len(match))
	for _, entry := range match {
		key, expression, ok := strings.Cut(entry, "=")
		key, expression = javaTrim(key), javaTrim(expression)
		if !ok || expression == "" || strings.Contains(expression, "=") || !slices.Contains(clientMatchKeys, key) {
			return nil, messageError("Illegal client matching pattern: %s", entry)
		}
		// Differs from Kafka: expressions are RE2's, without look-around and
		// back references, so that none can take forever.
		pattern, err := regexp.Compile("^(?:" + expression + ")$")
		if err != nil {
			return nil, messageError("Illegal client matching pattern: %s", entry)
		}
		patterns[key] = pattern
	}
	return patterns, nil
}

// refusal is an INVALID_REQUEST, which Kafka answers for broker configurations.
func refusal(format string, args ...any) error {
	return kafka.Errorf(kerr.InvalidRequest, format, args...)
}

// ValidateBroker judges what a dynamic configuration shall become: this
// broker's if perBroker, the cluster's default otherwise. dynDefault and
// dynBroker are what holds today; next holds all values of the one that is
// altered. Errors are INVALID_REQUEST with Kafka's message.
func ValidateBroker(static *Static, dynDefault, dynBroker map[string]string, perBroker bool, next map[string]string) error {
	if err := ValidateBrokerDynamic(perBroker, next); err != nil {
		return err
	}
	v, raw := static.values.clone(), maps.Clone(static.explicit)
	if perBroker {
		overlay(v, raw, usable(dynDefault, false))
		overlay(v, raw, usable(next, true))
	} else {
		overlay(v, raw, usable(next, false))
		overlay(v, raw, usable(dynBroker, true))
	}
	b, err := newBroker(v, raw)
	if err != nil {
		return refusal("%v", err)
	}
	if errs := groupRequirements(v); len(errs) > 0 {
		return refusal("%v", errs[0])
	}
	if errs := checkTogether(b, v); len(errs) > 0 {
		return refusal("requirement failed: %v", errs[0])
	}
	if err := checkChange(ResolveBroker(static, dynDefault, dynBroker), b); err != nil {
		// Differs from Kafka: it keeps the reason to its own log.
		return refusal("Invalid dynamic configuration: %v", err)
	}
	return nil
}

// ValidateBrokerDynamic judges the names and values of a dynamic configuration
// one by one, which is what can be said without knowing the node. Errors are
// INVALID_REQUEST with Kafka's message.
func ValidateBrokerDynamic(perBroker bool, next map[string]string) error {
	names := slices.Sorted(maps.Keys(next))
	refuse := func(message string, bad func(name string) bool) error {
		if found := slices.DeleteFunc(slices.Clone(names), func(n string) bool { return !bad(n) }); len(found) > 0 {
			return refusal("%s: %s", message, show(found))
		}
		return nil
	}
	if err := refuse("Cannot update these configs dynamically", isReadOnly); err != nil {
		return err
	}
	if err := refuse("These security configs can be dynamically updated only per-listener using the listener prefix",
		func(name string) bool { return securityFiles[name] }); err != nil {
		return err
	}
	for _, name := range names {
		base, _ := listenerBase(name)
		if k, ok := dynamicKey(base); ok {
			if _, err := k.Parse(next[name]); err != nil {
				return refusal("%v", err)
			}
		}
	}
	if perBroker {
		return nil
	}
	return refuse("Cannot update these configs at default cluster level, broker id must be specified", perBrokerOnly)
}

// checkChange holds the rules about how far a value may move at once.
func checkChange(from, to *Broker) error {
	rules := []func(from, to *Broker) error{checkThreads, checkRetentionDefaults, checkListenerChange}
	var errs []error
	for _, rule := range rules {
		errs = append(errs, rule(from, to))
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	return checkNeedsRestart(from, to)
}

// checkNeedsRestart refuses what would have no effect.
func checkNeedsRestart(from, to *Broker) error {
	for _, key := range needsRestart {
		was, _ := from.Value(key)
		if now, _ := to.Value(key); now != was {
			return messageError("%s is only read at the start: change it in server.properties and restart the node", key)
		}
	}
	return nil
}

var threadKeys = []string{
	"num.io.threads", "num.network.threads", "num.replica.fetchers", "num.recovery.threads.per.data.dir", "background.threads", "log.cleaner.threads",
	"remote.log.reader.threads", "remote.log.manager.copier.thread.pool.size", "remote.log.manager.expiration.thread.pool.size",
	"remote.log.manager.follower.thread.pool.size",
}

// checkThreads lets numbers of threads at most double or halve.
func checkThreads(from, to *Broker) error {
	for _, key := range threadKeys {
		was, n := from.values.int(key), to.values.int(key)
		const failed = "Dynamic thread count update validation failed for %s=%d, "
		switch {
		case n == was:
		case n <= 0:
			return messageError(failed+"value should be at least 1", key, n)
		case n < was/2:
			return messageError(failed+"value should be at least half the current value %d", key, n, was)
		case n > was*2:
			return messageError(failed+"value should not be greater than double the current value %d", key, n, was)
		}
	}
	return nil
}

func checkRetentionDefaults(_, to *Broker) error {
	v := to.values
	retention := map[string]int64{"ms": v.retentionMs(), "bytes": v.int64("log.retention.bytes")}
	for _, unit := range []string{"ms", "bytes"} {
		local := v.int64("log.local.retention." + unit)
		if err := checkLocalRetention("log.local.retention."+unit, local, "log.retention."+unit, retention[unit]); err != nil {
			return err
		}
		if err := checkCopyLag("log.remote.copy.lag."+unit, v.int64("log.remote.copy.lag."+unit), "log.local.retention."+unit, local, retention[unit]); err != nil {
			return err
		}
	}
	return nil
}

// checkListenerChange keeps advertised listeners listening, and the protocol of
// existing ones as it is.
func checkListenerChange(from, to *Broker) error {
	old, next, advertised := names(from.Listeners), names(to.Listeners), names(from.AdvertisedListeners)
	for _, name := range advertised {
		if !slices.Contains(next, name) {
			return messageError("Advertised listeners '%s' must be a subset of listeners '%s'", show(advertised), show(next))
		}
	}
	for _, name := range next {
		if slices.Contains(old, name) && from.ListenerProtocols[name] != to.ListenerProtocols[name] {
			return messageError("Security protocol cannot be updated for existing listener %s", name)
		}
	}
	return nil
}

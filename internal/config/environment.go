package config

import "strings"

// imageVariables belong to Kafka's container images and start scripts; they
// are no configuration of the node.
var imageVariables = map[string]bool{
	"KAFKA_VERSION": true, "KAFKA_HEAP_OPTS": true, "KAFKA_LOG4J_OPTS": true, "KAFKA_OPTS": true,
	"KAFKA_JMX_OPTS": true, "KAFKA_JVM_PERFORMANCE_OPTS": true, "KAFKA_GC_LOG_OPTS": true,
	"KAFKA_LOG4J_ROOT_LOGLEVEL": true, "KAFKA_LOG4J_LOGGERS": true, "KAFKA_TOOLS_LOG4J_LOGLEVEL": true,
	"KAFKA_JMX_HOSTNAME": true, "KAFKA_JMX_PORT": true, "KAFKA_HOME": true, "KAFKA_DEBUG": true,
	"KAFKA_CLUSTER_ID": true,
}

// EnvironmentKey gives the configuration key that a variable of the official
// container image sets: KAFKA_LOG_DIRS is log.dirs; two underscores stand for
// one, three for a dash. Not ok is a variable that sets none.
func EnvironmentKey(variable string) (string, bool) {
	name, ok := strings.CutPrefix(variable, "KAFKA_")
	if !ok || name == "" || imageVariables[variable] {
		return "", false
	}
	name = strings.ReplaceAll(strings.ToLower(name), "_", ".")
	return strings.NewReplacer("...", "-", "..", "_").Replace(name), true
}

func (l *loader) environment() {
	for _, entry := range l.src.Environ {
		variable, value, _ := strings.Cut(entry, "=")
		if variable == "CLUSTER_ID" || variable == "KAFKA_CLUSTER_ID" && l.clusterID == "" {
			l.clusterID = value
			continue
		}
		name, ok := EnvironmentKey(variable)
		if !ok {
			continue
		}
		_, known := brokerDef.Lookup(name)
		if !known && serviceLink(name, value) {
			// Differs from Kafka: it takes the variables of a service that is
			// named "kafka", which Kubernetes sets in every pod, for configuration.
			continue
		}
		l.set(name, value, "environment variable "+variable)
	}
}

// serviceLink tells variables by which Kubernetes and old Docker links
// announce a service named kafka (KAFKA_PORT=tcp://10.0.0.1:9092 and the like).
func serviceLink(name, value string) bool {
	return strings.HasPrefix(value, "tcp://") && strings.HasPrefix(name, "port") ||
		strings.HasPrefix(name, "port.") || strings.HasPrefix(name, "service.host") || strings.HasPrefix(name, "service.port")
}

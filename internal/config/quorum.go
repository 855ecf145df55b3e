package config

import (
	"net"
	"regexp"
	"strconv"
	"strings"

	"moldau.dev/moldau/internal/kafka"
)

// Voter is one entry of controller.quorum.voters: a controller with its
// address.
type Voter struct {
	ID   kafka.NodeID
	Host string
	Port int
}

// Address gives host:port for net.Dial.
func (v Voter) Address() string { return net.JoinHostPort(v.Host, strconv.Itoa(v.Port)) }

var hostCharacters = regexp.MustCompile(`^[0-9a-zA-Z\-%._:]*$`)

var hostPort = regexp.MustCompile(`^(?:[0-9a-zA-Z\-%._]*://)?\[?([0-9a-zA-Z\-%._:]*)\]?:([0-9]+)$`)

// parseHostPort reads "host:port" or "[IPv6]:port".
func parseHostPort(s string) (host string, port int, ok bool) {
	m := hostPort.FindStringSubmatch(s)
	if m == nil {
		return "", 0, false
	}
	port, err := strconv.Atoi(m[2])
	return m[1], port, err == nil && port <= 65535
}

func parseVoters(list []string) ([]Voter, error) {
	const form = " for the configuration controller.quorum.voters. Each entry should be in the form `{id}@{host}:{port}`."
	voters := make([]Voter, 0, len(list))
	for _, entry := range list {
		id, address, ok := strings.Cut(entry, "@")
		if !ok || id == "" || address == "" || strings.Contains(address, "@") {
			return nil, messageError("Invalid configuration value for controller.quorum.voters. Each entry should be in the form `{id}@{host}:{port}`.")
		}
		n, err := parseInt(id, 32)
		if err != nil {
			return nil, messageError("Failed to parse voter ID as an integer from %s", id)
		}
		host, port, ok := parseHostPort(address)
		if !ok {
			return nil, messageError("Failed to parse host name from entry %s%s", entry, form)
		}
		voters = append(voters, Voter{ID: kafka.NodeID(n), Host: host, Port: port})
	}
	return voters, nil
}

// quorumVoters and bootstrapServers check the two ways to name controllers.
type (
	quorumVoters     struct{}
	bootstrapServers struct{}
)

func (quorumVoters) Check(_ string, value any) error {
	list, _ := value.([]string)
	_, err := parseVoters(list)
	return err
}

func (quorumVoters) String() string { return "non-empty list" }

func (bootstrapServers) Check(name string, value any) error {
	list, _ := value.([]string)
	for _, entry := range list {
		if _, _, ok := parseHostPort(entry); !ok {
			return messageError("Failed to parse host name from %s for the configuration %s. Each entry should be in the form \"{host}:{port}\"", entry, name)
		}
	}
	return nil
}

func (bootstrapServers) String() string { return "non-empty list" }

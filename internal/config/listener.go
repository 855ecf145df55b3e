package config

import (
	"net"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// SecurityProtocol says what a listener speaks, with the numbers of the wire.
type SecurityProtocol int16

// The security protocols.
const (
	Plaintext     SecurityProtocol = 0
	SSL           SecurityProtocol = 1
	SASLPlaintext SecurityProtocol = 2
	SASLSSL       SecurityProtocol = 3
)

var securityProtocolNames = [...]string{"PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"}

func (p SecurityProtocol) String() string { return securityProtocolNames[p] }

// TLS tells whether connections are encrypted.
func (p SecurityProtocol) TLS() bool { return p == SSL || p == SASLSSL }

// SASL tells whether clients log in by SASL.
func (p SecurityProtocol) SASL() bool { return p == SASLPlaintext || p == SASLSSL }

// ParseSecurityProtocol reads the name in any case.
func ParseSecurityProtocol(s string) (SecurityProtocol, bool) {
	i := slices.IndexFunc(securityProtocolNames[:], func(name string) bool { return strings.EqualFold(name, s) })
	return SecurityProtocol(max(i, 0)), i >= 0
}

// Listener is one endpoint: where the node listens, or what it tells clients.
type Listener struct {
	// Name is in upper case.
	Name string
	// Host is empty for all interfaces. IPv6 addresses come without brackets.
	Host             string
	Port             int
	SecurityProtocol SecurityProtocol
	// Derived says that the host was not configured but found out: the listener
	// is on all interfaces and advertised.listeners is not set.
	Derived bool
}

// HostFor gives the host to tell a client that came in on this local address.
//
// Differs from Kafka: a client on the same machine, connected over loopback to
// a node that was not told what to advertise, is sent back over loopback. The
// host's name may not even be known to it, and this address works.
func (l Listener) HostFor(local netip.Addr) string {
	if l.Derived && local.IsValid() && local.Unmap().IsLoopback() {
		return "localhost"
	}
	return l.Host
}

// Address gives host:port for net.Listen and net.Dial.
func (l Listener) Address() string { return net.JoinHostPort(l.Host, strconv.Itoa(l.Port)) }

// String gives the form of the listeners key.
func (l Listener) String() string { return l.Name + "://" + l.Address() }

var listenerURI = regexp.MustCompile(`^(.*)://\[?([0-9a-zA-Z\-%._:]*)\]?:(-?[0-9]+)$`)

// ParseListeners reads the value of listeners, or of advertised.listeners with
// distinctPorts false. The protocols map gives the protocol of each upper-case
// listener name. Port 0 lets the system choose.
func ParseListeners(list []string, protocols map[string]SecurityProtocol, distinctPorts bool) ([]Listener, error) {
	listeners := make([]Listener, 0, len(list))
	for _, entry := range list {
		l, err := parseListener(entry, protocols)
		if err == nil && slices.ContainsFunc(listeners, func(other Listener) bool { return other.Name == l.Name }) {
			err = messageError("Each listener must have a different name, listeners: %s", show(list))
		}
		if err != nil {
			return nil, listenersError(list, err)
		}
		listeners = append(listeners, l)
	}
	if distinctPorts {
		if err := checkPorts(listeners, list); err != nil {
			return nil, listenersError(list, err)
		}
	}
	return listeners, nil
}

func listenersError(list []string, err error) error {
	return messageError("Error creating broker listeners from '%s': %v", show(list), err)
}

func parseListener(entry string, protocols map[string]SecurityProtocol) (Listener, error) {
	m := listenerURI.FindStringSubmatch(entry)
	if m == nil {
		return Listener{}, messageError("Unable to parse %s to a broker endpoint", entry)
	}
	l := Listener{Name: strings.ToUpper(m[1]), Host: m[2]}
	port, err := strconv.ParseInt(m[3], 10, 32)
	if err != nil || port < 0 || port > 65535 {
		// Differs from Kafka: it lets a negative port pass and fails to bind a
		// large one.
		return Listener{}, messageError("Unable to parse %s to a broker endpoint: the port must be between 0 and 65535", entry)
	}
	l.Port = int(port)
	protocol, ok := protocols[l.Name]
	if !ok {
		return Listener{}, messageError("No security protocol defined for listener %s", l.Name)
	}
	l.SecurityProtocol = protocol
	return l, nil
}

// checkPorts refuses two listeners on one port, except one on IPv4 and one on
// IPv6.
func checkPorts(listeners []Listener, list []string) error {
	byPort := map[int][]Listener{}
	for _, l := range listeners {
		if l.Port != 0 {
			byPort[l.Port] = append(byPort[l.Port], l)
		}
	}
	for _, l := range listeners { // In order, so that the message is always the same.
		same := byPort[l.Port]
		if l.Port == 0 || len(same) < 2 {
			continue
		}
		var v4, v6, names int
		for _, s := range same {
			switch ip, err := netip.ParseAddr(s.Host); {
			case err != nil:
				names++
			case ip.Is4():
				v4++
			default:
				v6++
			}
		}
		switch {
		case names > 1:
			return messageError("Each listener must have a different port, listeners: %s", show(list))
		case v4+v6 == 2 && (v4 != 1 || names > 0):
			return messageError("If you have two listeners on the same port then one needs to be IPv4 and the other IPv6, listeners: %s, port: %d", show(list), l.Port)
		case v4+v6 > 2:
			return messageError("Each listener must have a different port unless exactly one listener has an IPv4 address and the other IPv6 address, listeners: %s, port: %d", show(list), l.Port)
		case v4+v6 == 1 && names == 1:
			// Differs from Kafka: it lets an address and a name on one port
			// pass, and fails to bind.
			return messageError("Each listener must have a different port, listeners: %s", show(list))
		}
	}
	return nil
}

// parseProtocolMap reads listener.security.protocol.map.
func parseProtocolMap(raw string) (map[string]SecurityProtocol, error) {
	const name = "listener.security.protocol.map"
	m, err := parseCSVMap(name, raw)
	if err != nil {
		return nil, err
	}
	protocols := make(map[string]SecurityProtocol, len(m))
	for listener, protocol := range m {
		p, ok := ParseSecurityProtocol(protocol)
		if !ok {
			return nil, messageError("Invalid security protocol `%s` defined in %s", protocol, name)
		}
		protocols[strings.ToUpper(listener)] = p
	}
	return protocols, nil
}

// parseCSVMap reads "key:value,key:value"; the last colon separates, so that
// keys may be IPv6 addresses.
func parseCSVMap(name, raw string) (map[string]string, error) {
	m := map[string]string{}
	if raw == "" {
		return m, nil
	}
	for _, pair := range splitList(raw) {
		i := strings.LastIndexByte(pair, ':')
		if i < 0 {
			return nil, messageError("Error parsing configuration property '%s': %q has no colon", name, pair)
		}
		m[javaTrim(pair[:i])] = javaTrim(pair[i+1:])
	}
	return m, nil
}

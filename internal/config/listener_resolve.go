package config

import (
	"net/netip"
	"slices"
	"strings"
)

// setListeners works out where the node listens and what it tells of itself.
func (b *Broker) setListeners(v values) error {
	listeners, advertised := v.list("listeners"), v.list("advertised.listeners")
	protocols, err := parseProtocolMap(v.text("listener.security.protocol.map"))
	if err != nil {
		return err
	}
	if _, set := b.raw["listener.security.protocol.map"]; !set {
		addControllerProtocols(protocols, b.ControllerListenerNames, listeners)
	}
	b.ListenerProtocols = protocols
	if b.Listeners, err = ParseListeners(listeners, protocols, true); err != nil {
		return err
	}
	b.AdvertisedListeners = b.brokerListeners(b.Listeners)
	var advertisedAll []Listener
	if advertised != nil {
		if advertisedAll, err = ParseListeners(advertised, protocols, false); err != nil {
			return err
		}
		b.AdvertisedListeners = b.brokerListeners(advertisedAll)
	}
	b.AdvertisedControllerListeners = b.controllerListeners(advertisedAll)
	return b.setInterBroker(v)
}

// addControllerProtocols gives controller listeners plaintext, unless the node
// uses TLS or SASL anywhere: then the operator must say what is meant.
func addControllerProtocols(protocols map[string]SecurityProtocol, controllers, listeners []string) {
	secured := func(name string) bool {
		p, ok := ParseSecurityProtocol(name)
		return ok && p != Plaintext
	}
	if slices.ContainsFunc(controllers, secured) ||
		slices.ContainsFunc(listeners, func(l string) bool { name, _, _ := strings.Cut(l, ":"); return secured(name) }) {
		return
	}
	for _, name := range controllers {
		protocols[strings.ToUpper(name)] = Plaintext
	}
}

func (b *Broker) isControllerListener(name string) bool {
	return slices.ContainsFunc(b.ControllerListenerNames, func(c string) bool { return strings.EqualFold(c, name) })
}

func (b *Broker) brokerListeners(all []Listener) []Listener {
	var out []Listener
	for _, l := range all {
		if !b.isControllerListener(l.Name) {
			out = append(out, l)
		}
	}
	return out
}

// controllerListeners gives one advertised endpoint per controller listener:
// from advertised.listeners, else the listener itself, with the address of
// controller.quorum.voters where the default listener is on all interfaces.
func (b *Broker) controllerListeners(advertised []Listener) []Listener {
	var out []Listener
	for i, name := range b.ControllerListenerNames {
		named := func(l Listener) bool { return strings.EqualFold(l.Name, name) }
		if j := slices.IndexFunc(advertised, named); j >= 0 {
			out = append(out, advertised[j])
			continue
		}
		j := slices.IndexFunc(b.Listeners, named)
		if j < 0 {
			continue
		}
		l := b.Listeners[j]
		if l.wildcard() {
			l.Host = ""
			self := slices.IndexFunc(b.Voters, func(voter Voter) bool { return voter.ID == b.NodeID })
			if i == 0 && self >= 0 {
				l.Host, l.Port = b.Voters[self].Host, b.Voters[self].Port
			}
		}
		out = append(out, l)
	}
	return out
}

// wildcard tells whether the listener is on all interfaces.
func (l Listener) wildcard() bool {
	ip, err := netip.ParseAddr(l.Host)
	return l.Host == "" || err == nil && ip.IsUnspecified()
}

func (b *Broker) setInterBroker(v values) error {
	name, _ := v["inter.broker.listener.name"].(string)
	if name == "" {
		b.InterBrokerListener = v.text("security.inter.broker.protocol")
		return nil
	}
	if _, set := b.raw["security.inter.broker.protocol"]; set {
		return messageError("Only one of inter.broker.listener.name and security.inter.broker.protocol should be set.")
	}
	b.InterBrokerListener = strings.ToUpper(name)
	if _, ok := b.ListenerProtocols[b.InterBrokerListener]; !ok {
		return messageError("Listener with name %s defined in inter.broker.listener.name not found in listener.security.protocol.map.", b.InterBrokerListener)
	}
	return nil
}

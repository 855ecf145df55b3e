package config

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
)

var standardProtocols = map[string]SecurityProtocol{"PLAINTEXT": Plaintext, "SSL": SSL, "SASL_PLAINTEXT": SASLPlaintext, "SASL_SSL": SASLSSL, "INNER": Plaintext}

func TestParseListeners(t *testing.T) {
	for _, c := range []struct {
		in   string
		want []Listener
	}{
		{"PLAINTEXT://:9092", []Listener{{Name: "PLAINTEXT", Port: 9092}}},
		{"plaintext://Host-1.example:0", []Listener{{Name: "PLAINTEXT", Host: "Host-1.example"}}},
		{"SSL://[::1]:9093,SASL_SSL://[fe80::1%eth0]:9094", []Listener{
			{Name: "SSL", Host: "::1", Port: 9093, SecurityProtocol: SSL},
			{Name: "SASL_SSL", Host: "fe80::1%eth0", Port: 9094, SecurityProtocol: SASLSSL},
		}},
		{"PLAINTEXT://127.0.0.1:9092,INNER://[::1]:9092", []Listener{
			{Name: "PLAINTEXT", Host: "127.0.0.1", Port: 9092}, {Name: "INNER", Host: "::1", Port: 9092},
		}},
		{"PLAINTEXT://:0,INNER://:0", []Listener{{Name: "PLAINTEXT"}, {Name: "INNER"}}},
		{"PLAINTEXT://::1:9092", []Listener{{Name: "PLAINTEXT", Host: "::1", Port: 9092}}},
	} {
		got, err := ParseListeners(splitList(c.in), standardProtocols, true)
		if err != nil || !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, %v", c.in, got, err)
		}
	}
	for in, want := range map[string]string{
		"PLAINTEXT//:9092":                                        "Unable to parse PLAINTEXT//:9092 to a broker endpoint",
		"PLAINTEXT://host":                                        "Unable to parse",
		"PLAINTEXT://ho st:1":                                     "Unable to parse",
		"PLAINTEXT://:-1":                                         "between 0 and 65535",
		"PLAINTEXT://:65536":                                      "between 0 and 65535",
		"PLAINTEXT://:99999999999":                                "between 0 and 65535",
		"OTHER://:1":                                              "No security protocol defined for listener OTHER",
		"PLAINTEXT://:1,plaintext://:2":                           "Each listener must have a different name",
		"PLAINTEXT://a:1,INNER://b:1":                             "Each listener must have a different port",
		"PLAINTEXT://:1,INNER://127.0.0.1:1":                      "Each listener must have a different port",
		"PLAINTEXT://127.0.0.1:1,INNER://1.1.1.1:1":               "one needs to be IPv4 and the other IPv6",
		"PLAINTEXT://127.0.0.1:1,INNER://1.1.1.1:1,SSL://[::1]:1": "exactly one listener has an IPv4",
		"PLAINTEXT://127.0.0.1:1,INNER://[::1]:1,SSL://:1":        "one needs to be IPv4 and the other IPv6",
	} {
		if _, err := ParseListeners(splitList(in), standardProtocols, true); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", in, err, want)
		}
	}
	if _, err := ParseListeners(splitList("PLAINTEXT://a:1,INNER://b:1"), standardProtocols, false); err != nil {
		t.Errorf("advertised listeners may share a port: %v", err)
	}
}

func TestListenersOnAllInterfaces(t *testing.T) {
	s, _, err := Load(Sources{Hostname: host, Overrides: []string{"listeners=PLAINTEXT://:9092,CONTROLLER://0.0.0.0:9093"}})
	if err != nil {
		t.Fatal(err)
	}
	l, c := s.Broker.AdvertisedListeners[0], s.Broker.AdvertisedControllerListeners[0]
	if l.Address() != "box:9092" || !l.Derived || c.Address() != "box:9093" {
		t.Errorf("advertised %v, %v", l, c)
	}
	for local, want := range map[string]string{"127.0.0.1": "localhost", "::1": "localhost", "::ffff:127.0.0.1": "localhost", "10.0.0.1": "box"} {
		if got := l.HostFor(netip.MustParseAddr(local)); got != want {
			t.Errorf("a client at %s is told %s, want %s", local, got, want)
		}
	}
	// What was configured is told to everybody.
	l.Derived = false
	if got := l.HostFor(netip.MustParseAddr("127.0.0.1")); got != "box" {
		t.Errorf("told %s", got)
	}
	// A dynamic change keeps what was found out.
	b := ResolveBroker(s, nil, map[string]string{"listeners": "PLAINTEXT://:9099,CONTROLLER://0.0.0.0:9093"})
	if got := b.AdvertisedListeners[0].Address(); got != "box:9099" {
		t.Errorf("after a change: %s", got)
	}
}

func TestControllerProtocols(t *testing.T) {
	load := func(lines string) (*Static, error) {
		s, _, err := Load(Sources{File: "f", Hostname: host, ReadFile: files(map[string]string{"f": combined + lines})})
		return s, err
	}
	s, err := load("")
	if err != nil || s.Broker.ListenerProtocols["CONTROLLER"] != Plaintext {
		t.Errorf("plaintext is the default of controllers: %v", err)
	}
	if _, err = load("listeners=SSL://:9092,CONTROLLER://:9093\nsecurity.inter.broker.protocol=SSL"); err == nil {
		t.Error("with TLS anywhere the controller's protocol must be said")
	}
}

func FuzzParseListeners(f *testing.F) {
	f.Add("PLAINTEXT://:9092,SSL://[::1]:9093")
	f.Add("x://,://:,")
	f.Fuzz(func(t *testing.T, text string) {
		listeners, err := ParseListeners(splitList(text), standardProtocols, true)
		if err != nil {
			return
		}
		again := make([]string, len(listeners))
		for i, l := range listeners {
			again[i] = l.String()
		}
		back, err := ParseListeners(again, standardProtocols, true)
		if err != nil || !slices.Equal(listeners, back) {
			t.Errorf("%q became %v, then %v (%v)", text, listeners, back, err)
		}
	})
}

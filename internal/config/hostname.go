package config

import (
	"context"
	"net"
	"os"
	"time"
)

// lookupTimeout bounds the wait for a name service that does not answer.
const lookupTimeout = 2 * time.Second

// Hostname gives the name by which other machines reach this one: the host's
// name where it has an address, else the first address that is not loopback,
// else "localhost".
//
// Differs from Kafka: it takes what reverse lookup makes of the host's name,
// which may be a name that no client can look up, and takes long where the
// name service does not answer. Nothing is looked up here that /etc/hosts or
// the host's own name service does not know.
func Hostname() string {
	if name, err := os.Hostname(); err == nil && name != "" {
		ctx, cancel := context.WithTimeout(context.Background(), lookupTimeout)
		defer cancel()
		if addresses, err := net.DefaultResolver.LookupHost(ctx, name); err == nil && len(addresses) > 0 {
			return name
		}
	}
	if addresses, err := net.InterfaceAddrs(); err == nil {
		for _, a := range addresses {
			if ip, ok := a.(*net.IPNet); ok && ip.IP.IsGlobalUnicast() {
				return ip.IP.String()
			}
		}
	}
	return "localhost"
}

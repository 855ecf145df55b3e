package broker

import (
	"context"
	"net"
	"strconv"
	"time"

	"moldau.dev/moldau/internal/config"
)

// advertisedTimeout bounds the attempt to reach an advertised address.
const advertisedTimeout = 3 * time.Second

// checkAdvertised connects to every address that clients are told, since a wrong
// advertised.listeners is the commonest mistake of all, and clients show it as
// nothing but a timeout. What cannot be reached from here is explained in the log;
// it is no error, because clients may be on another network.
func (n *Node) checkAdvertised(_ context.Context, static *config.Static) error {
	if n.cfg.Listen != nil {
		return nil // Nobody but its owner knows how to connect to it.
	}
	n.run("check of advertised.listeners", func(ctx context.Context) error {
		for _, l := range static.Broker.AdvertisedListeners {
			address := net.JoinHostPort(l.Host, strconv.Itoa(n.port(l)))
			dialer := net.Dialer{Timeout: advertisedTimeout}
			conn, err := dialer.DialContext(ctx, "tcp", address)
			if err == nil {
				_ = conn.Close() // Nothing was sent.
				continue
			}
			if ctx.Err() != nil {
				return nil
			}
			n.logger.Warn("Clients are told to connect to an address that this machine cannot reach: they find the broker and then time out",
				"listener", l.Name, "advertised", address, "error", err,
				"cure", "set advertised.listeners to a host and port that clients can reach, for example "+l.Name+"://localhost:"+strconv.Itoa(n.port(l))+" if they all run on this machine")
		}
		return nil
	})
	return nil
}

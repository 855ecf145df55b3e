package cli

import (
	"fmt"
	"net"
	"os"
)

// notify tells the service manager that started this process of its state, as
// sd_notify(3) does: READY=1 when the node serves, STOPPING=1 when it goes. It
// does nothing where no service manager wants to know (NOTIFY_SOCKET is unset).
func notify(state string) error {
	address := os.Getenv("NOTIFY_SOCKET")
	if address == "" {
		return nil
	}
	conn, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: address, Net: "unixgram"})
	if err != nil {
		return fmt.Errorf("tell the service manager %s: %w", state, err)
	}
	defer conn.Close() //nolint:errcheck // A datagram is sent or not by now.
	if _, err := conn.Write([]byte(state)); err != nil {
		return fmt.Errorf("tell the service manager %s: %w", state, err)
	}
	return nil
}

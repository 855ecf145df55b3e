package moldau

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
)

// FreeAddresses gives addresses of the loopback interface that nobody listens on,
// below the ports that the system gives to outgoing connections: nobody takes them
// while a process restarts.
func FreeAddresses(count int) ([]string, error) {
	var found []string
	for range 1000 {
		addr := fmt.Sprintf("127.0.0.1:%d", 20_000+rand.IntN(10_000)) //nolint:gosec // No secret.
		l, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", addr)
		if err != nil {
			continue
		}
		defer func() { _ = l.Close() }()
		if found = append(found, addr); len(found) == count {
			return found, nil
		}
	}
	return nil, fmt.Errorf("there are no %d free ports", count)
}

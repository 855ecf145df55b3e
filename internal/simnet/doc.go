// Package simnet is a network in memory: hosts with names, listeners and
// connections that behave like TCP's, without a socket.
//
// Network is the network, Host one machine on it, by which connections are
// opened and accepted. Conn carries bytes through two bounded streams, one in
// each direction. A connection ends as with TCP: Close lets the peer read what was
// sent and then io.EOF, unless bytes were left unread, and that, as well as Reset,
// gives the peer ECONNRESET. Bytes may take time (SetLatency), and hosts may be cut
// off from each other (Cut, Heal): what is sent meanwhile waits, as it does where
// TCP sends it again, and nobody is told.
//
// What always holds: bytes arrive in order, once, or not at all; no buffer grows
// beyond its bound, a full one blocks the writer; the package has no goroutine; who
// waits is blocked durably in the sense of testing/synctest, so that brokers and
// clients on a network that was made in a bubble live in the bubble's time.
//
// It does not simulate packets, congestion or a half-closed peer's timeouts, and
// decides nothing by chance.
package simnet

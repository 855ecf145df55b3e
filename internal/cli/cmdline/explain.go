package cmdline

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"syscall"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// Explain turns an error of a client of this connection into one that names the
// address, the cause and a cure. Errors it has nothing to add to stay as they
// are, nil too.
func (c *Connection) Explain(err error) error {
	if err == nil || errors.Is(err, context.Canceled) || errors.Is(err, ErrReported) {
		return err
	}
	var readable kafkaError
	if _, ok := Hint(err); ok || errors.As(err, &readable) {
		return err
	}
	if e := c.explainCertificate(err); e != nil {
		return e
	}
	if e := c.explainDial(err); e != nil {
		return e
	}
	if e := c.explainStream(err); e != nil {
		return e
	}
	return KafkaError(err, "")
}

// explainDial explains that no connection came about.
func (c *Connection) explainDial(err error) error {
	var op *net.OpError
	var record tls.RecordHeaderError
	dialing := errors.As(err, &op) && op.Op == "dial"
	if !dialing && !errors.As(err, &record) {
		return nil
	}
	failed := c.dials.failed()
	var seeds []string
	if c.resolved != nil {
		seeds = c.resolved.seeds
	}
	var lines []string
	advertised := true
	for _, address := range sortedKeys(failed) {
		lines = append(lines, fmt.Sprintf("%s: %s", address, dialCause(failed[address])))
		if isSeed(seeds, address) {
			advertised = false
		}
	}
	if len(lines) == 0 {
		lines, advertised = []string{dialCause(err)}, false
	}
	sep := " "
	if len(lines) > 1 {
		sep = "\n"
	}
	e := fmt.Errorf("cannot reach%s%s", sep, strings.Join(lines, "\n"))
	if advertised {
		return WithHint(e, "%s answered and gave this address for the broker itself: it is what advertised.listeners of that broker says.\n"+
			"Make the name resolve and the port reachable from here, or advertise another address", strings.Join(seeds, ","))
	}
	return WithHint(e, "is a broker running there? 'moldau start' runs one; -b host:port or $%s names another", BrokersVariable)
}

// address is where the person sent the command.
func (c *Connection) address() string {
	if c.resolved == nil {
		return "the cluster"
	}
	return strings.Join(c.resolved.seeds, ",")
}

// explainCertificate explains that the broker's certificate does not do.
func (c *Connection) explainCertificate(err error) error {
	var authority x509.UnknownAuthorityError
	var name x509.HostnameError
	switch {
	case errors.As(err, &authority):
		return WithHint(fmt.Errorf("%s: nobody this machine trusts has signed the broker's certificate: %w", c.address(), authority),
			"name the authority's certificate, as PEM: -X ssl.truststore.type=PEM -X ssl.truststore.location=ca.pem")
	case errors.As(err, &name):
		return WithHint(fmt.Errorf("%s: the broker's certificate is for another name: %w", c.address(), name),
			"name the broker as its certificate does, or take any name: -X ssl.endpoint.identification.algorithm=")
	default:
		return nil
	}
}

// isSeed tells whether an address was given by the person; the port may have
// been left out.
func isSeed(seeds []string, address string) bool {
	host, port, err := net.SplitHostPort(address)
	return slices.Contains(seeds, address) || err == nil && port == "9092" && slices.Contains(seeds, host)
}

// dialCause says in few words why there is no connection.
func dialCause(err error) string {
	var dns *net.DNSError
	var errno syscall.Errno
	var timeout interface{ Timeout() bool }
	var record tls.RecordHeaderError
	switch {
	case errors.As(err, &dns) && dns.IsNotFound:
		return "no such host"
	case errors.As(err, &record):
		return "this is no TLS endpoint (security.protocol says that it is)"
	case errors.As(err, &errno):
		return errno.Error()
	case errors.As(err, &timeout) && timeout.Timeout():
		return "no answer to the attempt to connect"
	default:
		return err.Error()
	}
}

// explainStream explains a connection that came about and then broke.
func (c *Connection) explainStream(err error) error {
	var eof *kgo.ErrFirstReadEOF
	var op *net.OpError
	address, text := c.address(), err.Error()
	const closed = "it may want TLS or SASL where this connection has none, or the other way around (-X security.protocol=...),\n" +
		"be stopping, or be no Kafka broker at all; the broker's log says why"
	switch {
	case strings.Contains(text, "appear to be a tls alert record"):
		return WithHint(fmt.Errorf("%s speaks TLS, and this connection is plain text", address), "add -X security.protocol=SSL (or SASL_SSL)")
	case strings.Contains(text, "response size 1213486160"): // "HTTP"
		return WithHint(fmt.Errorf("%s speaks HTTP, not Kafka's protocol", address), "name the port of a Kafka listener with -b")
	case errors.As(err, &eof):
		return WithHint(fmt.Errorf("%s closed the connection at the first request", address), closed)
	case errors.As(err, &op) && op.Op == "read" && op.Timeout():
		return WithHint(fmt.Errorf("%s took the connection and gave no answer in time", address),
			"it may want TLS (-X security.protocol=SSL), be overloaded, or be no Kafka broker at all; -X request.timeout.ms waits longer")
	case errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET):
		return WithHint(fmt.Errorf("%s closed the connection: %w", address, err), closed)
	case errors.Is(err, context.DeadlineExceeded):
		return WithHint(fmt.Errorf("%s gave no answer in time", address), "-X request.timeout.ms and -X default.api.timeout.ms wait longer; -v tells what the client tries")
	case strings.Contains(text, "broker is too old") || errors.Is(err, kerr.UnsupportedVersion):
		return WithHint(fmt.Errorf("the cluster does not have this request: %w", err), "'moldau cluster api-versions' shows what it has")
	default:
		return nil
	}
}

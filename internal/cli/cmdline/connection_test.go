package cmdline

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"io"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kerr"
)

// connect parses flags as a command does and gives its Connection.
func connect(t *testing.T, args ...string) *Connection {
	t.Helper()
	env := testEnv(new(bytes.Buffer))
	cmd := &cobra.Command{Use: "test", Run: func(*cobra.Command, []string) {}}
	c := NewConnection(env, cmd)
	if err := cmd.ParseFlags(args); err != nil {
		t.Fatal(err)
	}
	return c
}

// testEnv is an Env without a terminal and without variables, whose clock stands.
func testEnv(out io.Writer) *Env {
	return &Env{
		In: strings.NewReader(""), Out: out, Err: io.Discard, Getenv: func(string) string { return "" },
		Now: func() time.Time { return time.Date(2026, 1, 31, 18, 0, 0, 0, time.UTC) }, color: colorAuto,
	}
}

// serve answers every connection with serve until the test ends.
func serve(t *testing.T, listener net.Listener, err error, serve func(net.Conn)) (address string) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			serve(conn)
			_ = conn.Close()
		}
	}()
	t.Cleanup(func() {
		_ = listener.Close()
		<-done
	})
	return listener.Addr().String()
}

// certificate makes a key and a certificate for 127.0.0.1, as PEM.
func certificate(t *testing.T) (key, cert []byte) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "broker"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
		DNSNames: []string{"broker.example"}, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	encoded, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: encoded}), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}

// tlsListener listens with TLS; its certificate is in the file.
func tlsListener(t *testing.T) (listener net.Listener, file string, err error) {
	t.Helper()
	key, cert := certificate(t)
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		t.Fatal(err)
	}
	file = filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(file, cert, 0o600); err != nil {
		t.Fatal(err)
	}
	listener, err = tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12})
	return listener, file, err
}

// drain reads what comes until the client gives up.
func drain(conn net.Conn) { _, _ = io.Copy(io.Discard, conn) }

// read reads something.
func read(conn net.Conn) { _, _ = conn.Read(make([]byte, 1024)) }

func TestErrorsNameCauseAndCure(t *testing.T) {
	plain := func(f func(net.Conn)) string {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		return serve(t, listener, err, f)
	}
	listener, _, err := tlsListener(t)
	encrypted := serve(t, listener, err, read)
	// What an SSL engine answers to what is no handshake.
	alerting := plain(func(conn net.Conn) {
		read(conn)
		_, _ = conn.Write([]byte{21, 3, 3, 0, 2, 2, 10})
		drain(conn)
	})
	closing := plain(func(net.Conn) {})
	web := plain(func(conn net.Conn) {
		read(conn)
		_, _ = io.WriteString(conn, "HTTP/1.1 400 Bad Request\r\n\r\n")
		drain(conn) // To close with bytes unread would reset what was written.
	})
	silent := plain(drain)
	for _, test := range []struct {
		name, address string
		flags         []string
		want, hint    string
	}{
		{"refused", "127.0.0.1:1", nil, "cannot reach 127.0.0.1:1: connection refused", "'moldau start' runs one"},
		{"TLS there, silent about it", encrypted, nil, "closed the connection", "TLS or SASL"},
		{"TLS there", alerting, nil, " speaks TLS, and this connection is plain text", "security.protocol=SSL"},
		{"HTTP there", web, nil, " speaks HTTP, not Kafka's protocol", "port of a Kafka listener"},
		{"nobody trusted", encrypted, []string{"-X", "security.protocol=SSL"}, "nobody this machine trusts", "ssl.truststore.location"},
		{"no TLS there", web, []string{"-X", "security.protocol=SSL"}, "no TLS endpoint", ""},
		{"closed at once", closing, nil, "closed the connection", "TLS or SASL"},
		{"silent", silent, []string{"-X", "request.timeout.ms=100"}, "gave no answer in time", "request.timeout.ms"},
	} {
		t.Run(test.name, func(t *testing.T) {
			client, err := connect(t, append(test.flags, "-b", test.address)...).Client(t.Context())
			if err == nil {
				client.Close()
				t.Fatal("no error")
			}
			hint, _ := Hint(err)
			if !strings.Contains(err.Error(), test.want) || !strings.Contains(hint, test.hint) {
				t.Errorf("got %q\nhint %q\nwant %q\nhint %q", err, hint, test.want, test.hint)
			}
			if ExitCode(err) != ExitFailure {
				t.Errorf("exit code %d", ExitCode(err))
			}
		})
	}
}

func TestDialCauses(t *testing.T) {
	dial := func(err error) error { return &net.OpError{Op: "dial", Err: err} }
	for want, err := range map[string]error{
		"no such host":                        dial(&net.DNSError{Err: "no such host", Name: "kafka", IsNotFound: true}),
		"connection refused":                  dial(os.NewSyscallError("connect", syscall.ECONNREFUSED)),
		"no answer to the attempt to connect": dial(os.ErrDeadlineExceeded),
		"dial: something else":                dial(errors.New("something else")),
	} {
		if got := dialCause(err); got != want {
			t.Errorf("%v: got %q, want %q", err, got, want)
		}
	}
}

func TestAddressesThatBrokersAdvertise(t *testing.T) {
	c := connect(t, "-b", "cluster.example:9092")
	if _, err := c.Options(); err != nil {
		t.Fatal(err)
	}
	refused := &net.OpError{Op: "dial", Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}
	c.dials.note("cluster.example:9092", nil)
	c.dials.note("kafka:29092", refused)
	err := c.Explain(refused)
	hint, _ := Hint(err)
	if err.Error() != "cannot reach kafka:29092: connection refused" || !strings.Contains(hint, "cluster.example:9092 answered") || !strings.Contains(hint, "advertised.listeners") {
		t.Errorf("got %q, hint %q", err, hint)
	}
}

func TestTLSIsSpoken(t *testing.T) {
	listener, file, err := tlsListener(t)
	heard := make(chan int, 16)
	address := serve(t, listener, err, func(conn net.Conn) {
		n, err := conn.Read(make([]byte, 1024))
		if err != nil {
			n = 0
		}
		heard <- n
	})
	for name, flags := range map[string][]string{
		"the right name":         {"-b", address},
		"any name":               {"-b", strings.Replace(address, "127.0.0.1", "localhost", 1), "-X", "ssl.endpoint.identification.algorithm="},
		"the certificate inline": {"-b", address},
	} {
		t.Run(name, func(t *testing.T) {
			trust := "ssl.truststore.location=" + file
			if strings.HasSuffix(name, "inline") {
				text, err := os.ReadFile(file)
				if err != nil {
					t.Fatal(err)
				}
				trust = "ssl.truststore.certificates=" + string(text)
			}
			client, err := connect(t, append(flags, "-X", "security.protocol=SSL", "-X", "ssl.truststore.type=PEM", "-X", trust)...).Client(t.Context())
			if err == nil {
				client.Close()
				t.Fatal("there is no broker, but no error")
			}
			if n := <-heard; n == 0 {
				t.Errorf("no request came through: %v", err)
			}
		})
	}
	_, err = connect(t, "-b", strings.Replace(address, "127.0.0.1", "localhost", 1), "-X", "security.protocol=SSL", "-X", "ssl.truststore.location="+file).Client(t.Context())
	if err == nil || !strings.Contains(err.Error(), "is for another name") {
		t.Errorf("a certificate for another name: %v", err)
	}
}

func TestProperties(t *testing.T) {
	for _, test := range []struct {
		name  string
		flags []string
		want  string
	}{
		{"no user", []string{"-X", "security.protocol=SASL_SSL", "-X", "sasl.mechanism=PLAIN"}, "sasl.jaas.config names no user"},
		{"a mechanism that is not there", []string{"-X", "security.protocol=SASL_SSL", "-X", "sasl.mechanism=GSSAPI", "-X", `sasl.jaas.config=x required username="u" password="p";`}, "sasl.mechanism=GSSAPI: want PLAIN"},
		{"SASL without its protocol", []string{"-X", "sasl.mechanism=PLAIN"}, "does not use SASL"},
		{"TLS without its protocol", []string{"-X", "ssl.truststore.location=x"}, "does not use TLS"},
		{"JKS", []string{"-X", "security.protocol=SSL", "-X", "ssl.truststore.type=JKS"}, "ssl.truststore.type=JKS is not supported"},
		{"a protocol that is not there", []string{"-X", "security.protocol=TLS"}, "want PLAINTEXT, SSL"},
		{"no file", []string{"-X", "security.protocol=SSL", "-X", "ssl.truststore.location=/nonexistent"}, "no such file"},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := connect(t, test.flags...).Options()
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %q", err, test.want)
			}
			if ExitCode(err) != ExitUsage {
				t.Errorf("exit code %d", ExitCode(err))
			}
		})
	}
	c := connect(t, "-X", "security.protocol=sasl_plaintext", "-X", "sasl.mechanism=SCRAM-SHA-512",
		"-X", `sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required username="u" password="a\"b;";`)
	if _, err := c.Options(); err != nil {
		t.Fatal(err)
	}
	if got := c.resolved.security.credentials.Name(); got != "SCRAM-SHA-512" {
		t.Errorf("mechanism %s", got)
	}
}

func TestBrokersComeFromFlagsPropertiesAndEnvironment(t *testing.T) {
	for _, test := range []struct {
		variable string
		flags    []string
		want     string
	}{
		{"", nil, "localhost:9092"},
		{"a:1, b:2", nil, "a:1,b:2"},
		{"a:1", []string{"-X", "bootstrap.servers=c:3, d:4"}, "c:3,d:4"},
		{"a:1", []string{"-X", "bootstrap.servers=c:3", "-b", "e:5,f:6", "-b", "g:7"}, "e:5,f:6,g:7"},
	} {
		c := connect(t, test.flags...)
		c.env.Getenv = func(name string) string {
			if name == BrokersVariable {
				return test.variable
			}
			return ""
		}
		got, err := c.Brokers()
		if err != nil || strings.Join(got, ",") != test.want {
			t.Errorf("%+v: got %v, %v", test, got, err)
		}
	}
}

func TestKafkaErrorsAreReadable(t *testing.T) {
	for _, test := range []struct {
		err        error
		message    string
		want, hint string
	}{
		{kerr.TopicAlreadyExists, "Topic 'x' already exists.", "Topic 'x' already exists. (TOPIC_ALREADY_EXISTS)", "--if-not-exists"},
		{kerr.UnknownTopicOrPartition, "", "there is no such topic or partition (UNKNOWN_TOPIC_OR_PARTITION)", "topics list"},
		{errors.Join(kerr.GroupIDNotFound), "", "there is no such group (GROUP_ID_NOT_FOUND)", "groups list"},
		{kerr.InvalidPartitions, "", "(INVALID_PARTITIONS)", ""},
		{syscall.EPIPE, "", "broken pipe", ""},
	} {
		got := KafkaError(test.err, test.message)
		hint, _ := Hint(got)
		if !strings.Contains(got.Error(), test.want) || !strings.Contains(hint, test.hint) {
			t.Errorf("%v: got %q, hint %q", test.err, got, hint)
		}
		if !errors.Is(got, test.err) {
			t.Errorf("%v is lost in %v", test.err, got)
		}
	}
	if KafkaError(nil, "x") != nil {
		t.Error("nil became an error")
	}
}

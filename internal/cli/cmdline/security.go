package cmdline

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl"
	"github.com/twmb/franz-go/pkg/sasl/plain"
	"github.com/twmb/franz-go/pkg/sasl/scram"
)

// security is what the properties security.*, ssl.* and sasl.* say.
type security struct {
	protocol string
	// Stores, as PEM: the file and the text of which one is given.
	trustType, trustFile, trustText      string
	keyType, keyFile, keyText, chainText string
	anyName                              bool // No check of the broker's name.
	mechanism, jaas                      string
	credentials                          sasl.Mechanism
}

// securityProperties are those about TLS and SASL.
func securityProperties() []Property {
	text := func(field func(*security) *string) func(*settings, string) error {
		return func(s *settings, value string) error {
			*field(&s.security) = value
			return nil
		}
	}
	return []Property{
		{Name: "security.protocol", Doc: "PLAINTEXT (default), SSL, SASL_PLAINTEXT or SASL_SSL", set: func(s *settings, value string) error {
			s.security.protocol = strings.ToUpper(value)
			if !slices.Contains([]string{"PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"}, s.security.protocol) {
				return errors.New("want PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL")
			}
			return nil
		}},
		{Name: "ssl.truststore.type", Doc: "PEM", set: text(func(s *security) *string { return &s.trustType })},
		{Name: "ssl.truststore.location", Doc: "PEM file with the certificates to trust (default those of this machine)", set: text(func(s *security) *string { return &s.trustFile })},
		{Name: "ssl.truststore.certificates", Doc: "the certificates to trust, as PEM", set: text(func(s *security) *string { return &s.trustText })},
		{Name: "ssl.keystore.type", Doc: "PEM", set: text(func(s *security) *string { return &s.keyType })},
		{Name: "ssl.keystore.location", Doc: "PEM file with this client's key and certificate", set: text(func(s *security) *string { return &s.keyFile })},
		{Name: "ssl.keystore.key", Doc: "this client's key, as PEM", set: text(func(s *security) *string { return &s.keyText })},
		{Name: "ssl.keystore.certificate.chain", Doc: "this client's certificate, as PEM", set: text(func(s *security) *string { return &s.chainText })},
		{Name: "ssl.endpoint.identification.algorithm", Doc: "https (default), or empty to take a certificate for any name", set: func(s *settings, value string) error {
			if value != "" && !strings.EqualFold(value, "https") {
				return errors.New("want https, or nothing")
			}
			s.security.anyName = value == ""
			return nil
		}},
		{Name: "sasl.mechanism", Doc: "PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512", set: text(func(s *security) *string { return &s.mechanism })},
		{Name: "sasl.jaas.config", Doc: `... required username="..." password="...";`, set: text(func(s *security) *string { return &s.jaas })},
	}
}

// resolve makes of the properties what a connection needs.
func (p *security) resolve(s *settings) error {
	if strings.HasSuffix(p.protocol, "SSL") {
		var err error
		if s.tls, err = p.tlsConfig(); err != nil {
			return err
		}
	} else if p.trustFile+p.trustText+p.keyFile+p.keyText != "" {
		return WithHint(errors.New("there are properties ssl.*, but security.protocol does not use TLS"), "add -X security.protocol=SSL (or SASL_SSL)")
	}
	if strings.HasPrefix(p.protocol, "SASL") {
		return p.readCredentials()
	}
	if p.mechanism+p.jaas != "" {
		return WithHint(errors.New("there are properties sasl.*, but security.protocol does not use SASL"), "add -X security.protocol=SASL_SSL (or SASL_PLAINTEXT)")
	}
	return nil
}

func (p *security) tlsConfig() (*tls.Config, error) {
	for name, kind := range map[string]string{"ssl.truststore.type": p.trustType, "ssl.keystore.type": p.keyType} {
		if kind != "" && !strings.EqualFold(kind, "PEM") {
			return nil, WithHint(fmt.Errorf("%s=%s is not supported: want PEM", name, kind),
				"'keytool -importkeystore' makes PKCS12 of JKS, and 'openssl pkcs12 -nodes -in store.p12' PEM of that")
		}
	}
	c := &tls.Config{MinVersion: tls.VersionTLS12}
	trusted, err := pemText(p.trustFile, p.trustText)
	if err != nil {
		return nil, fmt.Errorf("ssl.truststore: %w", err)
	}
	if len(trusted) > 0 {
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM(trusted) {
			return nil, errors.New("ssl.truststore holds no certificate as PEM")
		}
	}
	own, err := pemText(p.keyFile, p.keyText+"\n"+p.chainText)
	if err != nil {
		return nil, fmt.Errorf("ssl.keystore: %w", err)
	}
	if len(strings.TrimSpace(string(own))) > 0 {
		pair, err := tls.X509KeyPair(own, own)
		if err != nil {
			return nil, fmt.Errorf("ssl.keystore: %w", err)
		}
		c.Certificates = []tls.Certificate{pair}
	}
	if p.anyName {
		checkOnlyChain(c)
	}
	return c, nil
}

// checkOnlyChain has a certificate verified, but not the name in it: what an empty
// ssl.endpoint.identification.algorithm asks for.
func checkOnlyChain(c *tls.Config) {
	c.InsecureSkipVerify = true // VerifyConnection does it instead.
	c.VerifyConnection = func(state tls.ConnectionState) error {
		opts := x509.VerifyOptions{Roots: c.RootCAs, Intermediates: x509.NewCertPool()}
		for _, cert := range state.PeerCertificates[1:] {
			opts.Intermediates.AddCert(cert)
		}
		_, err := state.PeerCertificates[0].Verify(opts)
		return err
	}
}

func pemText(file, text string) ([]byte, error) {
	if file == "" {
		return []byte(text), nil
	}
	return os.ReadFile(file)
}

// jaasOption finds username="..." and password="..." in a line for JAAS.
var jaasOption = regexp.MustCompile(`\b(username|password)\s*=\s*"((?:[^"\\]|\\.)*)"`)

func (p *security) readCredentials() error {
	var user, password string
	for _, m := range jaasOption.FindAllStringSubmatch(p.jaas, -1) {
		value := regexp.MustCompile(`\\(.)`).ReplaceAllString(m[2], "$1")
		if m[1] == "username" {
			user = value
		} else {
			password = value
		}
	}
	if user == "" {
		return WithHint(errors.New("sasl.jaas.config names no user"), `it has the form of Kafka's clients: org.apache.kafka.common.security.scram.ScramLoginModule required username="u" password="p";`)
	}
	switch p.mechanism {
	case "PLAIN":
		p.credentials = plain.Auth{User: user, Pass: password}.AsMechanism()
	case "SCRAM-SHA-256":
		p.credentials = scram.Auth{User: user, Pass: password}.AsSha256Mechanism()
	case "SCRAM-SHA-512":
		p.credentials = scram.Auth{User: user, Pass: password}.AsSha512Mechanism()
	default:
		return fmt.Errorf("sasl.mechanism=%s: want PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512", p.mechanism)
	}
	return nil
}

func (p *security) options() []kgo.Opt {
	if p.credentials == nil {
		return nil
	}
	return []kgo.Opt{kgo.SASL(p.credentials)}
}

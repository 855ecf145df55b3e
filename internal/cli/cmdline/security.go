package cmdline

import (
	"fmt"
	"strings"

	"github.com/twmb/franz-go/pkg/kgo"
)

// security is what the properties security.*, ssl.* and sasl.* say.
type security struct{ protocol string }

// securityProperties are those about TLS and SASL.
func securityProperties() []Property {
	return []Property{
		{Name: "security.protocol", Doc: "PLAINTEXT", set: func(s *settings, value string) error {
			s.security.protocol = strings.ToUpper(value)
			return nil
		}},
	}
}

func (p *security) resolve(*settings) error {
	if p.protocol != "" && p.protocol != "PLAINTEXT" {
		return fmt.Errorf("security.protocol=%s: want PLAINTEXT", p.protocol)
	}
	return nil
}

func (p *security) options() []kgo.Opt { return nil }

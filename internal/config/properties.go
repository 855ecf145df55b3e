package config

import (
	"fmt"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// property is one entry of a properties file with the line it starts on.
type property struct {
	Name, Value string
	Line        int
}

// parseProperties reads a Java properties file: ISO 8859-1 text, entries split
// by "=", ":" or white space, lines that start with # or ! left out, a
// backslash at the end of a line joining the next, and \t \n \r \f \uXXXX in
// names and values. A "${...}" stays as it is: that is for config providers.
//
// Later entries of a name follow earlier ones, the caller decides.
func parseProperties(text []byte) ([]property, error) {
	var out []property
	s := lineScanner{text: text}
	for s.next() {
		name, value := splitProperty(s.line)
		n, err := unescape(name)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", s.start, err)
		}
		v, err := unescape(value)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", s.start, err)
		}
		out = append(out, property{Name: n, Value: v, Line: s.start})
	}
	return out, nil
}

// ReadProperties reads a Java properties file of any content: the last value of
// each name.
func ReadProperties(text []byte) (map[string]string, error) {
	entries, err := parseProperties(text)
	if err != nil {
		return nil, err
	}
	values := make(map[string]string, len(entries))
	for _, p := range entries {
		values[p.Name] = p.Value
	}
	return values, nil
}

// lineScanner gives logical lines: without comments and blank lines, with
// continuations joined and the white space before each of them removed.
type lineScanner struct {
	text   []byte
	pos    int
	number int // Natural lines read.

	line  []byte
	start int // Natural line at which line starts, from 1.
}

func (s *lineScanner) next() bool {
	s.line = nil
	lone := false // The last line read was a backslash and nothing else.
	for s.pos < len(s.text) {
		natural := trimBlank(s.natural())
		if len(s.line) == 0 {
			lone = false
			if len(natural) == 0 || natural[0] == '#' || natural[0] == '!' {
				continue
			}
			s.start = s.number
		}
		continued := trailingBackslashes(natural)%2 == 1
		if continued {
			natural = natural[:len(natural)-1]
		}
		s.line = append(s.line, natural...)
		if !continued && len(s.line) > 0 {
			return true
		}
		// After a lone backslash Java goes on as if nothing had been read, but
		// at the end of the file it makes an entry without name of it.
		lone = continued && len(s.line) == 0
	}
	return len(s.line) > 0 || lone
}

// natural gives the bytes up to the next line end, which may be \n, \r or both.
func (s *lineScanner) natural() []byte {
	s.number++
	rest := s.text[s.pos:]
	for i, c := range rest {
		switch c {
		case '\r':
			s.pos += i + 1
			if i+1 < len(rest) && rest[i+1] == '\n' {
				s.pos++
			}
			return rest[:i]
		case '\n':
			s.pos += i + 1
			return rest[:i]
		}
	}
	s.pos = len(s.text)
	return rest
}

func blank(c byte) bool { return c == ' ' || c == '\t' || c == '\f' }

func trimBlank(b []byte) []byte {
	for len(b) > 0 && blank(b[0]) {
		b = b[1:]
	}
	return b
}

func trailingBackslashes(b []byte) int {
	n := 0
	for n < len(b) && b[len(b)-1-n] == '\\' {
		n++
	}
	return n
}

// splitProperty cuts at the first "=", ":" or white space not escaped.
func splitProperty(line []byte) (name, value []byte) {
	end := len(line)
	for i := 0; i < len(line); i++ {
		c := line[i]
		if c == '\\' {
			i++
			continue
		}
		if c == '=' || c == ':' || blank(c) {
			end = i
			break
		}
	}
	value = trimBlank(line[end:])
	if len(value) > 0 && (value[0] == '=' || value[0] == ':') {
		value = trimBlank(value[1:])
	}
	return line[:end], value
}

// unescape resolves backslashes and turns ISO 8859-1 into a Go string.
func unescape(b []byte) (string, error) {
	var out strings.Builder
	var units []uint16 // \u escapes waiting, as surrogates come in pairs.
	flush := func() {
		for _, r := range utf16.Decode(units) {
			out.WriteRune(r)
		}
		units = units[:0]
	}
	for i := 0; i < len(b); i++ {
		c := b[i]
		if c == '\\' && i+1 < len(b) {
			i++
			switch c = b[i]; c {
			case 'u':
				unit, ok := hex4(b[i+1:])
				if !ok {
					return "", fmt.Errorf(`malformed \uxxxx encoding: write four hexadecimal digits after \u, or \\ for a backslash`)
				}
				i += 4
				units = append(units, unit)
				continue
			case 't':
				c = '\t'
			case 'r':
				c = '\r'
			case 'n':
				c = '\n'
			case 'f':
				c = '\f'
			}
		}
		flush()
		if c < utf8.RuneSelf {
			out.WriteByte(c)
		} else {
			out.WriteRune(rune(c))
		}
	}
	flush()
	return out.String(), nil
}

func hex4(b []byte) (uint16, bool) {
	if len(b) < 4 {
		return 0, false
	}
	var unit uint16
	for _, c := range b[:4] {
		switch {
		case c >= '0' && c <= '9':
			c -= '0'
		case c >= 'a' && c <= 'f':
			c -= 'a' - 10
		case c >= 'A' && c <= 'F':
			c -= 'A' - 10
		default:
			return 0, false
		}
		unit = unit<<4 | uint16(c)
	}
	return unit, true
}

package clitest

import (
	"bytes"
	"io"
	"regexp"
	"strings"
)

// masks find what differs from run to run. Of a match the digits of its first
// group become "#", of ids all that they are made of.
var masks = []*regexp.Regexp{
	regexp.MustCompile(`(?:localhost|127\.0\.0\.1|\[::1\]):([0-9]{4,5})\b`),
	regexp.MustCompile(`"port": ([0-9]{4,5})\b`),
	// A port that is a cell of a table.
	regexp.MustCompile(`(?:localhost|127\.0\.0\.1) +([0-9]{4,5})\b`),
	// Times of this century, the fixed ones of the scripts (2020) excepted.
	regexp.MustCompile(`\b(20(?:2[1-9]|[3-9][0-9])-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{3})?)Z`),
	// Kafka's UUIDs: 22 characters of base64. Whole words only, with a digit or
	// an upper case letter in them.
	regexp.MustCompile(`(?:^|[\s"])([A-Za-z0-9_-]*[A-Z0-9][A-Za-z0-9_-]*)(?:[\s"]|$)`),
	// The UUIDs in the ids of members.
	regexp.MustCompile(`([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})`),
}

// uuidMask is the place of the mask for Kafka's UUIDs, which match by length;
// those behind it are for other ids.
const (
	uuidMask   = 4
	uuidLength = 22
)

// Mask masks what differs from run to run.
func Mask(text []byte) []byte {
	for i, mask := range masks {
		at := 0
		for {
			match := mask.FindSubmatchIndex(text[at:])
			if match == nil {
				break
			}
			start, end := at+match[2], at+match[3]
			switch {
			case i != uuidMask:
				hide(text[start:end], i > uuidMask)
			case end-start == uuidLength:
				copy(text[start:end], strings.Repeat("#", uuidLength))
			}
			at = end
		}
	}
	return text
}

func hide(text []byte, letters bool) {
	for i, c := range text {
		if c >= '0' && c <= '9' || letters && (c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z') {
			text[i] = '#'
		}
	}
}

// masked masks what is written to a stream, line by line.
type masked struct {
	to   io.Writer
	rest []byte
}

func (m *masked) Write(p []byte) (int, error) {
	m.rest = append(m.rest, p...)
	end := bytes.LastIndexByte(m.rest, '\n') + 1
	if end == 0 {
		return len(p), nil
	}
	if _, err := m.to.Write(Mask(m.rest[:end])); err != nil {
		return 0, err
	}
	m.rest = append(m.rest[:0], m.rest[end:]...)
	return len(p), nil
}

// flush writes what has no end of line.
func (m *masked) flush() {
	_, _ = m.to.Write(Mask(m.rest))
	m.rest = nil
}

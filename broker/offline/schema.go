package offline

import (
	_ "embed"
	"fmt"
	"math"
	"strconv"
	"strings"
	"sync"
)

// coordinatorRecords describes the records of the cluster's own topics.
//
//go:embed coordinator_records.txt
var coordinatorRecords string

// versions is a range of versions, both ends included; none if max < min.
type versions struct{ min, max int16 }

func (v versions) has(version int16) bool { return version >= v.min && version <= v.max }

// schemaField is one field of a record.
type schemaField struct {
	name string
	// kind is a primitive type, or empty for a struct with fields.
	kind     string
	array    bool
	versions versions
	null     versions
	tag      int // -1 if it is not tagged.
	fields   []*schemaField
}

// message is the key or the value of a kind of record.
type message struct {
	name            string
	valid, flexible versions
	fields          []*schemaField
}

// recordType is a kind of record: its number is the version of its key.
type recordType struct{ key, value *message }

var loadSchema = sync.OnceValues(func() (map[string]map[int16]recordType, error) { return parseSchema(coordinatorRecords) })

// parseSchema reads the text of coordinator_records.txt.
func parseSchema(text string) (map[string]map[int16]recordType, error) {
	topics := map[string]map[int16]recordType{}
	var topic map[int16]recordType
	var open []*[]*schemaField // By depth.
	for number, line := range strings.Split(text, "\n") {
		words := strings.Fields(line)
		if len(words) == 0 || words[0] == "#" {
			continue
		}
		var err error
		switch depth := (len(line) - len(strings.TrimLeft(line, " "))) / 2; {
		case depth > 0 && depth <= len(open) && len(words) >= 3:
			var f *schemaField
			if f, err = parseField(words); err == nil {
				*open[depth-1] = append(*open[depth-1], f)
				open = append(open[:depth], &f.fields)
			}
		case words[0] == "topic" && len(words) == 2:
			topic = map[int16]recordType{}
			topics[words[1]] = topic
		case (words[0] == "key" || words[0] == "value") && len(words) == 5 && topic != nil:
			var m *message
			var kind int64
			if m, kind, err = parseMessage(words); err == nil {
				t := topic[int16(kind)]
				if words[0] == "key" {
					t.key = m
				} else {
					t.value = m
				}
				topic[int16(kind)] = t
				open = []*[]*schemaField{&m.fields}
			}
		default:
			err = fmt.Errorf("unexpected %q", line)
		}
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", number+1, err)
		}
	}
	return topics, nil
}

func parseMessage(words []string) (*message, int64, error) {
	kind, err := strconv.ParseInt(words[1], 10, 16)
	if err != nil {
		return nil, 0, err
	}
	m := &message{name: words[2]}
	if m.valid, err = parseVersions(words[3]); err != nil {
		return nil, 0, err
	}
	m.flexible, err = parseVersions(strings.TrimPrefix(words[4], "flexible="))
	return m, kind, err
}

func parseField(words []string) (*schemaField, error) {
	f := &schemaField{name: words[0], tag: -1, null: versions{max: -1}}
	var kind string
	if kind, f.array = strings.CutPrefix(words[1], "[]"); kind[0] >= 'a' && kind[0] <= 'z' {
		f.kind = kind
	}
	var err error
	if f.versions, err = parseVersions(words[2]); err != nil {
		return nil, err
	}
	for _, word := range words[3:] {
		name, value, _ := strings.Cut(word, "=")
		switch name {
		case "null":
			f.null, err = parseVersions(value)
		case "tag":
			f.tag, err = strconv.Atoi(value)
		default:
			err = fmt.Errorf("unexpected %q", word)
		}
		if err != nil {
			return nil, err
		}
	}
	return f, nil
}

// parseVersions reads n, n-m, n+ or none.
func parseVersions(s string) (versions, error) {
	if s == "none" {
		return versions{max: -1}, nil
	}
	low, high, ranged := strings.Cut(s, "-")
	low, open := strings.CutSuffix(low, "+")
	first, err := strconv.ParseInt(low, 10, 16)
	if err != nil {
		return versions{}, err
	}
	switch {
	case open:
		return versions{int16(first), math.MaxInt16}, nil
	case !ranged:
		return versions{int16(first), int16(first)}, nil
	}
	last, err := strconv.ParseInt(high, 10, 16)
	return versions{int16(first), int16(last)}, err
}

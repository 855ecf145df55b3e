package compat

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// apiVersion is an API in one version, at one of a node's two listeners.
type apiVersion struct {
	key        kmsg.Key
	version    int16
	controller bool
}

func (v apiVersion) String() string {
	s := fmt.Sprintf("%s v%d", v.key.Name(), v.version)
	if v.controller {
		s += " on the controller's listener"
	}
	return s
}

// tally is how often Apache Kafka was asked for something, and what it said.
type tally struct {
	// granted are answers without any error code, refused are those with one, and
	// closed connections.
	asked, granted, refused int
}

// coverage is what the scenarios have asked for.
type coverage map[apiVersion]tally

// count adds a step as Apache Kafka answered it.
func (c coverage) count(s step) {
	if s.asked == nil {
		return
	}
	n := c[*s.asked]
	n.asked++
	switch {
	case s.fields["outcome"] == "connection closed":
		n.refused++
	case s.fields["outcome"] != "answer":
	case hasError(s.fields):
		n.refused++
	default:
		n.granted++
	}
	c[*s.asked] = n
}

func hasError(fields map[string]string) bool {
	for field, value := range fields {
		if strings.HasSuffix(field, "ErrorCode") && value != "NONE" {
			return true
		}
	}
	return false
}

func (c coverage) add(other coverage) {
	for v, n := range other {
		sum := c[v]
		sum.asked, sum.granted, sum.refused = sum.asked+n.asked, sum.granted+n.granted, sum.refused+n.refused
		c[v] = sum
	}
}

// gaps says what a node advertises and the scenarios have not asked for in both
// ways: such that it is granted, and such that it is refused.
func (c coverage) gaps(n *node) []string {
	var gaps []string
	for _, key := range slices.Sorted(maps.Keys(n.versions)) {
		for v := n.versions[key].MinVersion; v <= n.versions[key].MaxVersion; v++ {
			what := apiVersion{kmsg.Key(key), v, n.controller}
			switch counted := c[what]; {
			case counted.asked == 0:
				gaps = append(gaps, fmt.Sprintf("%s is never asked for", what))
			case counted.refused == 0:
				gaps = append(gaps, fmt.Sprintf("%s is never asked for what is wrong", what))
			case counted.granted == 0 && !neverGranted(what):
				gaps = append(gaps, fmt.Sprintf("%s is never asked for what is right", what))
			}
		}
	}
	return gaps
}

// neverGranted tells what a lone Apache Kafka advertises and never grants.
func neverGranted(what apiVersion) bool {
	switch what.key {
	case kmsg.Produce:
		return what.version < 3 // See the table of APIs.
	case kmsg.DescribeCluster:
		return what.controller && what.version < 1 // Asks for brokers only.
	case kmsg.UnregisterBroker:
		return true // The only broker would be gone.
	default:
		return false
	}
}

// table is the coverage as rows of a page: how many requests of each API, and the
// smallest number for any of its versions.
func (c coverage) table() string {
	type row struct {
		key        kmsg.Key
		controller bool
	}
	versions := map[row][]apiVersion{}
	for v := range c {
		versions[row{v.key, v.controller}] = append(versions[row{v.key, v.controller}], v)
	}
	var b strings.Builder
	b.WriteString("| API | listener | versions | requests | granted | refused |\n|---|---|---|---:|---:|---:|\n")
	rows := slices.SortedFunc(maps.Keys(versions), func(x, y row) int {
		return cmp.Or(cmp.Compare(x.key, y.key), strings.Compare(listener(x.controller), listener(y.controller)))
	})
	for _, r := range rows {
		var sum tally
		low, high := int16(-1), int16(-1)
		for _, v := range versions[r] {
			n := c[v]
			sum.asked, sum.granted, sum.refused = sum.asked+n.asked, sum.granted+n.granted, sum.refused+n.refused
			if n.granted > 0 {
				if low < 0 || v.version < low {
					low = v.version
				}
				high = max(high, v.version)
			}
		}
		if high < 0 {
			continue // Asked for only because nobody offers it.
		}
		fmt.Fprintf(&b, "| %s | %s | %d to %d | %d | %d | %d |\n", r.key.Name(), listener(r.controller), low, high, sum.asked, sum.granted, sum.refused)
	}
	return b.String()
}

func listener(controller bool) string {
	if controller {
		return "controller"
	}
	return "broker"
}

// A version that the scenarios leave out, or for which they never ask anything
// wrong, must be told.
func TestGapsAreTold(t *testing.T) {
	n := &node{versions: map[int16]kmsg.ApiVersionsResponseApiKey{
		int16(kmsg.ListGroups): {ApiKey: int16(kmsg.ListGroups), MinVersion: 1, MaxVersion: 4},
	}}
	c := coverage{}
	step := func(version int16, fields map[string]string) {
		c.count(step{asked: &apiVersion{key: kmsg.ListGroups, version: version}, fields: fields})
	}
	step(1, map[string]string{"outcome": "answer", "ErrorCode": "NONE"})
	step(1, map[string]string{"outcome": "connection closed"})
	step(2, map[string]string{"outcome": "answer", "ErrorCode": "NONE"})
	step(3, map[string]string{"outcome": "answer", "Groups[0].ErrorCode": "GROUP_ID_NOT_FOUND"})
	want := []string{"ListGroups v2 is never asked for what is wrong", "ListGroups v3 is never asked for what is right", "ListGroups v4 is never asked for"}
	if got := c.gaps(n); !slices.Equal(got, want) {
		t.Errorf("gaps are %q, want %q", got, want)
	}
}

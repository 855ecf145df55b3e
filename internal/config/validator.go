package config

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Validator checks the parsed value of a key. Check answers with Kafka's
// message; String says in Kafka's notation what is allowed ("[0,...]").
type Validator interface {
	Check(name string, value any) error
	String() string
}

// between allows numbers from min to max.
type between struct{ min, max float64 }

// atLeast allows numbers from min on.
type atLeast float64

func number(value any) (float64, bool) {
	switch v := value.(type) {
	case int16:
		return float64(v), true
	case int32:
		return float64(v), true
	case int64:
		return float64(v), true
	case float64:
		return v, true
	}
	return 0, false
}

func bound(f float64) string { return strconv.FormatFloat(f, 'f', -1, 64) }

func (min atLeast) Check(name string, value any) error {
	n, ok := number(value)
	if !ok {
		return valueError(name, nil, "Value must be non-null")
	}
	if n < float64(min) {
		return valueError(name, value, "Value must be at least "+bound(float64(min)))
	}
	return nil
}

func (min atLeast) String() string { return "[" + bound(float64(min)) + ",...]" }

func (r between) Check(name string, value any) error {
	if err := atLeast(r.min).Check(name, value); err != nil {
		return err
	}
	if n, _ := number(value); n > r.max {
		return valueError(name, value, "Value must be no more than "+bound(r.max))
	}
	return nil
}

func (r between) String() string { return "[" + bound(r.min) + ",...," + bound(r.max) + "]" }

// gzipLevel allows the levels of gzip and -1 for the codec's default.
type gzipLevel struct{}

func (gzipLevel) Check(name string, value any) error {
	if n, _ := number(value); n > 9 || n < 1 && n != -1 {
		return valueError(name, value, "Value must be between 1 and 9 or equal to -1")
	}
	return nil
}

func (gzipLevel) String() string { return "[1,...,9] or -1" }

// oneOf allows the texts given.
type oneOf []string

func (o oneOf) Check(name string, value any) error {
	if s, ok := value.(string); !ok || !slices.Contains(o, s) {
		return valueError(name, value, "String must be one of: "+strings.Join(o, ", "))
	}
	return nil
}

func (o oneOf) String() string { return "[" + strings.Join(o, ", ") + "]" }

// oneOfFold allows the texts given, in any case.
type oneOfFold []string

func (o oneOfFold) Check(name string, value any) error {
	s, ok := value.(string)
	if !ok || !slices.ContainsFunc(o, func(allowed string) bool { return strings.EqualFold(s, allowed) }) {
		return valueError(name, value, "String must be one of (case insensitive): "+strings.Join(o, ", "))
	}
	return nil
}

func (o oneOfFold) String() string { return "(case insensitive) [" + strings.Join(o, ", ") + "]" }

// nonNull and nonEmptyText speak for themselves; the latter allows null.
type (
	nonNull      struct{}
	nonEmptyText struct{}
)

func (nonNull) Check(name string, value any) error {
	if value == nil {
		return valueError(name, nil, "entry must be non null")
	}
	return nil
}

func (nonNull) String() string { return "non-null string" }

func (nonEmptyText) Check(name string, value any) error {
	if s, ok := value.(string); ok && s == "" {
		return valueError(name, value, "String must be non-empty")
	}
	return nil
}

func (nonEmptyText) String() string { return "non-empty string" }

// listOf checks lists (KIP-1161): no empty and no repeated entries, and with
// allowed only those.
type listOf struct {
	allowed []string // nil allows everything.
	empty   bool     // The list may be empty.
	null    bool     // The list may be null, that is not set.
}

func (l listOf) Check(name string, value any) error {
	items, ok := value.([]string)
	if !ok || items == nil {
		if l.null {
			return nil
		}
		return messageError("Configuration '%s' values must not be null.", name)
	}
	if !l.empty && len(items) == 0 {
		valid := "any non-empty value"
		if l.allowed != nil {
			valid = l.String()
		}
		return messageError("Configuration '%s' must not be empty. Valid values include: %s", name, valid)
	}
	if len(distinct(items)) != len(items) {
		return messageError("Configuration '%s' values must not be duplicated.", name)
	}
	for _, item := range items {
		if item == "" {
			return messageError("Configuration '%s' values must not be empty.", name)
		}
		if l.allowed != nil {
			if err := oneOf(l.allowed).Check(name, item); err != nil {
				return err
			}
		}
	}
	return nil
}

func (l listOf) String() string {
	if l.allowed == nil {
		return ""
	}
	return oneOf(l.allowed).String()
}

// throttledReplicas allows "*" and lists of partition:broker.
type throttledReplicas struct{}

var throttledReplica = regexp.MustCompile(`^([0-9]+:[0-9]+)?$`)

func (throttledReplicas) Check(name string, value any) error {
	items, _ := value.([]string)
	bad := slices.ContainsFunc(items, func(s string) bool { return !throttledReplica.MatchString(javaTrim(s)) })
	if bad && javaTrim(strings.Join(items, "")) != "*" {
		return valueError(name, value, name+" must be the literal '*' or a list of replicas in the following format: "+throttledReplicas{}.String())
	}
	return nil
}

func (throttledReplicas) String() string {
	return "[partitionId]:[brokerId],[partitionId]:[brokerId],..."
}

// offsetReset allows the ways in which a share group without an offset starts.
type offsetReset struct{}

func (offsetReset) Check(name string, value any) error {
	s, _ := value.(string)
	if _, _, err := ParseOffsetReset(s); err != nil {
		return valueError(name, value, fmt.Sprintf("Invalid value `%s` for configuration %s. The value must be either 'earliest', 'latest' or of the format 'by_duration:<PnDTnHnMn.nS>'.", s, name))
	}
	return nil
}

func (offsetReset) String() string { return "[latest, earliest, by_duration:PnDTnHnMn.nS]" }

// OffsetReset is where a share group without an offset starts.
type OffsetReset int8

// The strategies; ResetByDuration comes with how far to go back.
const (
	ResetLatest OffsetReset = iota
	ResetEarliest
	ResetByDuration
)

// ParseOffsetReset reads share.auto.offset.reset: "latest", "earliest" or
// "by_duration:" with an ISO 8601 duration.
func ParseOffsetReset(s string) (OffsetReset, time.Duration, error) {
	switch s {
	case "latest":
		return ResetLatest, 0, nil
	case "earliest":
		return ResetEarliest, 0, nil
	}
	iso, ok := strings.CutPrefix(s, "by_duration:")
	if !ok {
		return 0, 0, fmt.Errorf("unknown offset reset strategy %q", s)
	}
	d, err := parseISODuration(iso)
	if err == nil && d < 0 {
		err = fmt.Errorf("duration %q is negative", iso)
	}
	return ResetByDuration, d, err
}

var isoDuration = regexp.MustCompile(`(?i)^([-+]?)P(?:([-+]?[0-9]+)D)?(T(?:([-+]?[0-9]+)H)?(?:([-+]?[0-9]+)M)?(?:([-+]?[0-9]+)(?:[.,]([0-9]{0,9}))?S)?)?$`)

// parseISODuration reads what java.time.Duration.parse does: days to seconds
// with nine decimals, each with a sign of its own.
func parseISODuration(s string) (time.Duration, error) {
	bad := fmt.Errorf("%q is not an ISO 8601 duration like P1DT2H3M4.5S", s)
	m := isoDuration.FindStringSubmatch(s)
	if m == nil || strings.EqualFold(m[3], "t") || m[2]+m[4]+m[5]+m[6] == "" {
		return 0, bad
	}
	var total time.Duration
	add := func(d time.Duration) bool {
		sum := total + d
		overflow := d > 0 && sum < total || d < 0 && sum > total
		total = sum
		return !overflow
	}
	for i, unit := range map[int]time.Duration{2: 24 * time.Hour, 4: time.Hour, 5: time.Minute, 6: time.Second} {
		if m[i] == "" {
			continue
		}
		n, err := strconv.ParseInt(m[i], 10, 64)
		if d := duration(n, unit); err != nil || d == Forever || d == -Forever || !add(d) {
			return 0, bad
		}
	}
	if fraction := m[7]; fraction != "" {
		n, err := strconv.ParseInt((fraction + "000000000")[:9], 10, 64)
		if err != nil {
			return 0, bad
		}
		if strings.HasPrefix(m[6], "-") {
			n = -n
		}
		if !add(time.Duration(n)) {
			return 0, bad
		}
	}
	if m[1] == "-" {
		total = -total
	}
	return total, nil
}

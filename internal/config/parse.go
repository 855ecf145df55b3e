package config

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"moldau.dev/moldau/internal/invariant"
)

// Error says why a value was refused, in the words Kafka uses.
type Error struct {
	// Name is the key, empty where Kafka's message does not follow the form
	// "Invalid value ... for configuration ...".
	Name string
	// Value is the refused value as the message shows it; null for none.
	Value string
	// Reason ends the message, or is all of it if Name is empty.
	Reason string
	// Cure says what to do. It is no part of Kafka's message.
	Cure string
}

func (e *Error) Error() string {
	if e.Name == "" {
		return e.Reason
	}
	s := "Invalid value " + e.Value + " for configuration " + e.Name
	if e.Reason != "" {
		s += ": " + e.Reason
	}
	return s
}

func valueError(name string, value any, reason string) error {
	return &Error{Name: name, Value: show(value), Reason: reason}
}

func messageError(format string, args ...any) error {
	return &Error{Reason: fmt.Sprintf(format, args...)}
}

// show prints a parsed value the way Java's string concatenation does.
func show(value any) string {
	switch v := value.(type) {
	case nil:
		return "null"
	case []string:
		return "[" + strings.Join(v, ", ") + "]"
	default:
		return format(v)
	}
}

// Parse reads the raw text of a key's value and checks it. Unknown names are
// an error; the message is Kafka's.
func (d *Def) Parse(name, raw string) (any, error) {
	k, ok := d.index[name]
	if !ok {
		return nil, messageError("Unknown configuration %q", name)
	}
	return k.Parse(raw)
}

// Parse reads the raw text of the key's value and checks it against the key's
// validator. The result has the Go type given at the Type constants. Kafka
// drops repeated entries of a list before it validates them, and so do we.
func (k *Key) Parse(raw string) (any, error) {
	v, err := parseType(k.Name, raw, k.Type)
	if err != nil {
		return nil, err
	}
	if l, ok := v.([]string); ok {
		if _, ok := k.Valid.(listOf); ok {
			v = distinct(l)
		}
	}
	if k.Valid != nil {
		if err := k.Valid.Check(k.Name, v); err != nil {
			return nil, err
		}
	}
	return v, nil
}

func parseType(name, raw string, t Type) (any, error) {
	s := javaTrim(raw)
	notANumber := func(err error) error {
		if err == nil {
			return nil
		}
		return valueError(name, raw, "Not a number of type "+t.String())
	}
	switch t {
	case Boolean:
		switch {
		case strings.EqualFold(s, "true"):
			return true, nil
		case strings.EqualFold(s, "false"):
			return false, nil
		}
		return nil, valueError(name, raw, "Expected value to be either true or false")
	case Int:
		n, err := parseInt(s, 32)
		return int32(n), notANumber(err)
	case Short:
		n, err := parseInt(s, 16)
		return int16(n), notANumber(err)
	case Long:
		n, err := parseInt(s, 64)
		return n, notANumber(err)
	case Double:
		f, err := parseDouble(s)
		return f, notANumber(err)
	case List:
		return splitList(s), nil
	case String, Class, Password:
		return s, nil
	}
	invariant.Assert(false, "config %s has type %v", name, t)
	return nil, nil
}

// javaTrim removes what String.trim does: every character up to the space.
func javaTrim(s string) string {
	return strings.TrimFunc(s, func(r rune) bool { return r <= ' ' })
}

// parseInt accepts what Java's parseInt does: no underscores, no base prefix,
// one optional sign.
func parseInt(s string, bits int) (int64, error) {
	return strconv.ParseInt(s, 10, bits)
}

// parseDouble accepts what Double.parseDouble does, but no hexadecimal.
func parseDouble(s string) (float64, error) {
	switch s {
	case "NaN", "+NaN", "-NaN":
		return math.NaN(), nil
	case "Infinity", "+Infinity":
		return math.Inf(1), nil
	case "-Infinity":
		return math.Inf(-1), nil
	}
	if strings.ContainsAny(s, "_xXiInN") {
		return 0, strconv.ErrSyntax
	}
	s = strings.TrimRight(s, "fFdD")
	f, err := strconv.ParseFloat(s, 64)
	if err != nil && math.IsInf(f, 0) { // Java rounds to infinity silently.
		err = nil
	}
	return f, err
}

// splitList cuts at commas with the white space around them; the empty text is
// the empty list, never nil, which stands for null.
func splitList(s string) []string {
	if s == "" {
		return []string{}
	}
	items := strings.Split(s, ",")
	for i, item := range items {
		if i > 0 {
			item = strings.TrimLeft(item, " \t\n\v\f\r")
		}
		if i < len(items)-1 {
			item = strings.TrimRight(item, " \t\n\v\f\r")
		}
		items[i] = item
	}
	return items
}

func distinct(l []string) []string {
	seen := make(map[string]bool, len(l))
	out := make([]string, 0, len(l))
	for _, s := range l {
		if !seen[s] {
			seen[s] = true
			out = append(out, s)
		}
	}
	return out
}

// format gives the text of a parsed value as DescribeConfigs shows it. Null
// has no text: check for nil before.
func format(value any) string {
	switch v := value.(type) {
	case string:
		return v
	case bool:
		return strconv.FormatBool(v)
	case int16:
		return strconv.FormatInt(int64(v), 10)
	case int32:
		return strconv.FormatInt(int64(v), 10)
	case int64:
		return strconv.FormatInt(v, 10)
	case float64:
		return formatDouble(v)
	case []string:
		return strings.Join(v, ",")
	}
	invariant.Assert(false, "a config value of type %T", value)
	return ""
}

// formatDouble prints like Double.toString: at least one decimal, and the
// exponent form outside [1e-3, 1e7).
func formatDouble(f float64) string {
	switch {
	case math.IsNaN(f):
		return "NaN"
	case math.IsInf(f, 1):
		return "Infinity"
	case math.IsInf(f, -1):
		return "-Infinity"
	case f == 0:
		if math.Signbit(f) {
			return "-0.0"
		}
		return "0.0"
	}
	if a := math.Abs(f); a >= 1e-3 && a < 1e7 {
		s := strconv.FormatFloat(f, 'f', -1, 64)
		if !strings.Contains(s, ".") {
			s += ".0"
		}
		return s
	}
	mantissa, exponent, _ := strings.Cut(strconv.FormatFloat(f, 'e', -1, 64), "e")
	if !strings.Contains(mantissa, ".") {
		mantissa += ".0"
	}
	n, err := strconv.Atoi(exponent)
	invariant.Assert(err == nil, "exponent of %v", f)
	return mantissa + "E" + strconv.Itoa(n)
}

// Forever is what a number of milliseconds too large for a time.Duration
// becomes: about 292 years.
const Forever = time.Duration(math.MaxInt64)

// duration converts a count of units, keeping negative values (Kafka's "no
// limit" and the like) negative.
func duration(n int64, unit time.Duration) time.Duration {
	switch {
	case n > int64(Forever/unit):
		return Forever
	case n < -int64(Forever/unit):
		return -Forever
	}
	return time.Duration(n) * unit
}

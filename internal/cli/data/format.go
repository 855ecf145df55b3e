package data

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// format writes a record as its format string says; formatHelp has the verbs.
// Verbs that kcat has mean here what they mean there.
type format struct {
	pieces []piece
}

// piece is one verb, or a literal if verb is 0.
type piece struct {
	verb    byte
	literal []byte
	as      encoding
	time    timeStyle
}

// timeStyle is how %d writes a timestamp.
type timeStyle string

const (
	timeUTC     timeStyle = "utc"
	timeLocal   timeStyle = "local"
	timeSeconds timeStyle = "s"
)

const formatHelp = `  %t topic   %p partition   %o offset   %e leader epoch   %i number of the record, from 1
  %k key     %v value (or %s)           %h headers as name=value,...
  %K size of the key in bytes           %V size of the value (or %S); -1 for null
  %T timestamp in milliseconds          %d as a date; %d{local} in local time, %d{s} in seconds
  %k{hex} and %v{...} take an encoding: ` + "text, raw, hex, base64, json, short,\n" +
	`  integer, long, float, double or uuid. %% is a percent sign, \n a newline, \t a tab,
  \0 a NUL, \xHH any byte. A brace that follows a verb literally is \x7b.`

// parseFormat reads a format string. keyAs and valueAs are the encodings of
// verbs that name none.
func parseFormat(s string, keyAs, valueAs encoding) (*format, error) {
	f := &format{}
	var literal []byte
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '\\':
			b, width, err := escaped(s[i+1:])
			if err != nil {
				return nil, err
			}
			literal = append(literal, b)
			i += width
		case '%':
			if i+1 == len(s) {
				return nil, fmt.Errorf("a lone %% at the end; write %%%% for a percent sign")
			}
			if s[i+1] == '%' {
				literal = append(literal, '%')
				i++
				continue
			}
			p, width, err := parseVerb(s[i+1:], keyAs, valueAs)
			if err != nil {
				return nil, err
			}
			if len(literal) > 0 {
				f.pieces = append(f.pieces, piece{literal: literal})
				literal = nil
			}
			f.pieces = append(f.pieces, p)
			i += width
		default:
			literal = append(literal, s[i])
		}
	}
	if len(literal) > 0 {
		f.pieces = append(f.pieces, piece{literal: literal})
	}
	return f, nil
}

// parseVerb reads the verb that s begins with after the percent sign, and says
// how many bytes of s belong to it.
func parseVerb(s string, keyAs, valueAs encoding) (piece, int, error) {
	p := piece{verb: s[0]}
	switch p.verb {
	case 't', 'p', 'o', 'e', 'i', 'h', 'K', 'V', 'T':
		if strings.HasPrefix(s[1:], "{") {
			return p, 0, fmt.Errorf(`%%%c takes no {...}; write \x7b for a literal brace`, p.verb)
		}
		return p, 1, nil
	case 'S':
		p.verb = 'V'
		return p, 1, nil
	case 'k':
		p.as = keyAs
	case 'v', 's':
		p.verb, p.as = 'v', valueAs
	case 'd':
		p.time = timeUTC
	default:
		return p, 0, fmt.Errorf("%%%c is no verb; known are %%t %%p %%o %%e %%i %%k %%v %%s %%h %%K %%V %%S %%T %%d and %%%%", firstRune(s))
	}
	if !strings.HasPrefix(s[1:], "{") {
		return p, 1, nil
	}
	option, _, closed := strings.Cut(s[2:], "}")
	if !closed {
		return p, 0, fmt.Errorf(`%%%c{ is not closed; write \x7b for a literal brace`, s[0])
	}
	if p.verb != 'd' {
		if err := p.as.Set(option); err != nil {
			return p, 0, fmt.Errorf("%%%c{%s}: %w", s[0], option, err)
		}
		return p, len(option) + 3, nil
	}
	switch style := timeStyle(option); style {
	case timeUTC, timeLocal, timeSeconds:
		p.time = style
		return p, len(option) + 3, nil
	default:
		return p, 0, fmt.Errorf("%%d{%s}: want utc, local or s", option)
	}
}

// text is how bytes become text: what null is written as, and whether a
// terminal reads it.
type text struct {
	null     string
	terminal bool
}

// append appends a key or a value, null if b is nil.
func (t text) append(dst, b []byte, as encoding) []byte {
	switch {
	case b == nil:
		return append(dst, t.null...)
	case t.terminal && (as == encodingText || as == encodingJSON):
		return appendPrintable(dst, as.append(nil, b))
	default:
		return as.append(dst, b)
	}
}

// append appends the record; number counts the records written, from 1.
func (f *format) append(dst []byte, r *kgo.Record, number int64, text text) []byte {
	for i := range f.pieces {
		p := &f.pieces[i]
		switch p.verb {
		case 0:
			dst = append(dst, p.literal...)
		case 't':
			dst = append(dst, r.Topic...)
		case 'p':
			dst = strconv.AppendInt(dst, int64(r.Partition), 10)
		case 'o':
			dst = strconv.AppendInt(dst, r.Offset, 10)
		case 'e':
			dst = strconv.AppendInt(dst, int64(r.LeaderEpoch), 10)
		case 'i':
			dst = strconv.AppendInt(dst, number, 10)
		case 'k':
			dst = text.append(dst, r.Key, p.as)
		case 'v':
			dst = text.append(dst, r.Value, p.as)
		case 'K':
			dst = appendSize(dst, r.Key)
		case 'V':
			dst = appendSize(dst, r.Value)
		case 'h':
			dst = appendHeaders(dst, r.Headers, text)
		case 'T':
			dst = strconv.AppendInt(dst, r.Timestamp.UnixMilli(), 10)
		case 'd':
			dst = appendTime(dst, r.Timestamp, p.time)
		}
	}
	return dst
}

func appendSize(dst, b []byte) []byte {
	if b == nil {
		return append(dst, "-1"...)
	}
	return strconv.AppendInt(dst, int64(len(b)), 10)
}

func appendHeaders(dst []byte, headers []kgo.RecordHeader, text text) []byte {
	for i, h := range headers {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = text.append(dst, []byte(h.Key), encodingText)
		dst = append(dst, '=')
		dst = text.append(dst, h.Value, encodingText)
	}
	return dst
}

// rfc3339Milli is RFC 3339 to Kafka's millisecond.
const rfc3339Milli = "2006-01-02T15:04:05.000Z07:00"

func appendTime(dst []byte, t time.Time, style timeStyle) []byte {
	switch style {
	case timeLocal:
		return t.Local().AppendFormat(dst, rfc3339Milli)
	case timeSeconds:
		ms := t.UnixMilli()
		return strconv.AppendFloat(dst, float64(ms)/1000, 'f', 3, 64)
	default:
		return t.UTC().AppendFormat(dst, rfc3339Milli)
	}
}

package data

import (
	"fmt"
	"unicode"
	"unicode/utf8"
)

// unescape gives the bytes that a separator, a delimiter or a literal of a
// format stands for: \n, \r, \t, \0, \\, \a, \e and \xHH are one byte each, all
// else stands for itself.
func unescape(s string) ([]byte, error) {
	out := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' {
			out = append(out, s[i])
			continue
		}
		b, width, err := escaped(s[i+1:])
		if err != nil {
			return nil, err
		}
		out = append(out, b)
		i += width
	}
	return out, nil
}

// escaped gives the byte of the escape sequence whose text after the backslash
// s begins with, and how many bytes of s belong to it.
func escaped(s string) (b byte, width int, err error) {
	if s == "" {
		return 0, 0, fmt.Errorf(`a lone backslash at the end; write \\ for a backslash`)
	}
	switch s[0] {
	case 'n':
		return '\n', 1, nil
	case 'r':
		return '\r', 1, nil
	case 't':
		return '\t', 1, nil
	case '0':
		return 0, 1, nil
	case 'a':
		return '\a', 1, nil
	case 'e':
		return 0x1b, 1, nil
	case '\\':
		return '\\', 1, nil
	case 'x':
		if len(s) < 3 {
			break
		}
		high, okHigh := hexDigit(s[1])
		low, okLow := hexDigit(s[2])
		if okHigh && okLow {
			return high<<4 | low, 3, nil
		}
	}
	return 0, 0, fmt.Errorf(`\%c is no escape sequence; known are \n \r \t \0 \a \e \\ and \xHH`, firstRune(s))
}

func firstRune(s string) rune {
	r, _ := utf8.DecodeRuneInString(s)
	return r
}

func hexDigit(c byte) (byte, bool) {
	switch {
	case '0' <= c && c <= '9':
		return c - '0', true
	case 'a' <= c && c <= 'f':
		return c - 'a' + 10, true
	case 'A' <= c && c <= 'F':
		return c - 'A' + 10, true
	}
	return 0, false
}

const hexDigits = "0123456789abcdef"

// appendPrintable appends b as text that does nothing to a terminal: control
// characters other than newline and tab, characters that turn the direction of
// writing, and bytes that are no UTF-8 become escape sequences.
func appendPrintable(dst, b []byte) []byte {
	for len(b) > 0 {
		// The plain run is by far the commonest.
		n := 0
		for n < len(b) && (b[n] >= ' ' && b[n] < 0x7f || b[n] == '\n' || b[n] == '\t') {
			n++
		}
		dst = append(dst, b[:n]...)
		b = b[n:]
		if len(b) == 0 {
			break
		}
		r, size := utf8.DecodeRune(b)
		switch {
		case r == utf8.RuneError && size <= 1, r < ' ':
			dst = append(dst, '\\', 'x', hexDigits[b[0]>>4], hexDigits[b[0]&15])
			size = 1
		case unicode.IsControl(r) || isDirection(r):
			dst = fmt.Appendf(dst, `\u%04x`, r)
		default:
			dst = append(dst, b[:size]...)
		}
		b = b[size:]
	}
	return dst
}

// isDirection tells whether r embeds, overrides or isolates a direction of
// writing, by which a text can look like another one.
func isDirection(r rune) bool {
	return r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069
}

package data

import (
	"strings"
	"testing"
)

func TestUnescape(t *testing.T) {
	for _, c := range []struct{ in, want, err string }{
		{in: ``, want: ""},
		{in: `: `, want: ": "},
		{in: `\n\r\t\0\a\e\\`, want: "\n\r\t\x00\a\x1b\\"},
		{in: `a\x00\xFfb`, want: "a\x00\xffb"},
		{in: `é`, want: "é"},
		{in: `\`, err: "lone backslash"},
		{in: `\q`, err: `\q is no escape sequence`},
		{in: `\é`, err: `\é is no escape sequence`},
		{in: `\x4`, err: `\x is no escape`},
		{in: `\x4g`, err: `\x is no escape`},
	} {
		got, err := unescape(c.in)
		if c.err != "" {
			if err == nil || !strings.Contains(err.Error(), c.err) {
				t.Errorf("unescape(%q): error %v, want %q", c.in, err, c.err)
			}
			continue
		}
		if err != nil || string(got) != c.want {
			t.Errorf("unescape(%q) = %q, %v; want %q", c.in, got, err, c.want)
		}
	}
}

func TestAppendPrintable(t *testing.T) {
	for in, want := range map[string]string{
		"plain\ttext\n":        "plain\ttext\n",
		"Grüße 🙂 👩‍💻":          "Grüße 🙂 👩‍💻",
		"\x1b[31mred":          `\x1b[31mred`,
		"a\rb\x00":             `a\x0db\x00`,
		"\x7f":                 `\u007f`,
		"\u009b31m":            `\u009b31m`,
		"\xff\xfe ok":          `\xff\xfe ok`,
		"\xe2\x82":             `\xe2\x82`,
		"user\u202etxt.exe":    `user\u202etxt.exe`,
		"\ufffd is a real one": "\ufffd is a real one",
	} {
		if got := string(appendPrintable(nil, []byte(in))); got != want {
			t.Errorf("appendPrintable(%q) = %q, want %q", in, got, want)
		}
	}
}

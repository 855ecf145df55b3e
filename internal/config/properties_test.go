package config

import (
	"bytes"
	"encoding/json"
	"os"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/magiconair/properties"
)

// latin1 gives the bytes of a text whose characters are all below 256.
func latin1(s string) []byte {
	var b []byte
	for _, r := range s {
		b = append(b, byte(r))
	}
	return b
}

// latin1UTF8 gives the same text in UTF-8.
func latin1UTF8(b []byte) []byte {
	var out []byte
	for _, c := range b {
		out = utf8.AppendRune(out, rune(c))
	}
	return out
}

func asMap(list []property) map[string]string {
	m := map[string]string{}
	for _, p := range list {
		m[p.Name] = p.Value
	}
	return m
}

func TestPropertiesAsJava(t *testing.T) {
	golden, err := os.ReadFile("testdata/properties.txt")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(golden)) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		var input string
		var want map[string]string
		if err := json.Unmarshal([]byte(line), &[]any{&input, &want}); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		list, err := parseProperties(latin1(input))
		if (err != nil) != (want == nil) {
			t.Errorf("%q: error %v, want %v", input, err, want)
		}
		if err == nil {
			if diff := cmp.Diff(want, asMap(list)); diff != "" {
				t.Errorf("%q: -Java +we\n%s", input, diff)
			}
		}
	}
}

func TestPropertiesLines(t *testing.T) {
	list, err := parseProperties([]byte("# one\n\na=1,\\\n  2\n\rb=3\r\nc=4"))
	want := []property{{"a", "1,2", 3}, {"b", "3", 6}, {"c", "4", 7}}
	if diff := cmp.Diff(want, list); err != nil || diff != "" {
		t.Errorf("%v\n%s", err, diff)
	}
	if _, err := parseProperties([]byte("a=1\nb=\\u12")); err == nil || !strings.Contains(err.Error(), "line 2") {
		t.Errorf("a malformed escape: %v", err)
	}
}

// FuzzProperties looks for panics, and compares plain lines with another
// reader of such files.
func FuzzProperties(f *testing.F) {
	for _, seed := range []string{"a=b", "a=b\\\r\n c", "a\\u0041 : x\\", "# c\n!d\nk", "\\u00", "=\\", "a=\xff\x00"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		list, err := parseProperties(b)
		for _, p := range list {
			if p.Line < 1 || p.Line > 1+strings.Count(string(b), "\n")+strings.Count(string(b), "\r") {
				t.Errorf("%q is on line %d", p.Name, p.Line)
			}
		}
		if err != nil || strings.ContainsAny(string(b), "\\\r\f\x00") || bytes.ContainsRune(latin1UTF8(b), 0x85) || bytes.ContainsRune(latin1UTF8(b), 0xa0) {
			return
		}
		for _, p := range list {
			if p.Name == "" {
				return // The other reader has no empty names.
			}
		}
		loader := properties.Loader{Encoding: properties.ISO_8859_1, DisableExpansion: true}
		other, err := loader.LoadBytes(b)
		if err != nil {
			t.Skip("the other reader refuses it")
		}
		if diff := cmp.Diff(other.Map(), asMap(list)); diff != "" {
			t.Errorf("%q: -other +we\n%s", b, diff)
		}
	})
}

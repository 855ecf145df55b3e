package data

import (
	"bytes"
	"strings"
	"testing"
)

func TestEncodingWritesAndReadsBack(t *testing.T) {
	for _, c := range []struct {
		as    encoding
		bytes string
		text  string
	}{
		{encodingText, "ü\x00", "ü\x00"},
		{encodingHex, "\x00\xff", "00ff"},
		{encodingBase64, "\x00\xff", "AP8="},
		{encodingShort, "\xff\xfe", "-2"},
		{encodingInteger, "\x00\x00\x01\x00", "256"},
		{encodingLong, "\xff\xff\xff\xff\xff\xff\xff\xff", "-1"},
		{encodingFloat, "\x3f\xc0\x00\x00", "1.5"},
		{encodingDouble, "\x3f\xb9\x99\x99\x99\x99\x99\x9a", "0.1"},
		{encodingUUID, "\x12\x3e\x45\x67\xe8\x9b\x12\xd3\xa4\x56\x42\x66\x14\x17\x40\x00", "123e4567-e89b-12d3-a456-426614174000"},
		{encodingJSON, "[\n  1\n]", "[\n  1\n]"},
	} {
		if got := string(c.as.append(nil, []byte(c.bytes))); got != c.text {
			t.Errorf("%s of %q = %q, want %q", c.as, c.bytes, got, c.text)
		}
		if got, err := c.as.parse([]byte(c.text)); err != nil || string(got) != c.bytes {
			t.Errorf("%s from %q = %q, %v; want %q", c.as, c.text, got, err, c.bytes)
		}
	}
}

func TestEncodingOfOtherLengthIsHex(t *testing.T) {
	if got := string(encodingLong.append(nil, []byte("abc"))); got != "0x616263" {
		t.Errorf("a long of three bytes is written as %q", got)
	}
	if got := string(encodingUUID.append(nil, nil)); got != "0x" {
		t.Errorf("a UUID of no bytes is written as %q", got)
	}
}

func TestEncodingRefuses(t *testing.T) {
	for _, c := range []struct {
		as   encoding
		text string
		err  string
	}{
		{encodingHex, "0g", `"0g" is no hex`},
		{encodingBase64, "A", `"A" is no base64`},
		{encodingShort, "32768", "whole number of 16 bits"},
		{encodingInteger, "1.5", "whole number of 32 bits"},
		{encodingLong, "", "whole number of 64 bits"},
		{encodingDouble, "x", "no double"},
		{encodingFloat, "1e999", "no float"},
		{encodingUUID, "123e4567", "no UUID"},
		{encodingJSON, "{", "is not JSON"},
		{encodingJSON, strings.Repeat("x", 1000), "…"},
	} {
		if _, err := c.as.parse([]byte(c.text)); err == nil || !strings.Contains(err.Error(), c.err) {
			t.Errorf("%s from %q: error %v, want %q", c.as, c.text, err, c.err)
		}
	}
	var e encoding
	if err := e.Set("utf16"); err == nil {
		t.Error("an unknown encoding is taken")
	}
}

// Whatever an encoding writes, it reads back to the same bytes.
func FuzzEncoding(f *testing.F) {
	f.Add([]byte("\x00\x01"), uint8(0))
	f.Add([]byte("12345678"), uint8(7))
	f.Fuzz(func(t *testing.T, b []byte, which uint8) {
		as := encodings[int(which)%len(encodings)]
		text := as.append(nil, b)
		if !as.fits(b) || as == encodingJSON || bytes.Contains(text, []byte("NaN")) {
			return
		}
		back, err := as.parse(text)
		if err != nil || !bytes.Equal(back, b) {
			t.Fatalf("%s: %x became %q became %x, %v", as, b, text, back, err)
		}
	})
}

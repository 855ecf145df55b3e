package compress

import (
	"bytes"
	"testing"
	"testing/synctest"
)

// TestBubblesShareNothing packs and unpacks in two bubbles of testing/synctest and
// outside: what one of them leaves for reuse must not end the others.
func TestBubblesShareNothing(t *testing.T) {
	roundTrip := func(t *testing.T) {
		want := bytes.Repeat([]byte("bubble"), 100)
		for _, codec := range packing {
			packed, err := Compress(nil, codec, DefaultLevel, want)
			if err != nil {
				t.Fatalf("%v: %v", codec, err)
			}
			if got, err := Decompress(nil, codec, packed, len(want)); err != nil || !bytes.Equal(got, want) {
				t.Errorf("%v: %d bytes, %v", codec, len(got), err)
			}
		}
	}
	synctest.Test(t, roundTrip)
	synctest.Test(t, roundTrip)
	roundTrip(t)
	synctest.Test(t, roundTrip)
}

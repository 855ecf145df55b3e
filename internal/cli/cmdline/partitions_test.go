package cmdline

import (
	"slices"
	"strings"
	"testing"
)

func TestPartitions(t *testing.T) {
	var p Partitions
	for _, text := range []string{"5,3-4", "0", "3"} {
		if err := p.Set(text); err != nil {
			t.Error(err)
		}
	}
	if want := []int32{0, 3, 4, 5}; !slices.Equal(p, want) || p.String() != "0,3,4,5" {
		t.Errorf("got %v, %s", []int32(p), &p)
	}
	for in, want := range map[string]string{
		"": "neither", "x": "neither", "1,": "neither", "5-3": "neither", "-1": "neither", "1-": "neither", "99999999999": "neither", "0-2147483647": "more than",
	} {
		if err := new(Partitions).Set(in); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: error %v, want %q", in, err, want)
		}
	}
}

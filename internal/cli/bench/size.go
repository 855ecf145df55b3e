package bench

import (
	"fmt"
	"strconv"
	"strings"

	"moldau.dev/moldau/internal/cli/cmdline"
)

// size is a flag's value in bytes, with a unit or without.
type size int64

// units of sizes: Kafka's own are powers of 1024, and those of disks are not.
var units = []struct {
	name  string
	bytes int64
}{
	{"kib", 1 << 10},
	{"mib", 1 << 20},
	{"gib", 1 << 30},
	{"tib", 1 << 40},
	{"kb", 1e3},
	{"mb", 1e6},
	{"gb", 1e9},
	{"tb", 1e12},
	{"k", 1 << 10},
	{"m", 1 << 20},
	{"g", 1 << 30},
	{"t", 1 << 40},
	{"b", 1},
}

// Set takes the flag's value.
func (s *size) Set(text string) error {
	number, factor := strings.ToLower(strings.ReplaceAll(text, " ", "")), int64(1)
	for _, unit := range units {
		if stem, ok := strings.CutSuffix(number, unit.name); ok {
			number, factor = stem, unit.bytes
			break
		}
	}
	n, err := strconv.ParseFloat(number, 64)
	const most = 1 << 62
	if err != nil || !(n >= 0 && n*float64(factor) <= most) { // NaN is neither.
		return fmt.Errorf("want a size such as 100, 64KiB or 2GB")
	}
	*s = size(n * float64(factor))
	return nil
}

func (s *size) String() string {
	if *s == 0 {
		return ""
	}
	return strings.ReplaceAll(strings.Replace(cmdline.Bytes(int64(*s)), ".0 ", " ", 1), " ", "")
}

// Type names the value in the help.
func (s *size) Type() string { return "size" }

package cmdline

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
)

// Partitions are the partitions of a flag or an argument, each once and in
// order: 0,3-5.
type Partitions []int32

// NewPartitions adds -p, --partitions to a command. None are all of them.
func NewPartitions(cmd *cobra.Command) *Partitions {
	p := new(Partitions)
	cmd.Flags().VarP(p, "partitions", "p", "only these `partitions`, as 0,3-5")
	// The flag was added above.
	_ = cmd.RegisterFlagCompletionFunc("partitions", cobra.NoFileCompletions)
	return p
}

// maxPartitionRange bounds the memory that one word of a command line asks for.
const maxPartitionRange = 100_000

// Set adds partitions and ranges with commas between.
func (p *Partitions) Set(text string) error {
	for item := range strings.SplitSeq(text, ",") {
		first, last, isRange := strings.Cut(item, "-")
		if !isRange {
			last = first
		}
		begin, errBegin := strconv.ParseInt(first, 10, 32)
		end, errEnd := strconv.ParseInt(last, 10, 32)
		if errBegin != nil || errEnd != nil || begin > end {
			return fmt.Errorf("%q is neither a partition nor a range such as 0-3", item)
		}
		if end-begin >= maxPartitionRange {
			return fmt.Errorf("%q is more than %d partitions", item, maxPartitionRange)
		}
		for n := begin; n <= end; n++ {
			*p = append(*p, int32(n))
		}
	}
	slices.Sort(*p)
	*p = slices.Compact(*p)
	return nil
}

func (p *Partitions) String() string {
	texts := make([]string, len(*p))
	for i, n := range *p {
		texts[i] = itoa(n)
	}
	return strings.Join(texts, ",")
}

// Type names the value in the help.
func (p *Partitions) Type() string { return "partitions" }

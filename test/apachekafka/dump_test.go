package apachekafka

import "testing"

// TestComplaintsAreSeen shows what DumpLogSegments writes of broken files: a check
// that never fails proves nothing.
func TestComplaintsAreSeen(t *testing.T) {
	for _, stderr := range []string{
		"Mismatches in :/d/a-0/00000000000000000000.index\n", "Found timestamp mismatch in :/d/a-0/0.timeindex\n",
		"Non-consecutive offsets in /d/a-0/00000000000000000000.log\n  4 is followed by 6\n", "Exception in thread \"main\" java.lang\n",
	} {
		if !complaints.MatchString(complaintsOf(stderr, nil)) {
			t.Errorf("not seen: %s", stderr)
		}
	}
	for _, stderr := range []string{
		"Non-consecutive offsets in /d/a-0/00000000000000000042.log\n  -1 is followed by 42\n", "",
		"Non-consecutive offsets in /d/compacted-0/00000000000000000000.log\n  4 is followed by 6\n",
	} {
		if complaints.MatchString(complaintsOf(stderr, []string{"compacted"})) {
			t.Errorf("not a complaint: %s", stderr)
		}
	}
}

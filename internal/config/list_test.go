package config

import "testing"

func TestListsAreAppendedToAndSubtractedFrom(t *testing.T) {
	set := func(s string) *string { return &s }
	for _, c := range []struct {
		current              *string
		operand              string
		appended, subtracted string
	}{
		{nil, "compact", "delete,compact", "delete"},
		{set(""), "compact", "compact", ""},
		{set("delete,compact"), "compact", "delete,compact", "delete"},
		{set("delete"), "compact,delete", "delete,compact", ""},
		{set("compact,,delete"), "delete", "compact,delete", "compact"},
	} {
		if got := TopicKeys().AppendToList("cleanup.policy", c.current, c.operand); got != c.appended {
			t.Errorf("%v append %s = %q, want %q", c.current, c.operand, got, c.appended)
		}
		if got := TopicKeys().SubtractFromList("cleanup.policy", c.current, c.operand); got != c.subtracted {
			t.Errorf("%v subtract %s = %q, want %q", c.current, c.operand, got, c.subtracted)
		}
	}
}

package cmdline

import "testing"

func TestPatternsAreForWholeNames(t *testing.T) {
	p, err := WholeName("a|b.*")
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]bool{"a": true, "ab": false, "bc": true, "cb": false} {
		if p.MatchString(name) != want {
			t.Errorf("%s: %v, want %v", name, !want, want)
		}
	}
	for expression, want := range map[string]string{
		"a[":  `"a[" is no regular expression: missing closing ] in "["`,
		"a)(": `"a)(" is no regular expression: unexpected ) in "a)("`,
	} {
		if _, err := WholeName(expression); err == nil || err.Error() != want || ExitCode(err) != ExitUsage {
			t.Errorf("%s: %v, want %s", expression, err, want)
		}
	}
}

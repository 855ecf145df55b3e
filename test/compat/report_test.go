package compat

import (
	"fmt"
	"os"
	"slices"
	"strings"
)

// writeAnswers writes the result as a page of the documentation.
func writeAnswers(file string, results []result, covered coverage) error {
	var b strings.Builder
	b.WriteString("# Answers, compared with Apache Kafka's\n\n")
	b.WriteString("`make compat` runs `test/compat`, which sends the same requests to Moldau and to Apache Kafka 4.4.0, compares every field of the answers and, after a clean stop, the files in the data folders byte by byte, and writes this page.\n\n")
	b.WriteString("| scenario | requests | result |\n|---|---|---|\n")
	requests, same := 0, 0
	for _, r := range results {
		requests += r.requests
		verdict := "same"
		switch {
		case r.skipped:
			verdict = "not compared: Moldau does not advertise the API"
		case len(r.excused) > 0:
			var reasons []string
			for _, d := range r.excused {
				reasons = append(reasons, d.reason)
			}
			slices.Sort(reasons) // They come in another order each time.
			verdict = fmt.Sprintf("%d differ on purpose: ", len(r.others)) + strings.Join(reasons, "; ")
		default:
			same++
		}
		fmt.Fprintf(&b, "| %s | %d | %s |\n", r.name, r.requests, verdict)
	}
	fmt.Fprintf(&b, "\n%d requests in %d scenarios; %d scenarios are the same in every field.\n", requests, len(results), same)
	b.WriteString("\n## What is asked\n\nEvery version that Moldau advertises is asked for what Apache Kafka grants, and for what it refuses: with an error code, or by closing the connection.\n\n")
	b.WriteString(covered.table())
	b.WriteString("\n## What is masked\n\n")
	for _, m := range masks {
		fmt.Fprintf(&b, "- %s: %s\n", m.what, m.why)
	}
	return os.WriteFile(file, []byte(b.String()), 0o644) //nolint:gosec // A page of the documentation.
}

package config

import "iter"

// Nearest gives the key whose name is closest to a misspelled one, by the
// number of letters to change, insert, drop or swap. Not ok says that none is
// close enough to be meant.
func (d *Def) Nearest(name string) (string, bool) {
	return Nearest(name, func(yield func(string) bool) {
		for _, k := range d.keys {
			if !k.Internal && !yield(k.Name) {
				return
			}
		}
	})
}

// Nearest gives the candidate that is closest to a misspelled name, of any kind
// of name, by the number of bytes to change, insert, drop or swap. Not ok says
// that none is close enough to be meant.
func Nearest(name string, candidates iter.Seq[string]) (string, bool) {
	// Of a short name not every letter may be wrong.
	best, bestDistance := "", min(len(name)/4+2, max(len(name), 1))
	for candidate := range candidates {
		if n := distance(name, candidate, bestDistance); n < bestDistance {
			best, bestDistance = candidate, n
		}
	}
	return best, best != ""
}

// distance counts the edits between two names (optimal string alignment), but
// gives up with limit where they are at least that.
func distance(a, b string, limit int) int {
	if len(a)-len(b) >= limit || len(b)-len(a) >= limit {
		return limit
	}
	previous2 := make([]int, len(b)+1)
	previous := make([]int, len(b)+1)
	current := make([]int, len(b)+1)
	for j := range previous {
		previous[j] = j
	}
	for i := 1; i <= len(a); i++ {
		current[0] = i
		smallest := i
		for j := 1; j <= len(b); j++ {
			substitute := previous[j-1]
			if a[i-1] != b[j-1] {
				substitute++
			}
			current[j] = min(substitute, previous[j]+1, current[j-1]+1)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				current[j] = min(current[j], previous2[j-2]+1)
			}
			smallest = min(smallest, current[j])
		}
		if smallest >= limit {
			return limit
		}
		previous2, previous, current = previous, current, previous2
	}
	return previous[len(b)]
}

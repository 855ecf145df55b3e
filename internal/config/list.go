package config

import (
	"slices"
	"strings"
)

// AppendToList gives the value of a LIST key after adding the elements of added,
// separated by commas, that it has not yet. It starts from current, or from the
// key's default if current is nil: the key is not set.
func (d *Def) AppendToList(name string, current *string, added string) string {
	list := d.list(name, current)
	for value := range strings.SplitSeq(added, ",") {
		if !slices.Contains(list, value) {
			list = append(list, value)
		}
	}
	return strings.Join(list, ",")
}

// SubtractFromList is the reverse of AppendToList.
func (d *Def) SubtractFromList(name string, current *string, removed string) string {
	list := d.list(name, current)
	for value := range strings.SplitSeq(removed, ",") {
		if at := slices.Index(list, value); at >= 0 {
			list = slices.Delete(list, at, at+1)
		}
	}
	return strings.Join(list, ",")
}

// list splits a list's value; empty elements do not count.
func (d *Def) list(name string, current *string) []string {
	var list []string
	if current != nil {
		list = strings.Split(*current, ",")
	} else if key, ok := d.Lookup(name); ok {
		defaults, _ := key.Default.([]string)
		list = slices.Clone(defaults)
	}
	return slices.DeleteFunc(list, func(s string) bool { return s == "" })
}

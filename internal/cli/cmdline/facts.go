package cmdline

import (
	"fmt"
	"io"
	"strings"
)

// Facts are names with a value each, below one another.
type Facts struct {
	env    *Env
	names  []string
	values []string
}

// NewFacts gives an empty list of facts.
func NewFacts(env *Env) *Facts { return &Facts{env: env} }

// Add adds a fact; an empty value is written as "-".
func (f *Facts) Add(name string, value any) {
	text := fmt.Sprint(value)
	if text == "" {
		text = "-"
	}
	f.names = append(f.names, name)
	f.values = append(f.values, text)
}

// Write writes the facts to standard output, the values in one column.
func (f *Facts) Write() error {
	width := 0
	for _, name := range f.names {
		width = max(width, len(name))
	}
	var b strings.Builder
	for i, name := range f.names {
		b.WriteString(f.env.Faint(name) + strings.Repeat(" ", width-len(name)+2) + f.values[i] + "\n")
	}
	_, err := io.WriteString(f.env.Out, b.String())
	return err
}

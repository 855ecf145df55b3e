package config

import (
	"fmt"
	"strings"
)

// Markdown prints the keys as a table for the documentation, without internal
// ones. How a key changes is said of broker keys; all others can be altered.
func (d *Def) Markdown() string {
	var out strings.Builder
	out.WriteString("| Key | Type | Default | Valid | Importance | Changes | |\n|---|---|---|---|---|---|---|\n")
	broker := d == brokerDef || d == ownDef
	for i := range d.keys {
		k := &d.keys[i]
		if k.Internal {
			continue
		}
		changes := "any time"
		if broker {
			changes = k.Dynamic.String()
		}
		fmt.Fprintf(&out, "| `%s` | %s | %s | %s | %s | %s | %s |\n", k.Name, strings.ToLower(k.Type.String()),
			k.defaultInWords(), cell(k.validInWords()), k.Importance, changes, cell(k.Doc))
	}
	return out.String()
}

func (k *Key) defaultInWords() string {
	switch {
	case k.Required:
		return "(required)"
	case k.Default == nil:
		return "(not set)"
	case format(k.Default) == "":
		return "(empty)"
	}
	return "`" + format(k.Default) + "`"
}

func (k *Key) validInWords() string {
	if k.Valid == nil {
		return ""
	}
	return k.Valid.String()
}

// cell keeps a text from ending its cell of the table, and from being taken for
// HTML.
func cell(s string) string { return strings.NewReplacer("|", `\|`, "<", "&lt;").Replace(s) }

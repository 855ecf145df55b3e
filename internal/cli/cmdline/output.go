package cmdline

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"
)

// Format is a form of a command's result.
type Format string

// The forms.
const (
	// FormatTable is for people: aligned columns, human sizes.
	FormatTable Format = "table"
	// FormatJSON is for programs: one document, exact numbers.
	FormatJSON Format = "json"
	// FormatJSONL is for programs that read while a command still runs: one
	// document a line.
	FormatJSONL Format = "jsonl"
)

// Output is the flag -o, --output of a command.
type Output struct {
	env     *Env
	format  Format
	formats []Format
}

// NewOutput adds -o, --output to a command, with these formats of which the
// first is the default; none are table and json. The flag is inherited by the
// command's children.
func NewOutput(env *Env, cmd *cobra.Command, formats ...Format) *Output {
	if len(formats) == 0 {
		formats = []Format{FormatTable, FormatJSON}
	}
	o := &Output{env: env, format: formats[0], formats: formats}
	cmd.PersistentFlags().VarP(o, "output", "o", "`format` of the result: "+o.list())
	// The flag was added above, and no other name is completed.
	_ = cmd.RegisterFlagCompletionFunc("output", func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		var names []string
		for _, f := range o.formats {
			names = append(names, string(f))
		}
		return names, cobra.ShellCompDirectiveNoFileComp
	})
	return o
}

// Format is what was asked for.
func (o *Output) Format() Format { return o.format }

// JSON tells whether the result is one JSON document.
func (o *Output) JSON() bool { return o.format == FormatJSON }

// Write writes the result: as JSON the value, as a table what table writes.
func (o *Output) Write(value any, table func() error) error {
	if o.format == FormatTable {
		return table()
	}
	return o.env.WriteJSON(value)
}

func (o *Output) String() string { return string(o.format) }

// Type names the value in the help.
func (o *Output) Type() string { return "format" }

// Set takes the flag's value.
func (o *Output) Set(s string) error {
	if !slices.Contains(o.formats, Format(s)) {
		return fmt.Errorf("want %s", o.list())
	}
	o.format = Format(s)
	return nil
}

func (o *Output) list() string {
	names := make([]string, len(o.formats))
	for i, f := range o.formats {
		names[i] = string(f)
	}
	last := len(names) - 1
	if last == 0 {
		return names[0]
	}
	return strings.Join(names[:last], ", ") + " or " + names[last]
}

// WriteJSON writes a value to standard output as one indented JSON document.
func (e *Env) WriteJSON(value any) error { return encode(e.Out, value, "  ") }

// WriteJSONLine writes a value to standard output as one line of JSON.
func (e *Env) WriteJSONLine(value any) error { return encode(e.Out, value, "") }

func encode(w io.Writer, value any, indent string) error {
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", indent)
	return encoder.Encode(value)
}

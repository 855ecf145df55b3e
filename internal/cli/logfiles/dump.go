package logfiles

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"

	"github.com/spf13/cobra"

	"moldau.dev/moldau/broker/offline"
	"moldau.dev/moldau/internal/cli/cmdline"
)

func newDump(env *cmdline.Env) *cobra.Command {
	var o offline.DumpOptions
	var kind string
	cmd := &cobra.Command{
		Use:   "dump FILE...",
		Short: "Print what is in files of a data folder",
		Long: `Print what is in files of a data folder: segments (.log), their indexes (.index,
.timeindex, .txnindex), producer snapshots (.snapshot), snapshots of the
cluster's metadata (.checkpoint), leader-epoch-checkpoint, the offset checkpoints,
partition.metadata, meta.properties, quorum-state and .kafka_cleanshutdown.

Of segments the batches are shown, with --records the records too. Records of
the cluster's own topics are decoded: __cluster_metadata, __consumer_offsets,
__transaction_state and __share_group_state, as the folder's name says.

What makes no sense is reported where it is found, and the exit code is 1.`,
		Example: `  moldau log dump data/events-0/00000000000000000000.log
  moldau log dump -r -o jsonl data/__consumer_offsets-*/*.log | jq .decoded
  moldau log dump data/recovery-point-offset-checkpoint`,
		Args: cmdline.Args(1, cmdline.Many),
	}
	output := cmdline.NewOutput(env, cmd, cmdline.FormatTable, cmdline.FormatJSON, cmdline.FormatJSONL)
	flags := cmd.Flags()
	flags.BoolVarP(&o.Records, "records", "r", false, "print the records, not only the batches")
	flags.StringVarP(&kind, "type", "t", "", "`type` of the files, if their names do not tell: "+strings.Join(kindNames(), ", "))
	flags.StringVar(&o.Topic, "topic", "", "decode records as those of this `topic`, if the folder's name does not tell; \"-\" decodes none")
	flags.BoolVar(&o.Secrets, "secrets", false, "show passwords and credentials of the cluster's metadata")
	// The flag was added above.
	_ = cmd.RegisterFlagCompletionFunc("type", cobra.FixedCompletions(kindNames(), cobra.ShellCompDirectiveNoFileComp))
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if kind != "" {
			k, err := offline.ParseKind(kind)
			if err != nil {
				return cmdline.AsUsage(err)
			}
			o.Kind = k
		}
		return runDump(cmd, env, output, o, args)
	}
	return cmd
}

func kindNames() []string {
	var names []string
	for _, k := range offline.Kinds() {
		names = append(names, string(k))
	}
	return names
}

func runDump(cmd *cobra.Command, env *cmdline.Env, output *cmdline.Output, o offline.DumpOptions, files []string) error {
	p := newPrinter(env, output.Format())
	failed := false
	for _, file := range files {
		err := offline.Dump(cmd.Context(), file, o, p.entry)
		if cmd.Context().Err() != nil || p.err != nil {
			return err
		}
		if err != nil {
			env.Report(err)
			failed = true
		}
	}
	if err := p.close(); err != nil {
		return err
	}
	if failed || p.errors > 0 {
		return cmdline.ErrReported
	}
	return nil
}

// printer prints entries one by one.
type printer struct {
	env    *cmdline.Env
	format cmdline.Format
	begun  bool
	errors int
	err    error
}

func newPrinter(env *cmdline.Env, format cmdline.Format) *printer {
	return &printer{env: env, format: format}
}

func (p *printer) entry(e offline.Entry) error {
	if f, ok := e.(*offline.Finding); ok && f.Severity == offline.Error {
		p.errors++
	}
	switch p.format {
	case cmdline.FormatTable:
		p.err = p.env.Printf("%s", entryText(p.env, e))
	case cmdline.FormatJSONL:
		p.err = p.env.WriteJSONLine(e)
	default:
		p.err = p.element(e)
	}
	return p.err
}

// element writes one element of a JSON array.
func (p *printer) element(e offline.Entry) error {
	separator := ",\n  "
	if !p.begun {
		p.begun, separator = true, "[\n  "
	}
	data, err := json.MarshalIndent(e, "  ", "  ")
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(p.env.Out, "%s%s", separator, data)
	return err
}

func (p *printer) close() error {
	if p.format != cmdline.FormatJSON {
		return nil
	}
	if !p.begun {
		return p.env.Printf("[]")
	}
	return p.env.Printf("\n]")
}

// entryText gives an entry in one line, with the names of its JSON fields.
func entryText(env *cmdline.Env, e offline.Entry) string {
	switch e := e.(type) {
	case *offline.File:
		return env.Bold(fmt.Sprintf("%s (%s, %d bytes)", e.Path, e.Kind, e.Size))
	case *offline.Finding:
		return findingText(env, e)
	case *offline.Batch:
		return fieldsText(e, func(name string) bool {
			switch name {
			case "producerId", "producerEpoch", "baseSequence", "lastSequence":
				return e.ProducerID >= 0
			case "isTransactional":
				return e.IsTransactional
			case "isControl":
				return e.IsControl
			default:
				return true
			}
		})
	case *offline.Record:
		return "| " + fieldsText(e, func(name string) bool {
			switch name {
			case "sequence":
				return e.Sequence >= 0
			case "key", "value", "keySize", "valueSize":
				return e.Decoded == nil
			default:
				return true
			}
		})
	default:
		return fieldsText(e, func(string) bool { return true })
	}
}

// fieldsText gives the fields of a struct that keep holds for, as name: value.
func fieldsText(e any, keep func(name string) bool) string {
	var b strings.Builder
	v := reflect.ValueOf(e).Elem()
	for i := range v.NumField() {
		name, options, _ := strings.Cut(v.Type().Field(i).Tag.Get("json"), ",")
		f := v.Field(i)
		if name == "type" || options == "omitempty" && f.IsZero() || !keep(name) {
			continue
		}
		if b.Len() > 0 {
			b.WriteByte(' ')
		}
		fmt.Fprintf(&b, "%s: %s", name, valueText(f.Interface()))
	}
	return b.String()
}

// valueText gives a value as it is where it is one word, else as JSON.
func valueText(v any) string {
	switch v := v.(type) {
	case string:
		if v != "" && !strings.ContainsAny(v, " \t\r\n\"") {
			return v
		}
	case *int64:
		return fmt.Sprint(*v)
	}
	var b strings.Builder
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(v); err != nil {
		return err.Error()
	}
	return strings.TrimSuffix(b.String(), "\n")
}

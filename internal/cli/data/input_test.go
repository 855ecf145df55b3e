package data

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

func readAll(in input) (all []*kgo.Record, err error) {
	for {
		records, err := in.read()
		all = append(all, records...)
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		if err != nil {
			return all, err
		}
	}
}

// show writes keys and values so that null, empty and text differ.
func show(records []*kgo.Record) string {
	var b strings.Builder
	text := func(bytes []byte) string {
		if bytes == nil {
			return "null"
		}
		return fmt.Sprintf("%q", bytes)
	}
	for _, r := range records {
		fmt.Fprintf(&b, "%s=%s ", text(r.Key), text(r.Value))
	}
	return strings.TrimSpace(b.String())
}

func TestTemplate(t *testing.T) {
	for name, c := range map[string]struct {
		template template
		in       string
		want     string
		err      string
	}{
		"values":                     {in: "a\n\nb", want: `null="a" null="" null="b"`},
		"a key for all":              {template: template{key: []byte("k"), hasKey: true}, in: "a\nb", want: `"k"="a" "k"="b"`},
		"a null key for all":         {template: template{hasKey: true}, in: "a", want: `null="a"`},
		"keys split at the first":    {template: template{keySeparator: []byte(":")}, in: "k:a:b\n:v\nk:", want: `"k"="a:b" ""="v" "k"=""`},
		"no separator":               {template: template{keySeparator: []byte(":")}, in: "k:v\nx", want: `"k"="v"`, err: `record 2: there is no key separator ":" in "x"`},
		"null by its text":           {template: template{keySeparator: []byte(":"), null: "NULL", hasNull: true}, in: "NULL:v\nk:NULL\nk:null", want: `null="v" "k"=null "k"="null"`},
		"empty as null":              {template: template{keySeparator: []byte(":"), hasNull: true}, in: "k:", want: `"k"=null`},
		"tombstones":                 {template: template{tombstone: true}, in: "a\nb", want: `"a"=null "b"=null`},
		"values in an encoding":      {template: template{valueAs: encodingShort}, in: "1", want: `null="\x00\x01"`},
		"not in the value's":         {template: template{valueAs: encodingShort}, in: "1\nx", want: `null="\x00\x01"`, err: `record 2: value: "x" is no short: want a whole number of 16 bits`},
		"keys and tombstones in hex": {template: template{tombstone: true, keyAs: encodingHex}, in: "ff", want: `"\xff"=null`},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := readAll(&lines{template: &c.template, splitter: newSplitter(strings.NewReader(c.in), []byte("\n"))})
			if show(got) != c.want {
				t.Errorf("got %s, want %s", show(got), c.want)
			}
			if c.err == "" && err != nil || c.err != "" && (err == nil || err.Error() != c.err) {
				t.Errorf("error %v, want %q", err, c.err)
			}
			for _, r := range got {
				if r.Partition != anyPartition {
					t.Errorf("partition %d", r.Partition)
				}
			}
		})
	}
}

// Records of one portion stand in shared slabs; none may be another's.
func TestLinesGiveRecordsOfTheirOwn(t *testing.T) {
	var in strings.Builder
	const n = 10_000
	for i := range n {
		fmt.Fprintf(&in, "%d\n", i)
	}
	got, err := readAll(&lines{template: &template{}, splitter: newSplitter(strings.NewReader(in.String()), []byte("\n"))})
	if err != nil || len(got) != n {
		t.Fatalf("%d records, %v", len(got), err)
	}
	for i, r := range got {
		if string(r.Value) != fmt.Sprint(i) {
			t.Fatalf("record %d is %q", i, r.Value)
		}
	}
}

func TestFilesAreReadOneAfterTheOther(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	one, empty, two := write("one", "1\n2"), write("empty", ""), write("two", "4\n")
	open := newInput(inputLines, []byte("\n"), &template{}, time.Now)
	got, err := readAll(&files{stdin: strings.NewReader("3\n"), names: []string{one, empty, "-", two}, open: open})
	if want := `null="1" null="2" null="3" null="4"`; err != nil || show(got) != want {
		t.Errorf("got %s, %v; want %s", show(got), err, want)
	}
	if _, err := readAll(&files{names: []string{filepath.Join(dir, "none")}, open: open}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a file that is not there: %v", err)
	}
	whole := newInput(inputWhole, nil, &template{}, time.Now)
	got, err = readAll(&files{names: []string{one, empty}, open: whole})
	if want := `null="1\n2" null=""`; err != nil || show(got) != want {
		t.Errorf("got %s, %v; want %s", show(got), err, want)
	}
	json := newInput(inputJSON, nil, &template{}, time.Now)
	if _, err = readAll(&files{names: []string{one}, open: json}); err == nil || !strings.Contains(err.Error(), one+": record 1: ") {
		t.Errorf("the error does not name the file: %v", err)
	}
}

func TestPartitionerIsKafkas(t *testing.T) {
	p := newPartitioner().ForTopic("t")
	backup, ok := p.(kgo.TopicBackupPartitioner)
	if !ok {
		t.Fatal("the partitioner does not know of backups")
	}
	// The hashes are those of the Java client's own test, modulo 1000.
	for key, hash := range map[string]int32{
		"21": -973932308, "foobar": -790332482, "a-little-bit-long-string": -985981536, "a-little-bit-longer-string": -1486304829, "abc": 479470107,
	} {
		want := int(uint32(hash) & 0x7fffffff % 1000)
		if got := backup.PartitionByBackup(&kgo.Record{Key: []byte(key), Partition: anyPartition}, 1000, nil); got != want {
			t.Errorf("%s goes to %d, want %d", key, got, want)
		}
	}
	r := &kgo.Record{Key: []byte("21"), Partition: 7}
	if got := backup.PartitionByBackup(r, 1000, nil); got != 7 || !p.RequiresConsistency(r) {
		t.Errorf("a record that names partition 7 goes to %d", got)
	}
	if p.RequiresConsistency(&kgo.Record{Partition: anyPartition}) {
		t.Error("a record without key or partition insists on a partition")
	}
}

package data

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
)

func split(r io.Reader, delimiter string) (pieces []string, err error) {
	s := newSplitter(r, []byte(delimiter))
	for {
		piece, _, err := s.next()
		if errors.Is(err, io.EOF) {
			return pieces, nil
		}
		if err != nil {
			return pieces, err
		}
		pieces = append(pieces, string(piece))
	}
}

func TestSplitter(t *testing.T) {
	long := strings.Repeat("x", 3*chunkSize)
	for name, c := range map[string]struct {
		in, delimiter string
		want          []string
	}{
		"nothing":                  {"", "\n", nil},
		"lines":                    {"a\nb\n", "\n", []string{"a", "b"}},
		"last without a delimiter": {"a\nb", "\n", []string{"a", "b"}},
		"empty lines count":        {"\n\na\n", "\n", []string{"", "", "a"}},
		"NUL":                      {"a\nb\x00c\x00", "\x00", []string{"a\nb", "c"}},
		"several bytes":            {"a--b---c-", "--", []string{"a", "b", "-c-"}},
		"carriage returns stay":    {"a\r\n", "\n", []string{"a\r"}},
		"longer than a chunk":      {long + "\n" + long, "\n", []string{long, long}},
	} {
		t.Run(name, func(t *testing.T) {
			for readers, r := range map[string]io.Reader{
				"whole": strings.NewReader(c.in), "half": iotest.HalfReader(strings.NewReader(c.in)), "data and EOF": iotest.DataErrReader(strings.NewReader(c.in)),
			} {
				got, err := split(r, c.delimiter)
				if err != nil || !slices.Equal(got, c.want) {
					t.Errorf("%s: got %d pieces, %v; want %d", readers, len(got), err, len(c.want))
				}
			}
		})
	}
}

// Pieces must stay what they were while reading goes on.
func TestSplitterNeverWritesToAPieceAgain(t *testing.T) {
	var in bytes.Buffer
	for i := range 3 * chunkSize / 10 {
		in.WriteString(strings.Repeat(string(rune('a'+i%26)), 9) + "\n")
	}
	s := newSplitter(iotest.HalfReader(&in), []byte("\n"))
	var pieces [][]byte
	for {
		piece, _, err := s.next()
		if err != nil {
			break
		}
		pieces = append(pieces, piece)
	}
	for i, piece := range pieces {
		if want := strings.Repeat(string(rune('a'+i%26)), 9); string(piece) != want {
			t.Fatalf("piece %d became %q, was %q", i, piece, want)
		}
	}
}

func TestSplitterDoesNotWaitForMoreThanAsked(t *testing.T) {
	r, w := io.Pipe()
	go func() { _, _ = io.WriteString(w, "a\nb\nhalf") }()
	s := newSplitter(r, []byte("\n"))
	if piece, more, err := s.next(); string(piece) != "a" || !more || err != nil {
		t.Fatalf("got %q, %v, %v", piece, more, err)
	}
	if piece, more, err := s.next(); string(piece) != "b" || more || err != nil {
		t.Fatalf("got %q, %v, %v: half a line is none", piece, more, err)
	}
}

func TestSplitterGivesUpOnWhatHasNoEnd(t *testing.T) {
	s := newSplitter(endless{}, []byte("\n"))
	if _, _, err := s.next(); !errors.Is(err, errRecordTooLong) {
		t.Errorf("got %v", err)
	}
}

type endless struct{}

func (endless) Read(p []byte) (int, error) { return len(p), nil }

func TestSplitterKeepsTheErrorOfReading(t *testing.T) {
	broken := errors.New("broken")
	got, err := split(io.MultiReader(strings.NewReader("a\nb"), iotest.ErrReader(broken)), "\n")
	if !errors.Is(err, broken) || !slices.Equal(got, []string{"a"}) {
		t.Errorf("got %q, %v", got, err)
	}
}

func FuzzSplitter(f *testing.F) {
	f.Add([]byte("a\nb\n"), []byte("\n"))
	f.Add([]byte("aXYbXY"), []byte("XY"))
	f.Fuzz(func(t *testing.T, in, delimiter []byte) {
		if len(delimiter) == 0 {
			return
		}
		got, err := split(iotest.OneByteReader(bytes.NewReader(in)), string(delimiter))
		if err != nil {
			t.Fatal(err)
		}
		want := strings.Split(string(in), string(delimiter))
		if want[len(want)-1] == "" {
			want = want[:len(want)-1]
		}
		if !slices.Equal(got, want) {
			t.Fatalf("got %q, want %q", got, want)
		}
	})
}

func BenchmarkLines(b *testing.B) {
	in := strings.Repeat(strings.Repeat("x", 99)+"\n", 10_000)
	b.SetBytes(int64(len(in)))
	for b.Loop() {
		l := lines{template: &template{keyAs: encodingText, valueAs: encodingText}, splitter: newSplitter(strings.NewReader(in), []byte("\n"))}
		for {
			if _, err := l.read(); err != nil {
				break
			}
		}
	}
}

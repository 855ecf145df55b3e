package cmdline

import (
	"bytes"
	"strings"
	"testing"
)

func TestTableAlignsWithoutLines(t *testing.T) {
	var out bytes.Buffer
	table := NewTable(testEnv(&out), "~TOPIC", ">RECORDS", "STATUS")
	table.Row("orders", 12345, "ok")
	table.Row("größe-日本", 7)
	if err := table.Write(); err != nil {
		t.Fatal(err)
	}
	want := "TOPIC       RECORDS  STATUS\norders        12345  ok\ngröße-日本        7  -\n"
	if out.String() != want {
		t.Errorf("got\n%s\nwant\n%s", &out, want)
	}
}

func TestTableIsColouredOnlyIfAsked(t *testing.T) {
	for mode, want := range map[colorMode]bool{colorAuto: false, colorAlways: true, colorNever: false} {
		var out bytes.Buffer
		env := testEnv(&out)
		env.color = mode
		table := NewTable(env, "STATE", "NEXT")
		table.Row(env.Good("ok"), "x")
		if err := table.Write(); err != nil {
			t.Fatal(err)
		}
		if got := strings.Contains(out.String(), "\x1b[32mok"); got != want {
			t.Errorf("%s: colour %v in %q", mode, got, &out)
		}
		if want && !strings.Contains(out.String(), "ok\x1b[0m     x") {
			t.Errorf("colours count as columns: %q", &out)
		}
		if strings.Contains(out.String(), " \x1b[0m\n") {
			t.Errorf("painted spaces at the end of a line make it wider than the table: %q", &out)
		}
	}
}

func TestTableShrinksColumnsThatMay(t *testing.T) {
	table := NewTable(testEnv(new(bytes.Buffer)), "~A", ">B", "~C")
	table.Row(strings.Repeat("a", 40), "12345", strings.Repeat("c", 20))
	table.shrink(50)
	if got := table.rows[0]; got[0] != strings.Repeat("a", 20)+"…" || got[1] != "12345" || got[2] != strings.Repeat("c", 20) {
		t.Errorf("got %q", got)
	}
	table.shrink(5)
	if got := table.rows[0]; len([]rune(got[0])) != minShrunk || len([]rune(got[2])) != minShrunk || got[1] != "12345" {
		t.Errorf("got %q", got)
	}
}

func TestAnswers(t *testing.T) {
	for text, want := range map[string]bool{"y\n": true, "Yes\n": true, "y": true, "\n": false, "n\n": false, "": false, "yep\n": false} {
		if got := answer(strings.NewReader(text)) == nil; got != want {
			t.Errorf("%q: %v", text, got)
		}
	}
}

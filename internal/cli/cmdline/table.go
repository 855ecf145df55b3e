package cmdline

import (
	"fmt"
	"io"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
)

// Column is a column of a Table.
type Column struct {
	// Name is the header, in upper case.
	Name string
	// Right aligns numbers.
	Right bool
	// Shrink lets a terminal that is too narrow truncate the column.
	Shrink bool
}

// Columns gives columns by their names: a name that starts with ">" is aligned
// to the right, one that starts with "~" may be truncated.
func Columns(names ...string) []Column {
	columns := make([]Column, len(names))
	for i, name := range names {
		right, shrink := strings.HasPrefix(name, ">"), strings.HasPrefix(name, "~")
		columns[i] = Column{Name: strings.TrimLeft(name, ">~"), Right: right, Shrink: shrink}
	}
	return columns
}

// Table is an aligned table without lines: two spaces between columns, the
// header in upper case. Only on a terminal it is coloured and cut to the width.
type Table struct {
	env     *Env
	columns []Column
	rows    [][]string
}

// NewTable gives an empty table.
func NewTable(env *Env, names ...string) *Table {
	return &Table{env: env, columns: Columns(names...)}
}

// Row adds a row; cells are printed as by fmt.Sprint, an empty one as "-".
func (t *Table) Row(cells ...any) {
	row := make([]string, len(t.columns))
	for i := range row {
		if i < len(cells) {
			row[i] = fmt.Sprint(cells[i])
		}
		if row[i] == "" {
			row[i] = "-"
		}
	}
	t.rows = append(t.rows, row)
}

// Len is the number of rows.
func (t *Table) Len() int { return len(t.rows) }

// WriteDone writes a table of what was done; without rows nothing, since an error
// says why.
func (t *Table) WriteDone() error {
	if len(t.rows) == 0 {
		return nil
	}
	return t.Write()
}

// Write writes the table to standard output; without rows only its header.
func (t *Table) Write() error {
	if width := t.env.Width(); width > 0 {
		t.shrink(width)
	}
	w := table.NewWriter()
	w.SetStyle(plainStyle())
	w.SuppressTrailingSpaces()
	header := make(table.Row, len(t.columns))
	configs := make([]table.ColumnConfig, len(t.columns))
	for i, c := range t.columns {
		// The name and not its cell: spaces that are painted are not suppressed at the
		// end, and wrap where the table just fits.
		header[i] = t.env.Bold(c.Name)
		configs[i] = table.ColumnConfig{Number: i + 1}
		if c.Right {
			configs[i].Align, configs[i].AlignHeader = text.AlignRight, text.AlignRight
		}
	}
	w.AppendHeader(header)
	w.SetColumnConfigs(configs)
	for _, cells := range t.rows {
		row := make(table.Row, len(cells))
		for i, cell := range cells {
			row[i] = cell
		}
		w.AppendRow(row)
	}
	_, err := io.WriteString(t.env.Out, w.Render()+"\n")
	return err
}

// plainStyle is the style: nothing but two spaces between columns.
func plainStyle() table.Style {
	return table.Style{
		Name: "plain",
		Box:  table.BoxStyle{PaddingRight: "  "},
		Format: table.FormatOptions{
			Header: text.FormatDefault, Row: text.FormatDefault, Footer: text.FormatDefault,
		},
		Options: table.OptionsNoBordersAndSeparators,
	}
}

// minShrunk is what truncation leaves of a column at least.
const minShrunk = 10

// shrink truncates the columns that may be, the widest first, until the table
// fits into width or they are all as narrow as they may get.
func (t *Table) shrink(width int) {
	widths, total := make([]int, len(t.columns)), 0
	for i, c := range t.columns {
		widths[i] = text.StringWidthWithoutEscSequences(c.Name)
		for _, row := range t.rows {
			widths[i] = max(widths[i], text.StringWidthWithoutEscSequences(row[i]))
		}
		total += widths[i] + 2
	}
	for total-2 > width {
		widest := -1
		for i, c := range t.columns {
			if c.Shrink && widths[i] > minShrunk && (widest < 0 || widths[i] > widths[widest]) {
				widest = i
			}
		}
		if widest < 0 {
			return
		}
		cut := min(total-2-width, widths[widest]-minShrunk)
		widths[widest] -= cut
		total -= cut
		for _, row := range t.rows {
			row[widest] = text.Snip(row[widest], widths[widest], "…")
		}
	}
}

package cmdline

// color is an ANSI code; colours mean the same everywhere.
type color string

const (
	bold   color = "1"
	faint  color = "2"
	red    color = "31"
	green  color = "32"
	yellow color = "33"
	cyan   color = "36"
)

func paint(on bool, c color, s string) string {
	if !on || s == "" {
		return s
	}
	return "\x1b[" + string(c) + "m" + s + "\x1b[0m"
}

func (e *Env) paintErr(c color, s string) string { return paint(e.ErrColored(), c, s) }

// Bold paints what stands out, for standard output, and like all of these only if
// it takes colours.
func (e *Env) Bold(s string) string { return paint(e.Colored(), bold, s) }

// Faint paints what matters less.
func (e *Env) Faint(s string) string { return paint(e.Colored(), faint, s) }

// Good paints what is well.
func (e *Env) Good(s string) string { return paint(e.Colored(), green, s) }

// Warn paints what needs a look.
func (e *Env) Warn(s string) string { return paint(e.Colored(), yellow, s) }

// Bad paints what is wrong.
func (e *Env) Bad(s string) string { return paint(e.Colored(), red, s) }

// Key paints a name.
func (e *Env) Key(s string) string { return paint(e.Colored(), cyan, s) }

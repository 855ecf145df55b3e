package moldautest_test

import (
	"context"
	"fmt"
	"io"
	"os"
	"testing"

	"go.uber.org/goleak"
)

// t stands in the examples for the *testing.T of a test.
var t = &exampleT{}

// exampleT is what a broker needs of a test, for functions that are none.
type exampleT struct {
	testing.TB
	cleanups []func()
}

func (*exampleT) Helper()                  {}
func (*exampleT) Context() context.Context { return context.Background() }
func (*exampleT) Output() io.Writer        { return io.Discard }
func (e *exampleT) Cleanup(f func())       { e.cleanups = append(e.cleanups, f) }

// The failures show in what the example prints.
func (*exampleT) Errorf(format string, args ...any) { fmt.Printf(format+"\n", args...) }
func (*exampleT) Fatalf(format string, args ...any) { panic(fmt.Sprintf(format, args...)) }
func (*exampleT) Fatal(args ...any)                 { panic(fmt.Sprint(args...)) }

func (e *exampleT) end() {
	for i := len(e.cleanups) - 1; i >= 0; i-- {
		e.cleanups[i]()
	}
}

// TestMain fails if a broker leaves a goroutine behind.
func TestMain(m *testing.M) {
	code := m.Run()
	t.end()
	if err := goleak.Find(); err != nil && code == 0 {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

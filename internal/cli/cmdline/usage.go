package cmdline

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// usageError marks an error of the command line itself.
type usageError struct{ err error }

func (e usageError) Error() string { return e.err.Error() }
func (e usageError) Unwrap() error { return e.err }

// Usagef gives an error of the command line itself, for ExitUsage.
func Usagef(format string, args ...any) error {
	return usageError{fmt.Errorf(format, args...)}
}

// AsUsage marks err as an error of the command line itself; nil stays nil.
func AsUsage(err error) error {
	if err == nil {
		return nil
	}
	return usageError{err}
}

// Many is as many arguments as there are.
const Many = -1

// Args takes least arguments at least and most at most.
func Args(least, most int) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		n := len(args)
		switch {
		case n >= least && (most == Many || n <= most):
			return nil
		case cmd.HasAvailableSubCommands():
			return unknownCommand(cmd, args[0])
		case most == 0:
			return WithHint(Usagef("%s takes no arguments, and got %q", title(cmd), args), "'%s --help' explains it", cmd.CommandPath())
		}
		want := Count(least, "argument")
		switch {
		case least != most && n < least:
			want += " at least"
		case least != most:
			want = Count(most, "argument") + " at most"
		}
		return WithHint(Usagef("%s wants %s, and got %d", title(cmd), want, n), "the usage is: %s", cmd.UseLine())
	}
}

// title is what a command is called in an error, which begins with the name of
// the root already.
func title(cmd *cobra.Command) string {
	return strings.TrimSpace(strings.TrimPrefix(cmd.CommandPath(), cmd.Root().Name()))
}

func unknownCommand(cmd *cobra.Command, name string) error {
	var names []string
	for _, child := range cmd.Commands() {
		if child.IsAvailableCommand() {
			names = append(append(names, child.Name()), child.Aliases...)
		}
	}
	err := Usagef("there is no command %q", strings.TrimSpace(title(cmd)+" "+name))
	if near, ok := Nearest(name, names); ok {
		return WithHint(err, "did you mean '%s %s'?", cmd.CommandPath(), near)
	}
	return WithHint(err, "'%s --help' lists them", cmd.CommandPath())
}

// FlagError makes cobra's error about a flag one of usage that says what is
// wanted, or which flag may be meant.
func FlagError(cmd *cobra.Command, err error) error {
	var unknown *pflag.NotExistError
	var invalid *pflag.InvalidValueError
	var number *strconv.NumError
	switch {
	case errors.As(err, &unknown):
		var names []string
		cmd.Flags().VisitAll(func(f *pflag.Flag) {
			if !f.Hidden {
				names = append(names, f.Name)
			}
		})
		if near, ok := Nearest(unknown.GetSpecifiedName(), names); ok && unknown.GetSpecifiedShortnames() == "" {
			return WithHint(AsUsage(err), "did you mean --%s?", near)
		}
	case errors.As(err, &invalid):
		cause := errors.Unwrap(invalid)
		if errors.As(cause, &number) {
			cause = numberWanted(number)
		}
		err = fmt.Errorf("--%s %s: %w", invalid.GetFlag().Name, invalid.GetValue(), cause)
	}
	return WithHint(AsUsage(err), "'%s --help' lists the flags", cmd.CommandPath())
}

func numberWanted(err *strconv.NumError) error {
	switch {
	case err.Func == "ParseBool":
		return errors.New("want true or false")
	case errors.Is(err.Err, strconv.ErrRange):
		return errors.New("that number is too large")
	case err.Func == "ParseFloat":
		return errors.New("want a number")
	default:
		return errors.New("want a whole number")
	}
}

// HideDefault keeps defaults out of the help that mean nothing to a reader, such as
// -1 for what is not given.
func HideDefault(flags *pflag.FlagSet, names ...string) {
	for _, name := range names {
		f := flags.Lookup(name)
		f.DefValue = "0" // The help leaves out what looks like zero.
		if f.Value.Type() == "string" {
			f.DefValue = ""
		}
	}
}

// OneOf has a command take exactly one of these flags.
func OneOf(cmd *cobra.Command, names ...string) {
	// For completions: they offer all of them, and after one the others no more.
	cmd.MarkFlagsOneRequired(names...)
	cmd.MarkFlagsMutuallyExclusive(names...)
	next := cmd.PreRunE
	cmd.PreRunE = func(cmd *cobra.Command, args []string) error {
		var given []string
		for _, name := range names {
			if cmd.Flags().Changed(name) {
				given = append(given, "--"+name)
			}
		}
		switch {
		case len(given) == 0:
			all := slices.Clone(names)
			for i := range all {
				all[i] = "--" + all[i]
			}
			last := len(all) - 1
			return WithHint(Usagef("want one of %s or %s", strings.Join(all[:last], ", "), all[last]), "'%s --help' explains them", cmd.CommandPath())
		case len(given) > 1:
			return Usagef("%s exclude each other", strings.Join(given, " and "))
		case next != nil:
			return next(cmd, args)
		}
		return nil
	}
}

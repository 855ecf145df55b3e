package cmdline

import (
	"errors"
	"regexp"
	"regexp/syntax"
)

// WholeName compiles a regular expression for whole names, as Kafka's tools take
// them.
func WholeName(expression string) (*regexp.Regexp, error) {
	// By itself first: an error should not show what is put around it, nor may the
	// expression close it.
	if _, err := regexp.Compile(expression); err != nil {
		return nil, PatternError(expression, err)
	}
	return regexp.MustCompile("^(?:" + expression + ")$"), nil
}

// PatternError says what is wrong with a regular expression.
func PatternError(expression string, err error) error {
	var wrong *syntax.Error
	if errors.As(err, &wrong) {
		return Usagef("%q is no regular expression: %s in %q", expression, wrong.Code, wrong.Expr)
	}
	return AsUsage(err)
}

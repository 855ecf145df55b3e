package kafka

import (
	"fmt"

	"github.com/twmb/franz-go/pkg/kerr"
)

// Error is a refusal with a message for the client: the code travels in the
// response's error code, the message in its error message where the API has
// one. errors.Is and errors.As see the code.
type Error struct {
	Code    *kerr.Error
	Message string
}

// Errorf returns an Error with that code and message.
func Errorf(code *kerr.Error, format string, args ...any) error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

func (e *Error) Error() string { return e.Code.Message + ": " + e.Message }

// Unwrap gives the code.
func (e *Error) Unwrap() error { return e.Code }

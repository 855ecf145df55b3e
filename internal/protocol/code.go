package protocol

import (
	"context"
	"errors"

	"github.com/twmb/franz-go/pkg/kerr"

	"moldau.dev/moldau/internal/kafka"
)

// Code maps an error to the code on the wire: 0 for nil, the code of the
// *kerr.Error in its chain, REQUEST_TIMED_OUT for a deadline, and
// UNKNOWN_SERVER_ERROR for anything else (which the caller logs).
func Code(err error) int16 {
	if err == nil {
		return 0
	}
	var code *kerr.Error
	switch {
	case errors.As(err, &code):
		return code.Code
	case errors.Is(err, context.DeadlineExceeded):
		return kerr.RequestTimedOut.Code
	}
	return kerr.UnknownServerError.Code
}

// Message is the text for the client: that of kafka.Errorf if it is in the
// chain, else nil, so that the client shows the code's own text. What other
// errors say stays inside the broker.
func Message(err error) *string {
	var e *kafka.Error
	if errors.As(err, &e) {
		return &e.Message
	}
	return nil
}

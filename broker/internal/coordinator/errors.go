package coordinator

import (
	"errors"

	"github.com/twmb/franz-go/pkg/kerr"
)

// ResponseError translates an error of an operation into the one a client of a
// coordinator understands: those of the log underneath mean nothing to it.
func ResponseError(err error) error {
	var code *kerr.Error
	if !errors.As(err, &code) {
		return err
	}
	switch code.Code {
	case kerr.NetworkException.Code:
		// Verifying a transaction can end so; old clients only retry a load.
		return kerr.CoordinatorLoadInProgress
	case kerr.UnknownTopicOrPartition.Code, kerr.NotEnoughReplicas.Code, kerr.RequestTimedOut.Code:
		return kerr.CoordinatorNotAvailable
	case kerr.NotLeaderForPartition.Code, kerr.KafkaStorageError.Code:
		return kerr.NotCoordinator
	case kerr.MessageTooLarge.Code, kerr.RecordListTooLarge.Code, kerr.InvalidFetchSize.Code:
		return kerr.UnknownServerError
	default:
		return err
	}
}

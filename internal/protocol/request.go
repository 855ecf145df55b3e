package protocol

import (
	"fmt"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// Decode reads the body of a request in the version of its header. The version
// must be one that kmsg knows (at most kmsg's MaxVersion for the key);
// otherwise, and for bytes that are no such request, the error is a
// *MalformedError.
//
// Strings are copies. Byte slices (records of Produce, group metadata and
// assignments, SASL bytes) alias body: they are valid as long as the frame is,
// and must be cloned to outlive it.
func Decode(h Header, body []byte) (kmsg.Request, error) {
	req := kmsg.RequestForKey(h.Key)
	if req == nil {
		return nil, &MalformedError{Key: -1, Version: -1, Reason: fmt.Sprintf("unknown API key %d", h.Key)}
	}
	if err := DecodeInto(req, h, body); err != nil {
		return nil, err
	}
	return req, nil
}

// DecodeInto is Decode into a request that the caller keeps, for the hot path.
// The request must be of the header's key. Those of Produce and Fetch use the memory
// again that the request has, so nothing of it may outlive the next call but strings;
// they have no unknown tagged fields. Others must be new: kmsg resets no field that the
// body does not have.
func DecodeInto(req kmsg.Request, h Header, body []byte) error {
	if h.Version < 0 || h.Version > req.MaxVersion() {
		return h.malformed("unknown version")
	}
	if reason := checkBody(h, body); reason != "" {
		return h.malformed(reason)
	}
	req.SetVersion(h.Version)
	if err := readInto(req, body); err != nil {
		return h.malformed(err.Error())
	}
	return nil
}

func readInto(req kmsg.Request, body []byte) error {
	switch req := req.(type) {
	case *kmsg.ProduceRequest:
		return decodeProduce(req, body)
	case *kmsg.FetchRequest:
		return decodeFetch(req, body)
	}
	return req.ReadFrom(body)
}

package moldautest

import (
	"reflect"
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// errorResponse gives the response that carries an error to all that the request
// asks for, as Kafka's own does: a request's topics, partitions, groups and so on
// come back with the error on each; one that names nothing of the kind gets it
// as a whole. It gives nil where the response has no place for an error. self is what
// metadata tells of the broker.
//
// It works by the names of kmsg's fields, which are the same in the requests and
// responses of nearly all APIs; aliases has the others.
func errorResponse(req kmsg.Request, err *kerr.Error, self kmsg.MetadataResponseBroker) kmsg.Response {
	resp := req.ResponseKind()
	r, q := reflect.ValueOf(resp).Elem(), reflect.ValueOf(req).Elem()
	if !slices.Contains(asWhole, kmsg.Key(req.Key())) {
		mirror(r, q)
	}
	place(r, err)
	switch resp := resp.(type) {
	case *kmsg.MetadataResponse:
		resp.Brokers, resp.ControllerID = []kmsg.MetadataResponseBroker{self}, self.NodeID
	case *kmsg.OffsetFetchResponse:
		resp.ErrorCode = err.Code // Clients look here first; from version 8 on it is not sent.
	}
	if !carries(resp, err) {
		return nil
	}
	return resp
}

// carries tells whether the error is there after the way over the wire: not every
// version has every place.
func carries(resp kmsg.Response, err *kerr.Error) bool {
	sent := kmsg.ResponseForKey(resp.Key())
	sent.SetVersion(resp.GetVersion())
	return sent.ReadFrom(resp.AppendTo(nil)) == nil && holds(reflect.ValueOf(sent).Elem(), err)
}

func holds(v reflect.Value, err *kerr.Error) bool {
	if code := v.FieldByName("ErrorCode"); code.IsValid() && code.Kind() == reflect.Int16 && code.Int() == int64(err.Code) {
		return true
	}
	for i := range v.NumField() {
		field := v.Field(i)
		if field.Kind() != reflect.Slice || field.Type().Elem().Kind() != reflect.Struct {
			continue
		}
		for j := range field.Len() {
			if holds(field.Index(j), err) {
				return true
			}
		}
	}
	return false
}

// asWhole are the APIs whose clients look for the error in the response as a whole,
// although there are places for others.
var asWhole = []kmsg.Key{kmsg.JoinGroup, kmsg.SyncGroup, kmsg.LeaveGroup, kmsg.AlterPartitionAssignments, kmsg.DescribeLogDirs, kmsg.OffsetDelete}

// aliases are fields of responses that answer fields of another name.
var aliases = map[string][]string{
	"Coordinators": {"CoordinatorKeys"},
	"Topics":       {"TopicNames"},
	"Partitions":   {"PartitionIDs"},
}

// mirror gives the response an element for each element of the request's lists.
func mirror(resp, req reflect.Value) {
	for i := range resp.NumField() {
		field, to := resp.Type().Field(i), resp.Field(i)
		from := counterpart(req, field.Name)
		if !from.IsValid() || !field.IsExported() {
			continue
		}
		switch {
		case to.Kind() == reflect.Slice && to.Type().Elem().Kind() == reflect.Struct && from.Kind() == reflect.Slice:
			if from.Len() == 0 {
				continue
			}
			to.Set(reflect.MakeSlice(to.Type(), from.Len(), from.Len()))
			for j := range from.Len() {
				mirrorElement(to.Index(j), from.Index(j))
			}
		default:
			assign(to, from)
		}
	}
}

// counterpart is the request's field that a field of the response answers.
func counterpart(req reflect.Value, name string) reflect.Value {
	from := req.FieldByName(name)
	for _, alias := range aliases[name] {
		if other := req.FieldByName(alias); other.IsValid() && (!from.IsValid() || from.Len() == 0) {
			from = other
		}
	}
	return from
}

// mirrorElement fills an element of the response's list: from one that has the same
// names, or from the bare name, id or number that the request has.
func mirrorElement(to, from reflect.Value) {
	if d, ok := to.Addr().Interface().(interface{ Default() }); ok {
		d.Default()
	}
	if from.Kind() == reflect.Struct {
		mirror(to, from)
		return
	}
	for i := range to.NumField() {
		if to.Type().Field(i).Name != "ErrorCode" && assign(to.Field(i), from) {
			return
		}
	}
}

// assign sets a field from one of the same type, or a pointer to it.
func assign(to, from reflect.Value) bool {
	switch {
	case from.Type() == to.Type() && to.Type() != reflect.TypeFor[kmsg.Tags]():
		to.Set(from)
	case to.Kind() == reflect.Pointer && from.Type() == to.Type().Elem():
		p := reflect.New(from.Type())
		p.Elem().Set(from)
		to.Set(p)
	case from.Kind() == reflect.Pointer && !from.IsNil() && from.Type().Elem() == to.Type():
		to.Set(from.Elem())
	default:
		return false
	}
	return true
}

// place sets the error where nothing below has a place for it.
func place(v reflect.Value, err *kerr.Error) bool {
	placed := false
	for i := range v.NumField() {
		field := v.Field(i)
		if field.Kind() != reflect.Slice || field.Type().Elem().Kind() != reflect.Struct {
			continue
		}
		for j := range field.Len() {
			placed = place(field.Index(j), err) || placed
		}
	}
	if code := v.FieldByName("ErrorCode"); !placed && code.IsValid() && code.Kind() == reflect.Int16 {
		code.SetInt(int64(err.Code))
		placed = true
	}
	return placed
}

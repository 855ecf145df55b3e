package compat

import (
	"encoding/binary"
	"fmt"
	"maps"
	"reflect"
	"slices"

	"github.com/twmb/franz-go/pkg/kmsg"
)

func everyScenarios() []scenario {
	return []scenario{
		{name: "Every API and version: nothing, one of everything, unknown tags, frames that are cut or too long", run: everyAPI},
		{name: "Every API and version, on the controller's listener", run: func(c *client) { everyAPI(c.atController()) }},
		{name: "Every API and version: every byte another one", run: everyByte},
		{name: "Every API and version, on the controller's listener: every byte another one", run: func(c *client) { everyByte(c.atController()) }},
		{name: "Topics and configurations, on the controller's listener", run: controllerAdmin},
	}
}

// atController is the same client at the controller's listener of the node.
func (c *client) atController() *client {
	return &client{ctx: c.ctx, node: c.node.atController, clientID: c.clientID, script: c.script}
}

func controllerAdmin(c *client) {
	at := c.atController()
	defer at.close()
	for _, endpoint := range []int8{0, 1, 2, 3} {
		at.each(fmt.Sprintf("describe the cluster, endpoint type %d", endpoint), 0, 2, func(v int16) kmsg.Request {
			req := kmsg.NewPtrDescribeClusterRequest()
			if v >= 1 {
				req.EndpointType = endpoint
			}
			return req
		})
	}
	at.each("versions", 0, 6, func(int16) kmsg.Request { return apiVersions("compat", "1") })
	at.ask("create", createTopic("at-controller", nil))
	at.ask("create again", createTopic("at-controller", nil))
	c.awaitTopic("at-controller", 1)
	at.ask("describe configs", describeResource(kmsg.ConfigResourceTypeTopic, "at-controller"))
	set := kmsg.IncrementalAlterConfigOpSet
	at.ask("alter", alterKey(kmsg.ConfigResourceTypeTopic, "at-controller", "retention.ms", set, kmsg.StringPtr("1000")))
	at.ask("alter to nonsense", alterKey(kmsg.ConfigResourceTypeTopic, "at-controller", "retention.ms", set, kmsg.StringPtr("x")))
	at.ask("alter what is not there", alterKey(kmsg.ConfigResourceTypeTopic, "at-controller-not", "retention.ms", set, kmsg.StringPtr("1000")))
	grow := kmsg.NewPtrCreatePartitionsRequest()
	grow.SetVersion(3)
	grow.TimeoutMillis = 10_000
	grow.Topics = []kmsg.CreatePartitionsRequestTopic{{Topic: "at-controller", Count: 2}}
	at.ask("two partitions", grow)
	at.ask("two partitions again", grow)
	name := "at-controller"
	gone := kmsg.NewPtrDeleteTopicsRequest()
	gone.SetVersion(6)
	gone.TimeoutMillis, gone.Topics = 10_000, []kmsg.DeleteTopicsRequestTopic{{Topic: &name}}
	at.ask("delete", gone)
	at.ask("delete again", gone)
}

// everyByte changes each byte of a request in turn. What comes of it is a length
// or a count that is negative, huge or too small, null, another value.
func everyByte(c *client) {
	defer c.close()
	advertised := advertisedAt(c.node.controller)
	for _, key := range slices.Sorted(maps.Keys(advertised)) {
		if key == int16(kmsg.UnregisterBroker) {
			continue // The only broker would be gone.
		}
		for v := advertised[key].MinVersion; v <= advertised[key].MaxVersion; v++ {
			req := kmsg.RequestForKey(key)
			populate(reflect.ValueOf(req).Elem())
			req.SetVersion(v)
			whole := c.frame(req)
			begin := 4 + 2 + 2 + 4 + 2 + len(c.clientID)
			for at := begin; at < len(whole); at++ {
				for _, b := range []byte{0, 1, 0x7f, 0xff} {
					if whole[at] == b || key == int16(kmsg.FindCoordinator) && (b == 1 || b == 2) {
						continue // There are no coordinators of transactions, 1, and of share groups, 2, yet.
					}
					changed := c.frame(req)
					changed[at] = b
					c.askFrame(fmt.Sprintf("%s v%d, byte %d is %#x", kmsg.NameForKey(key), v, at-begin, b), changed, req)
				}
			}
		}
	}
}

// everyAPI asks for every version of every API that Moldau advertises, in ways
// that mean nothing to any of them in particular.
func everyAPI(c *client) {
	if !c.node.controller {
		c.coordinator(" xy")
		c.newProducerID()
	}
	defer c.close()
	advertised := advertisedAt(c.node.controller)
	for _, key := range slices.Sorted(maps.Keys(advertised)) {
		for v := advertised[key].MinVersion; v <= advertised[key].MaxVersion; v++ {
			empty := func() kmsg.Request {
				req := kmsg.RequestForKey(key)
				req.(interface{ Default() }).Default()
				req.SetVersion(v)
				if produce, ok := req.(*kmsg.ProduceRequest); ok {
					produce.Acks = -1 // With 0 there is no answer.
				}
				return req
			}
			step := func(name string) string { return fmt.Sprintf("%s v%d: %s", kmsg.NameForKey(key), v, name) }
			c.ask(step("nothing"), empty())
			full := empty()
			populate(reflect.ValueOf(full).Elem())
			full.SetVersion(v)
			c.ask(step("one of everything"), full)
			if full.IsFlexible() {
				tagged := empty()
				populate(reflect.ValueOf(tagged).Elem())
				tagged.SetVersion(v)
				tag(reflect.ValueOf(tagged).Elem())
				c.ask(step("unknown tags"), tagged)
				c.askFrame(step("an unknown tag in the header"), tagHeader(c.frame(full)), full)
			}
			whole := c.frame(full)
			c.askFrame(step("cut by a byte"), whole[:len(whole)-1], full)
			c.askFrame(step("a byte too long"), append(c.frame(full), 0), full)
		}
	}
}

// frame is a whole request as it is sent.
func (c *client) frame(req kmsg.Request) []byte {
	return kmsg.NewRequestFormatter(kmsg.FormatterClientID(c.clientID)).AppendRequest(nil, req, c.last+1)
}

// askFrame sends a frame, with the size it has now, that was made of a request.
func (c *client) askFrame(name string, frame []byte, req kmsg.Request) {
	binary.BigEndian.PutUint32(frame, uint32(len(frame)-4))
	resp, err := c.sendFrame(frame, req)
	c.script.recordAnswer(name, c.node, req, resp, err)
}

// tagHeader puts a tagged field into the header of a flexible request.
func tagHeader(frame []byte) []byte {
	const beforeClientID = 4 + 2 + 2 + 4
	at := beforeClientID + 2 + int(binary.BigEndian.Uint16(frame[beforeClientID:]))
	return slices.Concat(frame[:at], []byte{1, 77, 3, 'a', 'b', 'c'}, frame[at+1:])
}

// populate gives every list one element, and every field a value that names
// nothing that exists.
func populate(v reflect.Value) {
	switch v.Kind() {
	case reflect.Struct:
		if d, ok := v.Addr().Interface().(interface{ Default() }); ok {
			d.Default() // Of tagged fields, which older versions do not have.
		}
		for i := range v.NumField() {
			switch f := v.Type().Field(i); {
			case f.Name == "TimeoutMillis":
				v.Field(i).SetInt(0x07070707) // It must not run out, whichever byte of it changes.
			case f.IsExported() && !slices.Contains(notPopulated, f.Name):
				populate(v.Field(i))
			}
		}
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		populate(v.Elem())
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		populate(v.Index(0))
	case reflect.Array:
		v.Index(0).SetUint(7)
	case reflect.String:
		v.SetString(" xy")
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Uint8, reflect.Uint16, reflect.Uint32:
		v.SetUint(7)
	default:
		v.SetInt(7)
	}
}

var notPopulated = []string{
	"Version", "UnknownTags",
	"TransactionID", "TransactionalID", // There are no transactions yet.
	"IsolationLevel",                                      // Scenarios of their own.
	"ReplicaState", "ReplicaDirectoryID", "HighWatermark", // Tagged fields of Fetch, which the encoder writes in every version.
}

// tag puts a tagged field that nobody knows into every structure.
func tag(v reflect.Value) {
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			switch f := v.Type().Field(i); {
			case f.Name == "UnknownTags":
				v.Field(i).Addr().Interface().(*kmsg.Tags).Set(77, []byte("abc"))
			case f.IsExported() && !slices.Contains(notPopulated, f.Name):
				tag(v.Field(i))
			}
		}
	case reflect.Pointer:
		tag(v.Elem())
	case reflect.Slice:
		for i := range v.Len() {
			tag(v.Index(i))
		}
	}
}

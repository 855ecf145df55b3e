package offline

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"reflect"
	"strings"
	"unicode"

	"moldau.dev/moldau/broker/internal/metadata"
	"moldau.dev/moldau/internal/config"
	"moldau.dev/moldau/internal/kafka"
)

// Redacted stands for credentials that are not shown.
const Redacted = "[hidden]"

// recordName gives Kafka's name of a metadata record.
func recordName(r metadata.Record) string {
	name := reflect.TypeOf(r).Elem().Name()
	if name == "ProducerIDsRecord" {
		return "ProducerIdsRecord"
	}
	return name
}

// metadataJSON gives the fields of a metadata record with Kafka's names.
func metadataJSON(r metadata.Record, secrets bool) json.RawMessage {
	if !secrets {
		r = redacted(r)
	}
	return toJSON(r)
}

// redacted gives a copy of a record without its credentials.
func redacted(r metadata.Record) metadata.Record {
	hidden := Redacted
	switch r := r.(type) {
	case *metadata.UserScramCredentialRecord:
		c := *r
		c.Salt, c.StoredKey, c.ServerKey = nil, nil, nil
		return &c
	case *metadata.ConfigRecord:
		if r.Value != nil && isSecret(r.ResourceType, r.Name) {
			c := *r
			c.Value = &hidden
			return &c
		}
	}
	return r
}

// isSecret tells whether a config holds, or may hold, a password: of keys that
// this software does not know nobody can tell.
func isSecret(t metadata.ResourceType, name string) bool {
	if t != metadata.ResourceBroker {
		return false
	}
	if rest, ok := strings.CutPrefix(name, "listener.name."); ok {
		// What follows the listener's name may have the name of a mechanism before
		// the key's own.
		for ok {
			_, rest, ok = strings.Cut(rest, ".")
			if k, known := config.BrokerKeys().Lookup(rest); known {
				return k.Sensitive()
			}
		}
		return true
	}
	if _, ok := config.DynamicQuotaKeys().Lookup(name); ok {
		return false
	}
	k, ok := config.BrokerKeys().Lookup(name)
	return !ok || k.Sensitive()
}

// toJSON marshals a struct of ours with the names of its fields in Kafka's
// spelling, and values in the form of Kafka's messages.
func toJSON(v any) json.RawMessage {
	var b bytes.Buffer
	writeJSON(&b, reflect.ValueOf(v))
	return b.Bytes()
}

func writeJSON(b *bytes.Buffer, v reflect.Value) {
	if v.IsValid() && v.CanInterface() {
		switch x := v.Interface().(type) {
		case kafka.UUID:
			b.Write(quoted(x.String()))
			return
		case []byte:
			b.Write(quoted(base64.StdEncoding.EncodeToString(x)))
			return
		}
	}
	switch v.Kind() {
	case reflect.Invalid:
		b.WriteString("null")
	case reflect.Pointer, reflect.Interface:
		writeJSON(b, v.Elem())
	case reflect.Struct:
		b.WriteByte('{')
		first := true
		for i := range v.NumField() {
			f := v.Type().Field(i)
			if !f.IsExported() || first && f.Name == "Version" && strings.HasSuffix(v.Type().Name(), "Record") {
				continue // The version of a record stands beside its fields.
			}
			if !first {
				b.WriteByte(',')
			}
			first = false
			b.Write(quoted(fieldName(v.Type().Name(), f.Name)))
			b.WriteByte(':')
			writeJSON(b, v.Field(i))
		}
		b.WriteByte('}')
	case reflect.Slice:
		if v.IsNil() {
			b.WriteString("null")
			return
		}
		b.WriteByte('[')
		for i := range v.Len() {
			if i > 0 {
				b.WriteByte(',')
			}
			writeJSON(b, v.Index(i))
		}
		b.WriteByte(']')
	case reflect.String:
		b.Write(quoted(v.String()))
	default:
		// Numbers and booleans always marshal, but for infinities.
		data, err := json.Marshal(v.Interface())
		if err != nil {
			data = quoted(err.Error())
		}
		b.Write(data)
	}
}

// kafkaName gives the name of a field that Kafka calls otherwise than we do.
func kafkaName(of, name string) (string, bool) {
	switch name {
	case "ELR":
		return "eligibleLeaderReplicas", true
	case "LastKnownELR":
		return "lastKnownElr", true
	case "Level":
		if of == "KRaftVersion" {
			return "kRaftVersion", true
		}
		return "featureLevel", true
	case "Min":
		return "minSupportedVersion", true
	case "Max":
		return "maxSupportedVersion", true
	case "Endpoints":
		if of != "voterJSON" {
			return "endPoints", true
		}
	}
	return "", false
}

// fieldName gives Kafka's spelling of a field of a type: topicId for TopicID.
func fieldName(of, name string) string {
	if other, ok := kafkaName(of, name); ok {
		return other
	}
	for _, initialism := range []string{"ID", "ISR", "ACL"} {
		name = strings.ReplaceAll(name, initialism, initialism[:1]+strings.ToLower(initialism[1:]))
	}
	runes := []rune(name)
	runes[0] = unicode.ToLower(runes[0])
	return string(runes)
}

// fieldsNode gives a struct as a folder whose leaves are its fields.
func fieldsNode(name string, v any) *Node {
	n := dirNode(name)
	s := reflect.ValueOf(v).Elem()
	for i := range s.NumField() {
		if f := s.Type().Field(i); f.IsExported() && f.Name != "Version" {
			var b bytes.Buffer
			writeJSON(&b, s.Field(i))
			n.add(&Node{Name: fieldName(s.Type().Name(), f.Name), Value: b.Bytes()})
		}
	}
	return n
}

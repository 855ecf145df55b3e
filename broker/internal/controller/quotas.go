package controller

import (
	"math"
	"net/netip" //nolint:depguard // Only to parse addresses.
	"slices"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"moldau.dev/moldau/broker/internal/metadata"
	"moldau.dev/moldau/internal/kafka"
	"moldau.dev/moldau/internal/protocol"
)

// Entity types of client quotas.
const (
	quotaUser     = "user"
	quotaClientID = "client-id"
	quotaIP       = "ip"
)

// quotaKind is what the value of a quota may be.
type quotaKind struct {
	// name is Kafka's name of the kind with its article, and greatest the
	// greatest value; an empty name allows any, also fractions.
	name     string
	greatest float64
}

var (
	quotaDouble = quotaKind{}
	quotaLong   = quotaKind{"a LONG", math.MaxInt64}
	quotaInt    = quotaKind{"an INT", math.MaxInt32}

	// clientQuotaKeys are the quotas of users and clients, ipQuotaKeys those of
	// addresses.
	clientQuotaKeys = map[string]quotaKind{
		"producer_byte_rate":       quotaLong,
		"consumer_byte_rate":       quotaLong,
		"request_percentage":       quotaDouble,
		"controller_mutation_rate": quotaDouble,
	}
	ipQuotaKeys = map[string]quotaKind{"connection_creation_rate": quotaInt}
)

// AlterClientQuotas sets and removes quotas (KIP-546). Each entity has its own
// error in the response.
func (c *Core) AlterClientQuotas(_ time.Time, req *kmsg.AlterClientQuotasRequest) Result {
	resp := kmsg.NewPtrAlterClientQuotasResponse()
	resp.Version = req.Version
	var records []metadata.Record
	for i := range req.Entries {
		entry := &req.Entries[i]
		altered, err := c.alterClientQuota(entry)
		if err == nil && alteredBefore(req.Entries[:i], entry) {
			altered, err = nil, kafka.Errorf(kerr.InvalidRequest, "Ignoring duplicate entity %s", describeEntity(entry.Entity))
		}
		records = append(records, altered...)
		re := kmsg.NewAlterClientQuotasResponseEntry()
		re.ErrorCode, re.ErrorMessage = protocol.Code(err), protocol.Message(err)
		for _, e := range entry.Entity {
			part := kmsg.NewAlterClientQuotasResponseEntryEntity()
			part.Type, part.Name = e.Type, e.Name
			re.Entity = append(re.Entity, part)
		}
		resp.Entries = append(resp.Entries, re)
	}
	result := Result{Records: records, Response: resp, Atomic: true}.bounded()
	if req.ValidateOnly {
		result.Records = nil
	}
	return result
}

func alteredBefore(entries []kmsg.AlterClientQuotasRequestEntry, entry *kmsg.AlterClientQuotasRequestEntry) bool {
	name := describeEntity(entry.Entity)
	return slices.ContainsFunc(entries, func(e kmsg.AlterClientQuotasRequestEntry) bool { return describeEntity(e.Entity) == name })
}

func describeEntity(entity []kmsg.AlterClientQuotasRequestEntryEntity) string {
	parts := make([]string, len(entity))
	for i, e := range entity {
		name := "null"
		if e.Name != nil {
			name = *e.Name
		}
		parts[i] = e.Type + "=" + name
	}
	slices.Sort(parts)
	return "ClientQuotaEntity(entries={" + strings.Join(parts, ", ") + "})"
}

func (c *Core) alterClientQuota(entry *kmsg.AlterClientQuotasRequestEntry) ([]metadata.Record, error) {
	entity, err := quotaEntity(entry.Entity)
	if err != nil {
		return nil, err
	}
	keys, err := quotaKeys(entity)
	if err != nil {
		return nil, err
	}
	current := map[string]float64{}
	if quota := c.image.ClientQuota(entity); quota != nil {
		current = quota.Values
	}
	seen := map[string]bool{}
	var records []metadata.Record
	for _, op := range entry.Ops {
		if seen[op.Key] {
			return nil, kafka.Errorf(kerr.InvalidRequest, "Ignoring duplicate entity %s", describeEntity(entry.Entity))
		}
		seen[op.Key] = true
		value, ok := current[op.Key]
		if op.Remove {
			if ok {
				records = append(records, &metadata.ClientQuotaRecord{Entity: entity, Name: op.Key, Remove: true})
			}
			continue
		}
		if err := checkQuota(keys, op.Key, op.Value); err != nil {
			return nil, err
		}
		if !ok || value != op.Value {
			records = append(records, &metadata.ClientQuotaRecord{Entity: entity, Name: op.Key, Value: op.Value})
		}
	}
	return records, nil
}

func quotaEntity(parts []kmsg.AlterClientQuotasRequestEntryEntity) ([]metadata.QuotaEntity, error) {
	if len(parts) == 0 {
		return nil, kafka.Errorf(kerr.InvalidRequest, "Invalid empty client quota entity")
	}
	seen := map[string]bool{}
	entity := make([]metadata.QuotaEntity, len(parts))
	for i, part := range parts {
		switch {
		case seen[part.Type]:
			return nil, kafka.Errorf(kerr.InvalidRequest, "Invalid client quota entity, duplicate entity entry %s", part.Type)
		case part.Type != quotaUser && part.Type != quotaClientID && part.Type != quotaIP:
			return nil, kafka.Errorf(kerr.InvalidRequest, "Unhandled client quota entity type: %s", part.Type)
		case part.Name != nil && *part.Name == "":
			return nil, kafka.Errorf(kerr.InvalidRequest, "Empty %s not supported", part.Type)
		}
		seen[part.Type] = true
		entity[i] = metadata.QuotaEntity{Type: part.Type, Name: part.Name}
	}
	return entity, nil
}

// quotaKeys gives the quotas that the kind of entity may have.
func quotaKeys(entity []metadata.QuotaEntity) (map[string]quotaKind, error) {
	at := slices.IndexFunc(entity, func(e metadata.QuotaEntity) bool { return e.Type == quotaIP })
	switch {
	case at < 0:
		return clientQuotaKeys, nil
	case len(entity) > 1:
		return nil, kafka.Errorf(kerr.InvalidRequest,
			"Invalid quota entity combination, IP entity shouldnot be combined with User or ClientId") //nolint:misspell // Kafka's message.
	}
	if ip := entity[at].Name; ip != nil {
		// Differs from Kafka: host names are not looked up.
		if _, err := netip.ParseAddr(*ip); err != nil {
			return nil, kafka.Errorf(kerr.InvalidRequest, "%s is not a valid IP or resolvable host.", *ip)
		}
	}
	return ipQuotaKeys, nil
}

func checkQuota(keys map[string]quotaKind, key string, value float64) error {
	kind, ok := keys[key]
	switch {
	case !ok:
		return kafka.Errorf(kerr.InvalidRequest, "Invalid configuration key %s", key)
	case !(value > 0):
		return kafka.Errorf(kerr.InvalidRequest, "Quota %s must be greater than 0", key)
	case kind.name == "":
		return nil
	case value > kind.greatest:
		return kafka.Errorf(kerr.InvalidRequest, "Proposed value for %s is too large for %s.", key, kind.name)
	case math.Mod(value, 1) > 1e-6:
		return kafka.Errorf(kerr.InvalidRequest, "%s cannot be a fractional value.", key)
	}
	return nil
}

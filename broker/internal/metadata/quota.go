package metadata

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
)

// ClientQuota holds the quotas of one entity in an Image. It never changes.
type ClientQuota struct {
	// Entity names whom the quotas are for, sorted by type.
	Entity []QuotaEntity
	// Values maps the quota's config key to its bound.
	Values map[string]float64
}

// quotaKey gives a text that is the same for the same entity only.
func quotaKey(entity []QuotaEntity) string {
	var b strings.Builder
	for _, e := range sortedEntity(entity) {
		b.WriteString(e.Type)
		if e.Name == nil {
			b.WriteString("<default>")
		} else {
			b.WriteString(strconv.Quote(*e.Name))
		}
	}
	return b.String()
}

func sortedEntity(entity []QuotaEntity) []QuotaEntity {
	return slices.SortedFunc(slices.Values(entity), func(a, b QuotaEntity) int { return cmp.Compare(a.Type, b.Type) })
}

// scramKey orders SCRAM credentials by mechanism, then user.
type scramKey struct {
	mechanism int8
	name      string
}

func (k scramKey) compare(other scramKey) int {
	return cmp.Or(cmp.Compare(k.mechanism, other.mechanism), cmp.Compare(k.name, other.name))
}

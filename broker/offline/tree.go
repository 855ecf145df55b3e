package offline

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"moldau.dev/moldau/broker/internal/metadata"
)

// MetadataOptions says what LoadMetadata shows.
type MetadataOptions struct {
	// Secrets shows credentials, which are hidden otherwise.
	Secrets bool
}

// Metadata is the cluster's metadata at the end of the log.
type Metadata struct {
	// Offset and Epoch are those of the last record.
	Offset int64
	Epoch  int32
	// Snapshot is the file that the rest of the log was applied to; empty if the log
	// was read from its beginning.
	Snapshot string
	// Root is the tree of it all.
	Root *Node
}

// Node is a folder with children, or a leaf with a value.
type Node struct {
	Name string
	// Value is a leaf's; nil for a folder.
	Value json.RawMessage
	// Children are in order: numbers by value, names by letter.
	Children []*Node
}

// MarshalJSON gives folders as objects.
func (n *Node) MarshalJSON() ([]byte, error) {
	if n.Value != nil {
		return n.Value, nil
	}
	b := []byte{'{'}
	for i, c := range n.Children {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, quoted(c.Name)...)
		b = append(b, ':')
		value, err := c.MarshalJSON()
		if err != nil {
			return nil, err
		}
		b = append(b, value...)
	}
	return append(b, '}'), nil
}

// Get gives the node at a path such as /topics/events/partitions/0; the root for an
// empty one. The error tells how far the path leads.
func (n *Node) Get(path string) (*Node, error) {
	at := ""
	for rest := strings.Trim(path, "/"); rest != ""; {
		// Names may hold slashes: the longest that fits counts.
		var next *Node
		for _, c := range n.Children {
			if c.Name == rest || strings.HasPrefix(rest, c.Name+"/") {
				if next == nil || len(c.Name) > len(next.Name) {
					next = c
				}
			}
		}
		if next == nil {
			name, _, _ := strings.Cut(rest, "/")
			return nil, fmt.Errorf("no %q in %s/", name, at)
		}
		at += "/" + next.Name
		rest = strings.TrimPrefix(strings.TrimPrefix(rest, next.Name), "/")
		n = next
	}
	return n, nil
}

func dirNode(name string, children ...*Node) *Node { return &Node{Name: name, Children: children} }

func leaf(name string, value any) *Node { return &Node{Name: name, Value: toJSON(value)} }

func (n *Node) add(c *Node) { n.Children = append(n.Children, c) }

func newMetadata(l *loaded, o MetadataOptions) *Metadata {
	im := l.image
	return &Metadata{
		Offset: int64(im.Offset()), Epoch: int32(im.Epoch()), Snapshot: l.snapshot,
		Root: dirNode("",
			featuresNode(im), brokersNode(im), controllersNode(im), topicsNode(im), configsNode(im, o), quotasNode(im),
			dirNode("producerIds", leaf("nextProducerId", int64(im.NextProducerID()))), aclsNode(im), scramNode(im, o), tokensNode(im),
		),
	}
}

func featuresNode(im *metadata.Image) *Node {
	n := dirNode("features")
	for name, level := range im.Features() {
		n.add(leaf(name, level))
	}
	return n
}

func brokersNode(im *metadata.Image) *Node {
	n := dirNode("brokers")
	for b := range im.Brokers() {
		n.add(fieldsNode(strconv.Itoa(int(b.ID)), b))
	}
	return n
}

func controllersNode(im *metadata.Image) *Node {
	n := dirNode("controllers")
	for c := range im.Controllers() {
		n.add(fieldsNode(strconv.Itoa(int(c.ID)), c))
	}
	return n
}

func topicsNode(im *metadata.Image) *Node {
	n := dirNode("topics")
	for t := range im.Topics() {
		partitions := dirNode("partitions")
		for id, p := range t.Partitions() {
			partitions.add(fieldsNode(strconv.Itoa(int(id)), p))
		}
		n.add(dirNode(t.Name, leaf("id", t.ID), partitions))
	}
	return n
}

func configsNode(im *metadata.Image, o MetadataOptions) *Node {
	n := dirNode("configs")
	byType := map[metadata.ResourceType]*Node{}
	for resource, configs := range im.Configs() {
		parent := byType[resource.Type]
		if parent == nil {
			parent = dirNode(resource.Type.String())
			byType[resource.Type] = parent
			n.add(parent)
		}
		name := resource.Name
		if name == "" {
			name = "<default>"
		}
		c := dirNode(name)
		for key, value := range configs {
			if !o.Secrets && isSecret(resource.Type, key) {
				value = Redacted
			}
			c.add(leaf(key, value))
		}
		slices.SortFunc(c.Children, func(a, b *Node) int { return strings.Compare(a.Name, b.Name) })
		parent.add(c)
	}
	return n
}

func quotasNode(im *metadata.Image) *Node {
	n := dirNode("clientQuotas")
	for q := range im.ClientQuotas() {
		var names []string
		for _, e := range q.Entity {
			name := "<default>"
			if e.Name != nil {
				name = *e.Name
			}
			names = append(names, e.Type+"="+name)
		}
		c := dirNode(strings.Join(names, ","))
		for key, value := range q.Values {
			c.add(leaf(key, value))
		}
		slices.SortFunc(c.Children, func(a, b *Node) int { return strings.Compare(a.Name, b.Name) })
		n.add(c)
	}
	return n
}

func aclsNode(im *metadata.Image) *Node {
	n := dirNode("acls")
	for acl := range im.ACLs() {
		n.add(fieldsNode(acl.ID.String(), acl))
	}
	return n
}

func scramNode(im *metadata.Image, o MetadataOptions) *Node {
	n := dirNode("scram")
	for s := range im.ScramCredentials() {
		mechanism := map[int8]string{1: "SCRAM-SHA-256", 2: "SCRAM-SHA-512"}[s.Mechanism]
		if !o.Secrets {
			s, _ = redacted(s).(*metadata.UserScramCredentialRecord)
		}
		n.add(fieldsNode(mechanism+":"+s.Name, s))
	}
	return n
}

func tokensNode(im *metadata.Image) *Node {
	n := dirNode("delegationTokens")
	for t := range im.DelegationTokens() {
		n.add(fieldsNode(t.TokenID, t))
	}
	return n
}

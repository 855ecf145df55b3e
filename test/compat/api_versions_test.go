package compat

import (
	"encoding/binary"
	"fmt"

	"github.com/twmb/franz-go/pkg/kmsg"
)

func apiVersionsScenarios() []scenario {
	return []scenario{
		{name: "ApiVersions: every version", run: apiVersionsVersions},
		{name: "ApiVersions: names of client software", run: apiVersionsSoftware},
		{name: "ApiVersions: another cluster or node", run: apiVersionsCluster},
		{name: "Requests that nobody offers", run: unknownRequests},
	}
}

func apiVersions(name, version string) *kmsg.ApiVersionsRequest {
	req := kmsg.NewPtrApiVersionsRequest()
	req.ClientSoftwareName, req.ClientSoftwareVersion = name, version
	return req
}

func apiVersionsVersions(c *client) {
	c.each("versions", 0, 7, func(int16) kmsg.Request { return apiVersions("compat", "1.0") })
	for _, v := range []int16{99, 32767, -1} {
		req := apiVersions("compat", "1.0")
		req.SetVersion(v)
		c.ask(fmt.Sprintf("versions, v%d", v), req)
	}
	c.ask("on the same connection", &kmsg.ApiVersionsRequest{Version: 0})
}

func apiVersionsSoftware(c *client) {
	for _, names := range [][2]string{
		{"", ""},
		{"a", ""},
		{"", "1"},
		{"a", "1"},
		{"a-b.c", "1.0-beta.2"},
		{"-a", "1"},
		{"a-", "1"},
		{".a", "1"},
		{"a", "1."},
		{"a b", "1"},
		{"a_b", "1"},
		{"ä", "1"},
		{"A", "V1"},
		{"a", "1+2"},
		{"-", "1"},
		{"a..b", "1--2"},
	} {
		c.each(fmt.Sprintf("%q %q", names[0], names[1]), 2, 5, func(int16) kmsg.Request { return apiVersions(names[0], names[1]) })
	}
}

func apiVersionsCluster(c *client) {
	for _, test := range []struct {
		name    string
		cluster *string
		node    int32
	}{
		{"its own", &c.node.clusterID, 1},
		{"another node", &c.node.clusterID, 2},
		{"no node", &c.node.clusterID, -1},
		{"no cluster", nil, 1},
		{"no cluster and another node", nil, 2},
		{"another cluster", kmsg.StringPtr("other"), 1},
		{"another cluster and no node", kmsg.StringPtr("other"), -1},
		{"an empty cluster id", kmsg.StringPtr(""), 1},
	} {
		req := apiVersions("compat", "1")
		req.ClusterID, req.NodeID = test.cluster, test.node
		c.each(test.name, 4, 5, func(int16) kmsg.Request { return req })
	}
}

// unknownRequests are headers that no API belongs to.
func unknownRequests(c *client) {
	frame := func(key, version int16, body ...byte) []byte {
		b := binary.BigEndian.AppendUint32(nil, 0)
		b = binary.BigEndian.AppendUint16(b, uint16(key))
		b = binary.BigEndian.AppendUint16(b, uint16(version))
		b = binary.BigEndian.AppendUint32(b, uint32(c.last+1))
		b = append(b, 0xff, 0xff) // No client id.
		b = append(b, body...)
		binary.BigEndian.PutUint32(b, uint32(len(b)-4))
		return b
	}
	raw := func(name string, b []byte) {
		resp, err := c.sendFrame(b, &kmsg.ApiVersionsRequest{})
		c.script.record(name, c.node, resp, err)
	}
	raw("key 1000", frame(1000, 0))
	raw("key -1", frame(-1, 0))
	raw("key 4, which was removed", frame(4, 0))
	raw("key 52, which is the controller's", frame(52, 0, 0))
	raw("Produce without a body", frame(0, 3))
	raw("Metadata without a body", frame(3, 1))
	raw("ApiVersions with surplus bytes", frame(18, 0, 1, 2, 3))
	raw("ApiVersions of version 3 without a body", frame(18, 3))
	raw("a frame of no bytes", []byte{0, 0, 0, 0})
	raw("a frame of negative size", []byte{0xff, 0xff, 0xff, 0xff})
	raw("a frame that is too large", []byte{0x7f, 0xff, 0xff, 0xff})
	raw("a frame of one byte", []byte{0, 0, 0, 1, 0})
	for _, api := range []struct {
		key       int16
		low, high int16
	}{{0, 2, 14}, {1, 3, 19}, {2, 0, 12}, {3, -1, 14}, {8, 1, 11}, {9, 0, 11}, {10, -1, 7}, {11, -1, 10}, {19, 1, 8}, {22, -1, 7}} {
		for _, v := range []int16{api.low, api.high} {
			req := kmsg.RequestForKey(api.key)
			req.SetVersion(v)
			c.ask(fmt.Sprintf("%s, v%d", kmsg.NameForKey(api.key), v), req)
		}
	}
}

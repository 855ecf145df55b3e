package api

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"moldau.dev/moldau/broker/internal/api/request"
	"moldau.dev/moldau/broker/internal/metadata"
)

// KIP-1242: a client names the cluster and node it means to speak to, or neither.
func TestApiVersionsChecksClusterAndNode(t *testing.T) {
	v := &apiVersions{clusterID: "c", nodeID: 1, image: metadata.EmptyImage}
	for name, test := range map[string]struct {
		cluster *string
		node    int32
		want    error
	}{
		"neither":               {nil, -1, nil},
		"its own":               {kmsg.StringPtr("c"), 1, nil},
		"another node":          {kmsg.StringPtr("c"), 2, kerr.RebootstrapRequired},
		"another cluster":       {kmsg.StringPtr("d"), 1, kerr.RebootstrapRequired},
		"a cluster and no node": {kmsg.StringPtr("d"), -1, kerr.InvalidRequest},
		"a node and no cluster": {nil, 1, kerr.InvalidRequest},
	} {
		req := kmsg.NewPtrApiVersionsRequest()
		req.Version, req.ClientSoftwareName, req.ClientSoftwareVersion, req.ClusterID, req.NodeID = 5, "a", "1", test.cluster, test.node
		resp := v.ApiVersions(t.Context(), &request.Context{}, req)
		if got := kerr.ErrorForCode(resp.ErrorCode); got != test.want { //nolint:errorlint // Codes have one error each.
			t.Errorf("%s: %v, want %v", name, got, test.want)
		}
		if resp := v.ApiVersions(t.Context(), &request.Context{FromController: true}, req); resp.ErrorCode != 0 {
			t.Errorf("%s: the controller's listener checks it, which Kafka's does not: %v", name, kerr.ErrorForCode(resp.ErrorCode))
		}
	}
}

package api

import (
	"context"
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"moldau.dev/moldau/broker/internal/api/request"
	"moldau.dev/moldau/broker/internal/metadata"
	"moldau.dev/moldau/internal/kafka"
)

// apiVersions answers ApiVersions from the table it stands in.
type apiVersions struct {
	table     []API
	image     func() *metadata.Image
	clusterID string
	nodeID    kafka.NodeID
	// kraftVersion gives the level of kraft.version; nil is 0.
	kraftVersion func() int16
}

// ApiVersions tells a client what it may ask for (KIP-35, KIP-511, KIP-1242).
func (v *apiVersions) ApiVersions(_ context.Context, rc *request.Context, req *kmsg.ApiVersionsRequest) *kmsg.ApiVersionsResponse {
	resp := req.ResponseKind().(*kmsg.ApiVersionsResponse)
	resp.FinalizedFeaturesEpoch = -1
	switch {
	case req.Version >= 3 && (!validSoftware(req.ClientSoftwareName) || !validSoftware(req.ClientSoftwareVersion)):
		resp.ErrorCode = kerr.InvalidRequest.Code
		return resp
	case req.Version < 5 || rc.FromController: // Whom a client means matters where clients connect.
	case (req.ClusterID == nil) != (req.NodeID == int32(kafka.NoNode)):
		resp.ErrorCode = kerr.InvalidRequest.Code
		return resp
	case req.ClusterID != nil && (*req.ClusterID != v.clusterID || kafka.NodeID(req.NodeID) != v.nodeID):
		resp.ErrorCode = kerr.RebootstrapRequired.Code
		return resp
	}
	if rc.SetSoftware != nil && req.Version >= 3 {
		rc.SetSoftware(req.ClientSoftwareName, req.ClientSoftwareVersion)
	}
	listener := Broker
	if rc.FromController {
		listener = Controller
	}
	for i := range v.table {
		if v.table[i].Listeners&listener != 0 {
			resp.ApiKeys = append(resp.ApiKeys, keyOf(&v.table[i]))
		}
	}
	slices.SortFunc(resp.ApiKeys, func(a, b kmsg.ApiVersionsResponseApiKey) int { return int(a.ApiKey) - int(b.ApiKey) })
	v.features(resp)
	return resp
}

// features adds the feature levels. Before version 4 a minimum of 0 cannot be
// told (KAFKA-17011), and such features are left out.
func (v *apiVersions) features(resp *kmsg.ApiVersionsResponse) {
	for _, f := range metadata.SupportedFeatures() {
		if resp.Version < 4 && f.Min == 0 {
			continue
		}
		supported := kmsg.NewApiVersionsResponseSupportedFeature()
		supported.Name, supported.MinVersion, supported.MaxVersion = f.Name, f.Min, f.Max
		resp.SupportedFeatures = append(resp.SupportedFeatures, supported)
	}
	image := v.image()
	resp.FinalizedFeaturesEpoch = int64(image.Offset())
	finalize := func(name string, level int16) {
		finalized := kmsg.NewApiVersionsResponseFinalizedFeature()
		finalized.Name, finalized.MinVersionLevel, finalized.MaxVersionLevel = name, level, level
		resp.FinalizedFeatures = append(resp.FinalizedFeatures, finalized)
	}
	for name, level := range image.Features() {
		finalize(name, level)
	}
	if v.kraftVersion != nil && v.kraftVersion() > 0 {
		finalize(metadata.FeatureKRaftVersion, v.kraftVersion())
	}
}

func keyOf(api *API) kmsg.ApiVersionsResponseApiKey {
	key := kmsg.NewApiVersionsResponseApiKey()
	key.ApiKey, key.MinVersion, key.MaxVersion = int16(api.Key), api.AdvertisedMin, api.Max
	return key
}

func unsupportedApiVersions(api *API) *kmsg.ApiVersionsResponse {
	resp := kmsg.NewPtrApiVersionsResponse()
	resp.ErrorCode = kerr.UnsupportedVersion.Code
	resp.ApiKeys = append(resp.ApiKeys, keyOf(api))
	return resp
}

// validSoftware is Kafka's rule for client software names and versions: letters,
// digits, dots and dashes, the latter two not at the ends.
func validSoftware(s string) bool {
	for i := range len(s) {
		c := s[i]
		alphanumeric := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
		inner := (c == '.' || c == '-') && i > 0 && i < len(s)-1
		if !alphanumeric && !inner {
			return false
		}
	}
	return s != ""
}

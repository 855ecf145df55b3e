package config

import "testing"

func TestDefaultsLoad(t *testing.T) {
	s, warnings, err := Load(Sources{})
	if err != nil || len(warnings) > 0 {
		t.Fatalf("Load: %v, warnings %q", err, warnings)
	}
	b := s.Broker
	if !b.IsBroker || !b.IsController || b.NodeID != 1 || b.LogDirs[0] != "./moldau-data" || b.AdvertisedListeners[0].Address() != "localhost:9092" {
		t.Errorf("broker: %+v", b)
	}
}

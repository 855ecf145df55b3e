package config

// tokenKeys are the keys of delegation tokens.
var tokenKeys = []Key{
	{
		Name: "delegation.token.secret.key", Type: Password, Importance: Medium,
	},
	{
		Name: "delegation.token.max.lifetime.ms", Type: Long, Default: int64(604800000), Valid: atLeast(1), Importance: Medium,
	},
	{
		Name: "delegation.token.expiry.time.ms", Type: Long, Default: int64(86400000), Valid: atLeast(1), Importance: Medium,
	},
	{
		Name: "delegation.token.expiry.check.interval.ms", Type: Long, Default: int64(3600000), Valid: atLeast(1), Importance: Low,
	},
}

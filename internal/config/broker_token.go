package config

// tokenKeys are the keys of delegation tokens.
var tokenKeys = []Key{
	{
		Name: "delegation.token.secret.key", Type: Password, Importance: Medium,
		Doc: "The secret that delegation tokens are made with; the same on all nodes. Not set switches them off.",
	},
	{
		Name: "delegation.token.max.lifetime.ms", Type: Long, Default: int64(604800000), Valid: atLeast(1), Importance: Medium,
		Doc: "How long, in milliseconds, a delegation token can be renewed at most.",
	},
	{
		Name: "delegation.token.expiry.time.ms", Type: Long, Default: int64(86400000), Valid: atLeast(1), Importance: Medium,
		Doc: "How long, in milliseconds, a delegation token holds until it must be renewed.",
	},
	{
		Name: "delegation.token.expiry.check.interval.ms", Type: Long, Default: int64(3600000), Valid: atLeast(1), Importance: Low,
		Doc: "How often, in milliseconds, expired delegation tokens are removed.",
	},
}

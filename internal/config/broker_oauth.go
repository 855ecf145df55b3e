package config

// oauthKeys are the keys of SASL/OAUTHBEARER.
var oauthKeys = []Key{
	{
		Name: "sasl.oauthbearer.jwt.retriever.class", Type: Class, Default: "org.apache.kafka.common.security.oauthbearer.DefaultJwtRetriever", Importance: Medium,
	},
	{
		Name: "sasl.oauthbearer.jwt.validator.class", Type: Class, Default: "org.apache.kafka.common.security.oauthbearer.DefaultJwtValidator", Importance: Medium,
	},
	{
		Name: "sasl.oauthbearer.scope", Type: String, Importance: Medium,
	},
	{
		Name: "sasl.oauthbearer.client.credentials.client.id", Type: String, Importance: Medium,
	},
	{
		Name: "sasl.oauthbearer.client.credentials.client.secret", Type: Password, Importance: Medium,
	},
	{
		Name: "sasl.oauthbearer.assertion.algorithm", Type: String, Default: "RS256", Valid: oneOfFold{"ES256", "RS256"}, Importance: Medium,
	},
	{
		Name: "sasl.oauthbearer.assertion.claim.aud", Type: String, Importance: Medium,
	},
	{
		Name: "sasl.oauthbearer.assertion.claim.exp.seconds", Type: Int, Default: int32(300), Valid: between{0, 86400}, Importance: Low,
	},
	{
		Name: "sasl.oauthbearer.assertion.claim.iss", Type: String, Importance: Medium,
	},
	{
		Name: "sasl.oauthbearer.assertion.claim.jti.include", Type: Boolean, Default: false, Importance: Medium,
	},
	{
		Name: "sasl.oauthbearer.assertion.claim.nbf.seconds", Type: Int, Default: int32(60), Valid: between{0, 3600}, Importance: Low,
	},
	{
		Name: "sasl.oauthbearer.assertion.claim.sub", Type: String, Importance: Medium,
	},
	{
		Name: "sasl.oauthbearer.assertion.file", Type: String, Importance: Medium,
	},
	{
		Name: "sasl.oauthbearer.assertion.private.key.file", Type: String, Importance: Medium,
	},
	{
		Name: "sasl.oauthbearer.assertion.private.key.passphrase", Type: Password, Importance: Medium,
	},
	{
		Name: "sasl.oauthbearer.assertion.template.file", Type: String, Importance: Medium,
	},
	{
		Name: "sasl.oauthbearer.scope.claim.name", Type: String, Default: "scope", Importance: Low,
	},
	{
		Name: "sasl.oauthbearer.sub.claim.name", Type: String, Default: "sub", Importance: Low,
	},
	{
		Name: "sasl.oauthbearer.token.endpoint.url", Type: String, Importance: Medium,
	},
	{
		Name: "sasl.oauthbearer.jwks.endpoint.url", Type: String, Importance: Medium,
	},
	{
		Name: "sasl.oauthbearer.jwks.endpoint.refresh.ms", Type: Long, Default: int64(3600000), Importance: Low,
	},
	{
		Name: "sasl.oauthbearer.jwks.endpoint.retry.backoff.ms", Type: Long, Default: int64(100), Importance: Low,
	},
	{
		Name: "sasl.oauthbearer.jwks.endpoint.retry.backoff.max.ms", Type: Long, Default: int64(10000), Importance: Low,
	},
	{
		Name: "sasl.oauthbearer.clock.skew.seconds", Type: Int, Default: int32(30), Importance: Low,
	},
	{
		Name: "sasl.oauthbearer.allow.unverified.audience", Type: Boolean, Default: false, Importance: Medium,
	},
	{
		Name: "sasl.oauthbearer.expected.audience", Type: List, Default: []string{}, Valid: listOf{empty: true},
	},
	{
		Name: "sasl.oauthbearer.allow.unverified.issuer", Type: Boolean, Default: false, Importance: Medium,
	},
	{
		Name: "sasl.oauthbearer.expected.issuer", Type: String,
	},
}

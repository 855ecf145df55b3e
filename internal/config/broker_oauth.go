package config

// oauthKeys are the keys of SASL/OAUTHBEARER.
var oauthKeys = []Key{
	{
		Name: "sasl.oauthbearer.jwt.retriever.class", Type: Class, Default: "org.apache.kafka.common.security.oauthbearer.DefaultJwtRetriever", Importance: Medium,
		Doc: "The class that gets this node's tokens.",
	},
	{
		Name: "sasl.oauthbearer.jwt.validator.class", Type: Class, Default: "org.apache.kafka.common.security.oauthbearer.DefaultJwtValidator", Importance: Medium,
		Doc: "The class that checks tokens.",
	},
	{
		Name: "sasl.oauthbearer.scope", Type: String, Importance: Medium,
		Doc: "The scope to ask a token for.",
	},
	{
		Name: "sasl.oauthbearer.client.credentials.client.id", Type: String, Importance: Medium,
		Doc: "The client id with which a token is asked for.",
	},
	{
		Name: "sasl.oauthbearer.client.credentials.client.secret", Type: Password, Importance: Medium,
		Doc: "The secret with which a token is asked for.",
	},
	{
		Name: "sasl.oauthbearer.assertion.algorithm", Type: String, Default: "RS256", Valid: oneOfFold{"ES256", "RS256"}, Importance: Medium,
		Doc: "How an assertion is signed: RS256 or ES256.",
	},
	{
		Name: "sasl.oauthbearer.assertion.claim.aud", Type: String, Importance: Medium,
		Doc: "The audience put into an assertion.",
	},
	{
		Name: "sasl.oauthbearer.assertion.claim.exp.seconds", Type: Int, Default: int32(300), Valid: between{0, 86400}, Importance: Low,
		Doc: "For how many seconds an assertion holds.",
	},
	{
		Name: "sasl.oauthbearer.assertion.claim.iss", Type: String, Importance: Medium,
		Doc: "The issuer put into an assertion.",
	},
	{
		Name: "sasl.oauthbearer.assertion.claim.jti.include", Type: Boolean, Default: false, Importance: Medium,
		Doc: "Whether each assertion gets an id of its own.",
	},
	{
		Name: "sasl.oauthbearer.assertion.claim.nbf.seconds", Type: Int, Default: int32(60), Valid: between{0, 3600}, Importance: Low,
		Doc: "How many seconds before its making an assertion already holds, for clocks that differ.",
	},
	{
		Name: "sasl.oauthbearer.assertion.claim.sub", Type: String, Importance: Medium,
		Doc: "The subject put into an assertion.",
	},
	{
		Name: "sasl.oauthbearer.assertion.file", Type: String, Importance: Medium,
		Doc: "The file with a ready-made assertion.",
	},
	{
		Name: "sasl.oauthbearer.assertion.private.key.file", Type: String, Importance: Medium,
		Doc: "The file with the key that signs assertions.",
	},
	{
		Name: "sasl.oauthbearer.assertion.private.key.passphrase", Type: Password, Importance: Medium,
		Doc: "The passphrase of the key that signs assertions.",
	},
	{
		Name: "sasl.oauthbearer.assertion.template.file", Type: String, Importance: Medium,
		Doc: "The file with headers and claims that every assertion starts from.",
	},
	{
		Name: "sasl.oauthbearer.scope.claim.name", Type: String, Default: "scope", Importance: Low,
		Doc: "The claim of a token that holds the scope.",
	},
	{
		Name: "sasl.oauthbearer.sub.claim.name", Type: String, Default: "sub", Importance: Low,
		Doc: "The claim of a token that holds the user's name.",
	},
	{
		Name: "sasl.oauthbearer.token.endpoint.url", Type: String, Importance: Medium,
		Doc: "Where tokens are asked for.",
	},
	{
		Name: "sasl.oauthbearer.jwks.endpoint.url", Type: String, Importance: Medium,
		Doc: "Where the keys are found that tokens are checked with; file:// is allowed too.",
	},
	{
		Name: "sasl.oauthbearer.jwks.endpoint.refresh.ms", Type: Long, Default: int64(3600000), Importance: Low,
		Doc: "How often, in milliseconds, these keys are read again.",
	},
	{
		Name: "sasl.oauthbearer.jwks.endpoint.retry.backoff.ms", Type: Long, Default: int64(100), Importance: Low,
		Doc: "The first wait, in milliseconds, before reading the keys is tried again.",
	},
	{
		Name: "sasl.oauthbearer.jwks.endpoint.retry.backoff.max.ms", Type: Long, Default: int64(10000), Importance: Low,
		Doc: "The longest wait, in milliseconds, before reading the keys is tried again.",
	},
	{
		Name: "sasl.oauthbearer.clock.skew.seconds", Type: Int, Default: int32(30), Importance: Low,
		Doc: "By how many seconds clocks may differ when a token's times are checked.",
	},
	{
		Name: "sasl.oauthbearer.allow.unverified.audience", Type: Boolean, Default: false, Importance: Medium,
		Doc: "Whether tokens are taken although no expected audience is set.",
	},
	{
		Name: "sasl.oauthbearer.expected.audience", Type: List, Default: []string{}, Valid: listOf{empty: true},
		Doc: "The audiences, separated by commas, of which a token must name one.",
	},
	{
		Name: "sasl.oauthbearer.allow.unverified.issuer", Type: Boolean, Default: false, Importance: Medium,
		Doc: "Whether tokens are taken although no expected issuer is set.",
	},
	{
		Name: "sasl.oauthbearer.expected.issuer", Type: String,
		Doc: "The issuer that a token must name.",
	},
}

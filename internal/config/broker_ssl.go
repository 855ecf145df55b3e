package config

// sslKeys are the keys of TLS and principals.
var sslKeys = []Key{
	{
		Name: "security.providers", Type: String, Importance: Low,
	},
	{
		Name: "principal.builder.class", Type: Class, Default: "org.apache.kafka.common.security.authenticator.DefaultKafkaPrincipalBuilder", Importance: Medium, Dynamic: PerBroker,
	},
	{
		Name: "ssl.client.auth", Type: String, Default: "none", Valid: oneOf{"required", "requested", "none"}, Importance: Medium, Dynamic: PerBroker,
	},
	{
		Name: "ssl.principal.mapping.rules", Type: String, Default: "DEFAULT", Importance: Low,
	},
	{
		Name: "ssl.allow.dn.changes", Type: Boolean, Default: false, Importance: Low,
	},
	{
		Name: "ssl.allow.san.changes", Type: Boolean, Default: false, Importance: Low,
	},
	{
		Name: "ssl.protocol", Type: String, Default: "TLSv1.3", Importance: Medium, Dynamic: PerBroker,
	},
	{
		Name: "ssl.provider", Type: String, Importance: Medium, Dynamic: PerBroker,
	},
	{
		Name: "ssl.enabled.protocols", Type: List, Default: []string{"TLSv1.2", "TLSv1.3"}, Valid: listOf{empty: true}, Importance: Medium, Dynamic: PerBroker,
	},
	{
		Name: "ssl.keystore.type", Type: String, Default: "JKS", Importance: Medium, Dynamic: PerBroker,
	},
	{
		Name: "ssl.keystore.location", Type: String, Importance: Medium, Dynamic: PerBroker,
	},
	{
		Name: "ssl.keystore.password", Type: Password, Importance: Medium, Dynamic: PerBroker,
	},
	{
		Name: "ssl.key.password", Type: Password, Importance: Medium, Dynamic: PerBroker,
	},
	{
		Name: "ssl.keystore.key", Type: Password, Importance: Medium, Dynamic: PerBroker,
	},
	{
		Name: "ssl.keystore.certificate.chain", Type: Password, Importance: Medium, Dynamic: PerBroker,
	},
	{
		Name: "ssl.truststore.type", Type: String, Default: "JKS", Importance: Medium, Dynamic: PerBroker,
	},
	{
		Name: "ssl.truststore.location", Type: String, Importance: Medium, Dynamic: PerBroker,
	},
	{
		Name: "ssl.truststore.password", Type: Password, Importance: Medium, Dynamic: PerBroker,
	},
	{
		Name: "ssl.truststore.certificates", Type: Password, Importance: Medium, Dynamic: PerBroker,
	},
	{
		Name: "ssl.keymanager.algorithm", Type: String, Default: "SunX509", Importance: Medium, Dynamic: PerBroker,
	},
	{
		Name: "ssl.trustmanager.algorithm", Type: String, Default: "PKIX", Importance: Medium, Dynamic: PerBroker,
	},
	{
		Name: "ssl.endpoint.identification.algorithm", Type: String, Default: "https", Importance: Low, Dynamic: PerBroker,
	},
	{
		Name: "ssl.secure.random.implementation", Type: String, Importance: Low, Dynamic: PerBroker,
	},
	{
		Name: "ssl.cipher.suites", Type: List, Default: []string{}, Valid: listOf{empty: true}, Importance: Medium, Dynamic: PerBroker,
	},
	{
		Name: "ssl.engine.factory.class", Type: Class, Importance: Low, Dynamic: PerBroker,
	},
}

package config

// sslKeys are the keys of TLS and principals.
var sslKeys = []Key{
	{
		Name: "security.providers", Type: String, Importance: Low,
		Doc: "Classes that add security algorithms to a Java machine. They have no effect here.",
	},
	{
		Name: "principal.builder.class", Type: Class, Default: "org.apache.kafka.common.security.authenticator.DefaultKafkaPrincipalBuilder", Importance: Medium, Dynamic: PerBroker,
		Doc: "The class that makes the name of a user from a login or certificate.",
	},
	{
		Name: "ssl.client.auth", Type: String, Default: "none", Valid: oneOf{"required", "requested", "none"}, Importance: Medium, Dynamic: PerBroker,
		Doc: "Whether clients must show a certificate: required, requested or none.",
	},
	{
		Name: "ssl.principal.mapping.rules", Type: String, Default: "DEFAULT", Importance: Low,
		Doc: "Rules, separated by commas, that make a user's name from the name in a certificate. DEFAULT takes the whole name.",
	},
	{
		Name: "ssl.allow.dn.changes", Type: Boolean, Default: false, Importance: Low,
		Doc: "Whether a new certificate, put in place while the node runs, may bear another name.",
	},
	{
		Name: "ssl.allow.san.changes", Type: Boolean, Default: false, Importance: Low,
		Doc: "Whether a new certificate, put in place while the node runs, may lack alternative names of the old one.",
	},
	{
		Name: "ssl.protocol", Type: String, Default: "TLSv1.3", Importance: Medium, Dynamic: PerBroker,
		Doc: "The version of TLS to start with. Use ssl.enabled.protocols to choose which ones are accepted.",
	},
	{
		Name: "ssl.provider", Type: String, Importance: Medium, Dynamic: PerBroker,
		Doc: "The implementation of TLS in a Java machine. It has no effect here.",
	},
	{
		Name: "ssl.enabled.protocols", Type: List, Default: []string{"TLSv1.2", "TLSv1.3"}, Valid: listOf{empty: true}, Importance: Medium, Dynamic: PerBroker,
		Doc: "The versions of TLS that are accepted, separated by commas.",
	},
	{
		Name: "ssl.keystore.type", Type: String, Default: "JKS", Importance: Medium, Dynamic: PerBroker,
		Doc: "The format of the key store: JKS, PKCS12 or PEM.",
	},
	{
		Name: "ssl.keystore.location", Type: String, Importance: Medium, Dynamic: PerBroker,
		Doc: "The file with the node's key and certificate.",
	},
	{
		Name: "ssl.keystore.password", Type: Password, Importance: Medium, Dynamic: PerBroker,
		Doc: "The password of the key store. PEM files need none.",
	},
	{
		Name: "ssl.key.password", Type: Password, Importance: Medium, Dynamic: PerBroker,
		Doc: "The password that the key of ssl.keystore.location or ssl.keystore.key is encrypted with.",
	},
	{
		Name: "ssl.keystore.key", Type: Password, Importance: Medium, Dynamic: PerBroker,
		Doc: "The private key itself, as PEM text (PKCS#8).",
	},
	{
		Name: "ssl.keystore.certificate.chain", Type: Password, Importance: Medium, Dynamic: PerBroker,
		Doc: "The certificate chain itself, as PEM text.",
	},
	{
		Name: "ssl.truststore.type", Type: String, Default: "JKS", Importance: Medium, Dynamic: PerBroker,
		Doc: "The format of the trust store: JKS, PKCS12 or PEM.",
	},
	{
		Name: "ssl.truststore.location", Type: String, Importance: Medium, Dynamic: PerBroker,
		Doc: "The file with the certificates of the authorities that are trusted.",
	},
	{
		Name: "ssl.truststore.password", Type: Password, Importance: Medium, Dynamic: PerBroker,
		Doc: "The password of the trust store. Without it the file is read but not checked.",
	},
	{
		Name: "ssl.truststore.certificates", Type: Password, Importance: Medium, Dynamic: PerBroker,
		Doc: "The trusted certificates themselves, as PEM text.",
	},
	{
		Name: "ssl.keymanager.algorithm", Type: String, Default: "SunX509", Importance: Medium, Dynamic: PerBroker,
		Doc: "The algorithm of the key manager in a Java machine. It has no effect here.",
	},
	{
		Name: "ssl.trustmanager.algorithm", Type: String, Default: "PKIX", Importance: Medium, Dynamic: PerBroker,
		Doc: "The algorithm of the trust manager in a Java machine. It has no effect here.",
	},
	{
		Name: "ssl.endpoint.identification.algorithm", Type: String, Default: "https", Importance: Low, Dynamic: PerBroker,
		Doc: "How the name of a server is checked against its certificate: https checks it, empty does not.",
	},
	{
		Name: "ssl.secure.random.implementation", Type: String, Importance: Low, Dynamic: PerBroker,
		Doc: "The source of random numbers in a Java machine. It has no effect here.",
	},
	{
		Name: "ssl.cipher.suites", Type: List, Default: []string{}, Valid: listOf{empty: true}, Importance: Medium, Dynamic: PerBroker,
		Doc: "The cipher suites that are accepted, separated by commas. Empty means the safe ones.",
	},
	{
		Name: "ssl.engine.factory.class", Type: Class, Importance: Low, Dynamic: PerBroker,
		Doc: "The class that makes TLS engines in a Java machine. It has no effect here.",
	},
}

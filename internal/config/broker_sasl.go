package config

// saslKeys are the keys of SASL.
var saslKeys = []Key{
	{
		Name: "connections.max.reauth.ms", Type: Long, Default: int64(0), Importance: Medium,
	},
	{
		Name: "sasl.server.max.receive.size", Type: Int, Default: int32(524288), Importance: Medium,
	},
	{
		Name: "sasl.mechanism.inter.broker.protocol", Type: String, Default: "GSSAPI", Importance: Medium, Dynamic: PerBroker,
	},
	{
		Name: "sasl.enabled.mechanisms", Type: List, Default: []string{"GSSAPI"}, Valid: listOf{empty: true}, Importance: Medium, Dynamic: PerBroker,
	},
	{
		Name: "sasl.server.callback.handler.class", Type: Class, Importance: Medium,
	},
	{
		Name: "sasl.kerberos.principal.to.local.rules", Type: List, Default: []string{"DEFAULT"}, Valid: listOf{empty: true}, Importance: Medium, Dynamic: PerBroker,
	},
	{
		Name: "sasl.jaas.config", Type: Password, Importance: Medium, Dynamic: PerBroker,
	},
	{
		Name: "sasl.client.callback.handler.class", Type: Class, Importance: Medium,
	},
	{
		Name: "sasl.login.class", Type: Class, Importance: Medium,
	},
	{
		Name: "sasl.login.callback.handler.class", Type: Class, Importance: Medium,
	},
	{
		Name: "sasl.kerberos.service.name", Type: String, Importance: Medium, Dynamic: PerBroker,
	},
	{
		Name: "sasl.kerberos.kinit.cmd", Type: String, Default: "/usr/bin/kinit", Importance: Medium, Dynamic: PerBroker,
	},
	{
		Name: "sasl.kerberos.ticket.renew.window.factor", Type: Double, Default: 0.8, Importance: Medium, Dynamic: PerBroker,
	},
	{
		Name: "sasl.kerberos.ticket.renew.jitter", Type: Double, Default: 0.05, Importance: Medium, Dynamic: PerBroker,
	},
	{
		Name: "sasl.kerberos.min.time.before.relogin", Type: Long, Default: int64(60000), Importance: Medium, Dynamic: PerBroker,
	},
	{
		Name: "sasl.login.refresh.window.factor", Type: Double, Default: 0.8, Importance: Medium, Dynamic: PerBroker,
	},
	{
		Name: "sasl.login.refresh.window.jitter", Type: Double, Default: 0.05, Importance: Medium, Dynamic: PerBroker,
	},
	{
		Name: "sasl.login.refresh.min.period.seconds", Type: Short, Default: int16(60), Importance: Medium, Dynamic: PerBroker,
	},
	{
		Name: "sasl.login.refresh.buffer.seconds", Type: Short, Default: int16(300), Importance: Medium, Dynamic: PerBroker,
	},
	{
		Name: "sasl.login.connect.timeout.ms", Type: Int, Importance: Low,
	},
	{
		Name: "sasl.login.read.timeout.ms", Type: Int, Importance: Low,
	},
	{
		Name: "sasl.login.retry.backoff.max.ms", Type: Long, Default: int64(10000), Importance: Low,
	},
	{
		Name: "sasl.login.retry.backoff.ms", Type: Long, Default: int64(100), Importance: Low,
	},
}

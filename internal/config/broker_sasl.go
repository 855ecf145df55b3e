package config

// saslKeys are the keys of SASL.
var saslKeys = []Key{
	{
		Name: "connections.max.reauth.ms", Type: Long, Default: int64(0), Importance: Medium,
		Doc: "How long, in milliseconds, a SASL login holds at most; then the client must log in again or is cut off. 0 never asks.",
	},
	{
		Name: "sasl.server.max.receive.size", Type: Int, Default: int32(524288), Importance: Medium,
		Doc: "The largest message, in bytes, that a client may send before it is logged in.",
	},
	{
		Name: "sasl.mechanism.inter.broker.protocol", Type: String, Default: "GSSAPI", Importance: Medium, Dynamic: PerBroker,
		Doc: "The SASL mechanism with which brokers log in at each other.",
	},
	{
		Name: "sasl.enabled.mechanisms", Type: List, Default: []string{"GSSAPI"}, Valid: listOf{empty: true}, Importance: Medium, Dynamic: PerBroker,
		Doc: "The SASL mechanisms that clients may log in with, separated by commas.",
	},
	{
		Name: "sasl.server.callback.handler.class", Type: Class, Importance: Medium,
		Doc: "The class that checks logins, with the prefix of a listener and a mechanism.",
	},
	{
		Name: "sasl.kerberos.principal.to.local.rules", Type: List, Default: []string{"DEFAULT"}, Valid: listOf{empty: true}, Importance: Medium, Dynamic: PerBroker,
		Doc: "Rules, separated by commas, that make a user's name from a Kerberos principal. DEFAULT takes the first part.",
	},
	{
		Name: "sasl.jaas.config", Type: Password, Importance: Medium, Dynamic: PerBroker,
		Doc: "Users and options of a SASL login in the form of a JAAS file, with the prefix of a listener and a mechanism.",
	},
	{
		Name: "sasl.client.callback.handler.class", Type: Class, Importance: Medium,
		Doc: "The class that gives the credentials with which this node logs in elsewhere.",
	},
	{
		Name: "sasl.login.class", Type: Class, Importance: Medium,
		Doc: "The class that performs the login of this node.",
	},
	{
		Name: "sasl.login.callback.handler.class", Type: Class, Importance: Medium,
		Doc: "The class that gives the credentials for the login of this node.",
	},
	{
		Name: "sasl.kerberos.service.name", Type: String, Importance: Medium, Dynamic: PerBroker,
		Doc: "The name of the Kerberos principal under which brokers run.",
	},
	{
		Name: "sasl.kerberos.kinit.cmd", Type: String, Default: "/usr/bin/kinit", Importance: Medium, Dynamic: PerBroker,
		Doc: "The path of the kinit command.",
	},
	{
		Name: "sasl.kerberos.ticket.renew.window.factor", Type: Double, Default: 0.8, Importance: Medium, Dynamic: PerBroker,
		Doc: "After which part of a ticket's life, from 0 to 1, it is renewed.",
	},
	{
		Name: "sasl.kerberos.ticket.renew.jitter", Type: Double, Default: 0.05, Importance: Medium, Dynamic: PerBroker,
		Doc: "Which part of the time until renewal is added at random.",
	},
	{
		Name: "sasl.kerberos.min.time.before.relogin", Type: Long, Default: int64(60000), Importance: Medium, Dynamic: PerBroker,
		Doc: "The shortest time, in milliseconds, between two logins at Kerberos.",
	},
	{
		Name: "sasl.login.refresh.window.factor", Type: Double, Default: 0.8, Importance: Medium, Dynamic: PerBroker,
		Doc: "After which part of a credential's life, from 0 to 1, it is refreshed.",
	},
	{
		Name: "sasl.login.refresh.window.jitter", Type: Double, Default: 0.05, Importance: Medium, Dynamic: PerBroker,
		Doc: "Which part of a credential's life is added at random before it is refreshed.",
	},
	{
		Name: "sasl.login.refresh.min.period.seconds", Type: Short, Default: int16(60), Importance: Medium, Dynamic: PerBroker,
		Doc: "The shortest time, in seconds, between two refreshes of a credential.",
	},
	{
		Name: "sasl.login.refresh.buffer.seconds", Type: Short, Default: int16(300), Importance: Medium, Dynamic: PerBroker,
		Doc: "How long, in seconds, before a credential ends it must have been refreshed.",
	},
	{
		Name: "sasl.login.connect.timeout.ms", Type: Int, Importance: Low,
		Doc: "How long, in milliseconds, to wait for a connection to the external login service.",
	},
	{
		Name: "sasl.login.read.timeout.ms", Type: Int, Importance: Low,
		Doc: "How long, in milliseconds, to wait for an answer of the external login service.",
	},
	{
		Name: "sasl.login.retry.backoff.max.ms", Type: Long, Default: int64(10000), Importance: Low,
		Doc: "The longest wait, in milliseconds, before a failed login is tried again.",
	},
	{
		Name: "sasl.login.retry.backoff.ms", Type: Long, Default: int64(100), Importance: Low,
		Doc: "The first wait, in milliseconds, before a failed login is tried again.",
	},
}

// Package fetchsession remembers what a client is fetching, so that it need not
// name every partition in every request, nor be told of partitions in which
// nothing happened (KIP-227).
//
// A Cache holds the sessions of one broker. Begin turns a fetch request into
// the full list of partitions to read; Fetch.Finish tells which of them belong
// into the response.
//
// What always holds:
//   - a session's epoch rises with each request, so that a lost or repeated
//     request is noticed instead of served with stale state;
//   - a partition that failed is told of again when it works again;
//   - partitions that returned records go to the end of the session's order, so
//     that a response's byte limit does not starve the others;
//   - there are at most as many sessions as slots: a new one takes the place of
//     an idle or smaller one, or stays without session.
//
// It reads no records and knows no leaders: that is package replica.
// In Apache Kafka: FetchManager, FetchContext, FetchSession, FetchSessionCacheShard.
package fetchsession

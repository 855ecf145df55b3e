package metadata

import "moldau.dev/moldau/internal/kafka"

// AccessControlEntryRecord adds one ACL. The numbers are those of the protocol.
type AccessControlEntryRecord struct {
	ID             kafka.UUID
	ResourceType   int8
	ResourceName   string
	PatternType    int8
	Principal      string
	Host           string
	Operation      int8
	PermissionType int8
}

// Key gives KeyAccessControlEntry.
func (*AccessControlEntryRecord) Key() int16 { return KeyAccessControlEntry }

// WireVersion gives 0, the only version.
func (*AccessControlEntryRecord) WireVersion() int16 { return 0 }

func (r *AccessControlEntryRecord) code(c *codec) {
	c.uuid(&r.ID)
	c.int8(&r.ResourceType)
	c.string(&r.ResourceName)
	c.int8(&r.PatternType)
	c.string(&r.Principal)
	c.string(&r.Host)
	c.int8(&r.Operation)
	c.int8(&r.PermissionType)
	c.tags()
}

// RemoveAccessControlEntryRecord removes one ACL.
type RemoveAccessControlEntryRecord struct {
	ID kafka.UUID
}

// Key gives KeyRemoveAccessControlEntry.
func (*RemoveAccessControlEntryRecord) Key() int16 { return KeyRemoveAccessControlEntry }

// WireVersion gives 0, the only version.
func (*RemoveAccessControlEntryRecord) WireVersion() int16 { return 0 }

func (r *RemoveAccessControlEntryRecord) code(c *codec) {
	c.uuid(&r.ID)
	c.tags()
}

// UserScramCredentialRecord sets a user's SCRAM credential for one mechanism.
type UserScramCredentialRecord struct {
	Name       string
	Mechanism  int8 // 1 SCRAM-SHA-256, 2 SCRAM-SHA-512.
	Salt       []byte
	StoredKey  []byte
	ServerKey  []byte
	Iterations int32
}

// Key gives KeyUserScramCredential.
func (*UserScramCredentialRecord) Key() int16 { return KeyUserScramCredential }

// WireVersion gives 0, the only version.
func (*UserScramCredentialRecord) WireVersion() int16 { return 0 }

func (r *UserScramCredentialRecord) code(c *codec) {
	c.string(&r.Name)
	c.int8(&r.Mechanism)
	c.bytes(&r.Salt)
	c.bytes(&r.StoredKey)
	c.bytes(&r.ServerKey)
	c.int32(&r.Iterations)
	c.tags()
}

// RemoveUserScramCredentialRecord removes a user's SCRAM credential.
type RemoveUserScramCredentialRecord struct {
	Name      string
	Mechanism int8
}

// Key gives KeyRemoveUserScramCredential.
func (*RemoveUserScramCredentialRecord) Key() int16 { return KeyRemoveUserScramCredential }

// WireVersion gives 0, the only version.
func (*RemoveUserScramCredentialRecord) WireVersion() int16 { return 0 }

func (r *RemoveUserScramCredentialRecord) code(c *codec) {
	c.string(&r.Name)
	c.int8(&r.Mechanism)
	c.tags()
}

// DelegationTokenRecord creates or renews a delegation token. Times are in
// milliseconds since 1970.
type DelegationTokenRecord struct {
	Owner               string
	Requester           string
	Renewers            []string
	IssueTimestamp      int64
	MaxTimestamp        int64
	ExpirationTimestamp int64
	TokenID             string
}

// Key gives KeyDelegationToken.
func (*DelegationTokenRecord) Key() int16 { return KeyDelegationToken }

// WireVersion gives 0, the only version.
func (*DelegationTokenRecord) WireVersion() int16 { return 0 }

func (r *DelegationTokenRecord) code(c *codec) {
	c.string(&r.Owner)
	c.string(&r.Requester)
	array(c, &r.Renewers, 1, c.string)
	c.int64(&r.IssueTimestamp)
	c.int64(&r.MaxTimestamp)
	c.int64(&r.ExpirationTimestamp)
	c.string(&r.TokenID)
	c.tags()
}

// RemoveDelegationTokenRecord removes a delegation token.
type RemoveDelegationTokenRecord struct {
	TokenID string
}

// Key gives KeyRemoveDelegationToken.
func (*RemoveDelegationTokenRecord) Key() int16 { return KeyRemoveDelegationToken }

// WireVersion gives 0, the only version.
func (*RemoveDelegationTokenRecord) WireVersion() int16 { return 0 }

func (r *RemoveDelegationTokenRecord) code(c *codec) {
	c.string(&r.TokenID)
	c.tags()
}

#pragma once
// Every length, count and time that this room bounds. The README lists what happens past each.

#include <chrono>
#include <cstddef>
#include <cstdint>

#include "base/clock.h"

namespace dunlin::security {

// Names.
inline constexpr std::size_t kMaxThingName = 128;
inline constexpr std::size_t kMaxCommonName = 64;  // RFC 5280 appendix A, ub-common-name
inline constexpr std::size_t kMaxUserName = 64;
inline constexpr std::size_t kMaxPolicyName = 64;
inline constexpr std::size_t kMaxClientId = 256;
inline constexpr std::size_t kMaxLabel = 128;

// PKI.
inline constexpr std::size_t kMaxCertificateBytes = 16 * 1024;
inline constexpr std::size_t kMaxCsrBytes = 16 * 1024;
inline constexpr std::size_t kMaxPemFileBytes = 64 * 1024;
inline constexpr std::size_t kMaxChainLength = 8;
inline constexpr std::size_t kMaxServerNames = 64;
inline constexpr int kMinRsaBits = 2048;
inline constexpr int kMaxRsaBits = 8192;
inline constexpr Duration kRootLifetime = std::chrono::days{20 * 365};
inline constexpr Duration kIntermediateLifetime = std::chrono::days{5 * 365};
inline constexpr Duration kServerLifetime = std::chrono::days{90};
inline constexpr Duration kDefaultDeviceLifetime = std::chrono::days{365};
inline constexpr Duration kMaxDeviceLifetime = std::chrono::days{3 * 365};
inline constexpr Duration kMinDeviceLifetime = std::chrono::minutes{1};
/// Certificates begin this long before they are made, for peers whose clock is behind.
inline constexpr Duration kBackdate = std::chrono::hours{1};

// What the world is told of our certificates.
inline constexpr std::size_t kMaxPublicUrl = 200;
/// Intermediates of ours at a time, and roots above them: together no longer than a chain may be.
inline constexpr std::size_t kMaxIssuers = 4;
inline constexpr std::size_t kMaxRoots = 4;
/// Entries of one revocation list (some 4 MiB); past it the list before stays, with an error in the log.
inline constexpr std::size_t kMaxCrlEntries = 100'000;
inline constexpr std::size_t kMaxCrlFileBytes = 16 * 1024 * 1024;
inline constexpr int kKeyEncryptionRounds = 600'000;
inline constexpr std::uint64_t kMaxKeyEncryptionRounds = 10'000'000;
inline constexpr std::size_t kMaxKeyId = 32;  // bytes of a key identifier
inline constexpr Duration kMinIntermediateLife = std::chrono::days{1};
inline constexpr Duration kCrlLifetime = std::chrono::hours{24};
/// A list is made anew when it has so long to live, and after a failure so often.
inline constexpr Duration kCrlRenewal = std::chrono::hours{12};
inline constexpr Duration kCrlRetry = std::chrono::minutes{1};
/// The list of a root whose key is here, made anew when less than kRootListSoon is left; and the one that it
/// signs last, before its key is removed.
inline constexpr Duration kRootListLifetime = std::chrono::days{30};
inline constexpr Duration kLastRootListLifetime = std::chrono::days{180};
/// Intermediates that were revoked, ever.
inline constexpr std::size_t kMaxRevokedIssuers = 1000;
/// Callers that wait for a list under way; past it they are given the one before.
inline constexpr std::size_t kMaxCrlWaiting = 256;
inline constexpr std::size_t kMaxOcspRequestBytes = 4096;
inline constexpr std::size_t kMaxOcspIds = 16;
inline constexpr std::size_t kMaxOcspNonceBytes = 128;  // RFC 9654 section 2.1
inline constexpr Duration kOcspLifetime = std::chrono::hours{1};
/// Answers that are being made; past it the answer is tryLater.
inline constexpr std::size_t kMaxOcspInWork = 64;
/// Answers without a nonce that are kept; past it all are forgotten.
inline constexpr std::size_t kMaxOcspCached = 4096;

// Sealed blobs; in memory as a whole.
inline constexpr std::size_t kMaxSealableBytes = 64UL * 1024 * 1024;
inline constexpr std::size_t kMaxSealedBytes = kMaxSealableBytes + 64UL * 1024;

// The vault. What scrypt (RFC 7914) may cost where it is read; ours is N = 2^15, r = 8, p = 3: 32 MiB, and
// some 0.3 s of CPU.
inline constexpr std::size_t kMaxVaultBytes = 64UL * 1024;
inline constexpr std::uint64_t kScryptN = 1U << 15U;
inline constexpr std::uint64_t kScryptR = 8;
inline constexpr std::uint64_t kScryptP = 3;
inline constexpr std::uint64_t kMaxScryptN = 1U << 20U;
inline constexpr std::uint64_t kMaxScryptR = 32;
inline constexpr std::uint64_t kMaxScryptP = 16;
inline constexpr std::uint64_t kMaxScryptMemory = 1ULL << 30U;

// Policies.
inline constexpr std::size_t kMaxPolicyBytes = 64 * 1024;
inline constexpr std::size_t kMaxPolicies = 10'000;  // of one find() of the repository
inline constexpr std::size_t kMaxStatements = 64;
inline constexpr std::size_t kMaxResources = 64;
inline constexpr std::size_t kMaxResourceBytes = 512;
inline constexpr std::size_t kMaxTopicLevels = 32;
inline constexpr std::size_t kMaxTopicBytes = 65535;  // MQTT 5.0 section 1.5.4
inline constexpr std::size_t kMaxVariableBytes = 256;
inline constexpr std::size_t kMaxPoliciesPerPrincipal = 16;
inline constexpr std::size_t kMaxPoliciesPerSubject = 8;  // attached to one thing, group, certificate or user
inline constexpr std::size_t kMaxGroups = 1000;           // static ones, in one tenant
inline constexpr std::size_t kMaxGroupName = 64;
inline constexpr std::size_t kMaxGroupsPerThing = 8;
inline constexpr std::size_t kMaxAttachmentChanges = 256;  // that wait for their turn
inline constexpr std::size_t kCachedDecisions = 2048;      // that a thread remembers; a power of two

// Identity.
inline constexpr std::size_t kMaxPasswordBytes = 1024;
inline constexpr std::size_t kMinPasswordBytes = 12;
inline constexpr std::size_t kMaxPermissions = 64;
inline constexpr std::size_t kMaxPermissionBytes = 64;
inline constexpr std::size_t kMaxRoles = 100;  // of one's own, in one tenant
inline constexpr std::size_t kMaxRoleName = 64;
inline constexpr std::size_t kMaxRolesPerHolder = 16;
inline constexpr std::size_t kMaxTokensPerOwner = 32;
inline constexpr std::size_t kMaxCertificatesPerThing = 16;
inline constexpr std::size_t kMaxTurnsWaiting = 64;  // for tokens, or certificates, of one owner
inline constexpr std::size_t kMaxWithdrawn =
    1000;  // certificates (most have expired) revoked with their thing
inline constexpr std::size_t kMaxSecretBytes = 4096;     // what a client may send as password or token
inline constexpr std::size_t kMaxStoredAttributes = 64;  // of a thing, taken over as variables
inline constexpr std::size_t kMaxSessionsPerUser = 32;
inline constexpr std::size_t kMaxUsers = 10'000;
inline constexpr std::size_t kPasswordJobsAtOnce = 2;
inline constexpr std::size_t kPasswordJobsWaiting = 32;
// SCRAM. One number of iterations for all: another one would tell a known user from an unknown one.
inline constexpr std::uint32_t kScramIterations = 15'000;
inline constexpr std::uint32_t kMinScramIterations = 4096;  // RFC 7677 section 4
inline constexpr std::uint32_t kMaxScramIterations = 1'000'000;
inline constexpr std::size_t kScramSaltBytes = 16;
inline constexpr std::size_t kMaxScramSaltBytes = 64;
inline constexpr std::size_t kMaxScramNonce = 256;
inline constexpr std::size_t kMaxScramMessage = 2048;
// Signed tokens of things.
inline constexpr std::size_t kMaxJwtBytes = kMaxSecretBytes;
inline constexpr std::size_t kMaxJwtDepth = 8;
inline constexpr std::size_t kMaxSasBytes = 1024;
inline constexpr Duration kMaxSasLifetime = std::chrono::days{31};
inline constexpr Duration kMaxJwtLifetime = std::chrono::hours{24};
/// How far the clock of a thing may be from ours, either way.
inline constexpr Duration kMaxClockSkew = std::chrono::minutes{10};
inline constexpr std::size_t kMaxPublicKeysPerThing = 4;
inline constexpr std::size_t kSharedKeySaltBytes = 16;
inline constexpr std::size_t kMaxAudiences = 16;
inline constexpr std::size_t kMaxAudienceBytes = 256;
// Second factors of people. One step of TOTP either way (RFC 6238 section 5.2).
inline constexpr std::uint64_t kTotpWindow = 1;
inline constexpr std::size_t kTotpSecretBytes = 20;  // RFC 4226 section 4, R6
inline constexpr std::size_t kRecoveryCodes = 10;
inline constexpr std::size_t kMaxSecondFactorCode = 64;  // as sent
inline constexpr std::size_t kMaxPenaltyEntries = 4096;
inline constexpr std::size_t kMaxTrackedSessions = 4096;
inline constexpr Duration kClaimLifetime = std::chrono::hours{24};
inline constexpr Duration kSessionIdle = std::chrono::hours{12};
inline constexpr Duration kSessionLifetime = std::chrono::days{30};
/// How stale the stored time of last use may be; a crash shortens no session by more than this.
inline constexpr Duration kSessionTouch = std::chrono::minutes{5};
// Failed attempts: the first kFreeFailures cost nothing, then 1 s, 2 s, 4 s ... up to the cap. A user's cap
// is short, so that a stranger cannot lock a user out for long.
inline constexpr unsigned kFreeFailures = 5;
inline constexpr Duration kMaxAddressPenalty = std::chrono::minutes{15};
inline constexpr Duration kMaxUserPenalty = std::chrono::seconds{30};
inline constexpr Duration kPenaltyMemory = std::chrono::hours{1};
inline constexpr Duration kMaxTokenLifetime = std::chrono::days{5 * 365};

/// Certificates of which it is remembered what they say: some 600 bytes each.
inline constexpr std::size_t kMaxKnownCertificates = 16'384;

// Audit. Longer texts are cut.
inline constexpr std::size_t kMaxAuditName = 128;
inline constexpr std::size_t kMaxAuditAddress = 64;
inline constexpr std::size_t kMaxAuditAction = 64;
inline constexpr std::size_t kMaxAuditText = 512;  // object and detail
/// One record as text, and one line of an exported log.
inline constexpr std::size_t kMaxAuditRecordBytes = 16 * 1024;
/// Writes with audit records that wait for the one under way, and the bytes of their documents.
inline constexpr std::size_t kMaxAuditWaiting = 1024;
inline constexpr std::size_t kMaxAuditWaitingBytes = 64UL * 1024 * 1024;
/// Tenants whose end of the chain is kept in memory; past it the store is asked again.
inline constexpr std::size_t kMaxAuditHeads = 1024;
/// Records read, or removed, in one step.
inline constexpr std::size_t kAuditPage = 200;
/// Records that one call of list() looks at; its answer says where to go on.
inline constexpr std::size_t kMaxAuditScanned = 10'000;
inline constexpr std::size_t kMaxAuditTimes = 50'000;  // blocks of kAuditPage records whose times are known
/// Events that are summed up: separate sums a minute, and the time of one sum. What comes past the number is
/// one sum more.
inline constexpr std::size_t kMaxAuditSums = 16;
inline constexpr Duration kAuditSumTime = std::chrono::minutes{1};

}  // namespace dunlin::security

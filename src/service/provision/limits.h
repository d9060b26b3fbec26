#pragma once
// Every length, count and time that this room bounds. The README lists what happens past each.

#include <chrono>
#include <cstddef>
#include <cstdint>

#include "base/clock.h"

namespace dunlin::provision {

inline constexpr std::size_t kMaxBodyBytes = 64 * 1024;  // of a registration or an enrolment
inline constexpr std::size_t kMaxTextBytes = 128;        // firmware version, model, label, type
inline constexpr std::size_t kMaxCapabilities = 32;
inline constexpr std::size_t kMaxCapabilityBytes = 64;
inline constexpr std::size_t kMaxJsonDepth = 8;

inline constexpr std::size_t kMaxAuthorities = 32;    // registered with one tenant
inline constexpr std::size_t kMaxGrants = 10'000;     // codes, claims and groups of one tenant, of each kind
inline constexpr std::size_t kMaxAllowed = 1000;      // entries of an allow-list
inline constexpr std::size_t kMaxAllowedBytes = 128;  // of one
inline constexpr std::size_t kMaxPatternBytes = 128;
inline constexpr std::size_t kMaxTemplatePolicies = 16;  // as a principal can have
inline constexpr std::size_t kMaxRecent = 8;             // keys whose lost answer a code gives again
inline constexpr std::int64_t kMaxUses = 1'000'000;
inline constexpr std::int64_t kMaxQuota = 10'000'000;
inline constexpr std::size_t kMaxRegistrationCodes = 64;  // made and not used yet

inline constexpr std::size_t kMaxWaiting = 1000;       // in the approval queue of one tenant
inline constexpr std::size_t kMaxEnrolments = 256;     // taken in and not answered yet
inline constexpr double kRefusalAuditsPerMinute = 60;  // more refusals are counted, and not written down

inline constexpr Duration kRegistrationCodeLifetime = std::chrono::hours{24};
inline constexpr Duration kDefaultCodeLifetime = std::chrono::hours{24};
inline constexpr Duration kMaxGrantLifetime = std::chrono::days{3650};
inline constexpr Duration kRenewalOverlap = std::chrono::days{7};
inline constexpr Duration kMaxProofLifetime = std::chrono::hours{1};  // of a group's signature, ahead of now
inline constexpr std::chrono::seconds kRetryAfter{30};

}  // namespace dunlin::provision

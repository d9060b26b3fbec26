#include "security/penalty.h"

#include <openssl/asn1.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "base/hex.h"
#include "security/limits.h"
#include "security/openssl_handle.h"

namespace dunlin::security {
namespace {

// What keys of users begin with; all others are of addresses.
constexpr std::string_view kUserPenalty = "user";
constexpr std::string_view kCodePenalty = "code";

/// 4 or 16 bytes; empty for a text that is no address.
std::string address_bytes(std::string_view text) {
  text = text.substr(0, text.find('/'));  // of a network
  if (text.starts_with('[')) {
    text = text.substr(1, text.find(']') - 1);
  } else if (std::ranges::count(text, ':') == 1) {
    text = text.substr(0, text.find(':'));
  }
  Handle<ASN1_OCTET_STRING, ASN1_OCTET_STRING_free> parsed(a2i_IPADDRESS(std::string(text).c_str()));
  ERR_clear_error();
  if (!parsed) return {};
  std::string bytes(reinterpret_cast<const char*>(ASN1_STRING_get0_data(parsed.get())),
                    static_cast<std::size_t>(ASN1_STRING_length(parsed.get())));
  constexpr std::string_view kMapped("\0\0\0\0\0\0\0\0\0\0\xff\xff", 12);
  return bytes.starts_with(kMapped) ? bytes.substr(12) : bytes;
}

std::string text_of_ipv6(std::string_view bytes) {
  std::array<unsigned, 4> groups{};
  for (std::size_t i = 0; i < groups.size(); ++i) {
    groups[i] = static_cast<unsigned>(static_cast<unsigned char>(bytes[2 * i])) << 8 |
                static_cast<unsigned char>(bytes[2 * i + 1]);
  }
  std::size_t shown = groups.size();
  while (shown > 0 && groups[shown - 1] == 0) --shown;
  std::string text;
  for (std::size_t i = 0; i < shown; ++i) {
    std::array<char, 4> digits{};
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), groups[i], 16).ptr;
    text.append(i == 0 ? "" : ":").append(digits.data(), end);
  }
  return text + "::/64";
}

/// "what|whose" or "what|whose|of what": the key of an entry, made by whoever asks for a proof.
PenaltyTable::Waiting owner_of(std::string_view key) {
  using Of = PenaltyTable::Waiting::Of;
  const std::string_view what = key.substr(0, key.find('|'));
  std::string_view whose = key.substr(std::min(what.size() + 1, key.size()));
  if (what == kUserPenalty || what == kCodePenalty) return {std::string(whose), {}, Of::user};
  whose = whose.substr(0, whose.find('|'));
  return {std::string(whose), {}, Of::address};
}

}  // namespace

std::string network_of(std::string_view address) {
  const std::string bytes = address_bytes(address.substr(0, 64));
  if (bytes.empty()) return std::string(address.substr(0, 64));
  return to_hex(as_bytes(bytes).first(std::min<std::size_t>(bytes.size(), 8)));
}

std::string network_text(std::string_view address) {
  address = address.substr(0, 64);
  const auto colons = std::ranges::count(address, ':');
  if (colons == 0 || address.starts_with("unix:")) return std::string(address);
  if (colons == 1) return std::string(address.substr(0, address.find(':')));  // a port
  const std::string bytes = address_bytes(address);
  if (bytes.empty()) return std::string(address);
  if (bytes.size() == 16) return is_loopback(address) ? "::1" : text_of_ipv6(bytes);
  std::string text;
  for (const char byte : bytes) {
    if (!text.empty()) text += '.';
    text += std::to_string(static_cast<unsigned char>(byte));
  }
  return text;
}

bool is_loopback(std::string_view address) {
  if (address.size() > 64) return false;
  if (address.starts_with("unix:")) return true;  // a socket in this machine's file system
  const std::string bytes = address_bytes(address);
  if (bytes.size() == 4) return bytes[0] == 127;
  return bytes == std::string(15, '\0') + '\1';
}

Duration PenaltyTable::wait(std::initializer_list<std::string_view> keys) const {
  const std::lock_guard lock(mutex_);
  Duration longest{0};
  for (const std::string_view key : keys) {
    const auto found = entries_.find(std::string(key));
    if (found != entries_.end()) longest = std::max(longest, Duration{found->second.until - clock_.now()});
  }
  return longest;
}

void PenaltyTable::failed(std::string_view key, Duration cap) {
  const std::lock_guard lock(mutex_);
  const Instant now = clock_.now();
  auto found = entries_.find(std::string(key));
  if (found == entries_.end()) {
    if (entries_.size() >= kMaxPenaltyEntries) make_room();
    found = entries_.emplace(std::string(key), Entry{}).first;
  }
  Entry& entry = found->second;
  if (now - entry.last > kPenaltyMemory) entry.failures = 0;
  entry.last = now;
  ++entry.failures;
  if (entry.failures <= kFreeFailures) return;
  const unsigned doublings = std::min(entry.failures - kFreeFailures - 1, 20U);
  entry.until = now + std::min(Duration{std::chrono::seconds{1}} * (1 << doublings), cap);
}

void PenaltyTable::succeeded(std::string_view key) {
  const std::lock_guard lock(mutex_);
  entries_.erase(std::string(key));
}

std::vector<PenaltyTable::Waiting> PenaltyTable::waiting() const {
  const std::lock_guard lock(mutex_);
  const Instant now = clock_.now();
  std::vector<Waiting> all;
  for (const auto& [key, entry] : entries_) {
    if (entry.until <= now) continue;
    all.push_back(owner_of(key));
    all.back().left = entry.until - now;
  }
  return all;
}

std::size_t PenaltyTable::forgive(const Waiting& whose) {
  const std::lock_guard lock(mutex_);
  return std::erase_if(entries_, [&whose](const auto& item) {
    const Waiting owner = owner_of(item.first);
    return owner.of == whose.of && owner.subject == whose.subject;
  });
}

std::size_t PenaltyTable::size() const {
  const std::lock_guard lock(mutex_);
  return entries_.size();
}

void PenaltyTable::make_room() {
  // A sample instead of the whole table: a flood of new keys must stay cheap. The key with many failures
  // outlives it, since some key of every sample has fewer.
  constexpr std::size_t kSample = 64;
  const Instant now = clock_.now();
  const std::string* least = nullptr;
  std::pair<unsigned, Instant> least_rank{};
  for (std::size_t seen = 0; seen < kSample;) {
    cursor_ = (cursor_ + 1) % entries_.bucket_count();
    for (auto entry = entries_.begin(cursor_); entry != entries_.end(cursor_); ++entry, ++seen) {
      const bool is_old = now - entry->second.last > kPenaltyMemory;
      const std::pair rank{is_old ? 0 : entry->second.failures, entry->second.last};
      if (least != nullptr && rank >= least_rank) continue;
      least = &entry->first;
      least_rank = rank;
    }
  }
  entries_.erase(entries_.find(*least));
}

}  // namespace dunlin::security

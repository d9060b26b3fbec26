#include "security/root_lists.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <sstream>

#include "base/time_text.h"
#include "security/limits.h"

namespace dunlin::security {
namespace {

constexpr std::array<std::string_view, 5> kStates = {"current", "ends_soon", "expired", "outdated",
                                                     "missing"};
constexpr std::string_view kFile = "/revoked";

/// ROOT ISSUER SERIAL REASON AT NOT_AFTER, times in Unix milliseconds.
std::string line_of(const RevokedIssuer& revoked) {
  std::ostringstream line;
  line << revoked.root << ' ' << revoked.issuer << ' ' << revoked.serial << ' ' << reason_name(revoked.reason)
       << ' ' << unix_milliseconds(revoked.at) << ' ' << unix_milliseconds(revoked.not_after) << '\n';
  return line.str();
}

Result<RevokedIssuer> issuer_of(const std::string& line) {
  std::istringstream words(line);
  RevokedIssuer revoked;
  std::string reason;
  std::int64_t at = 0;
  std::int64_t not_after = 0;
  words >> revoked.root >> revoked.issuer >> revoked.serial >> reason >> at >> not_after;
  const auto known = reason_of_name(reason);
  if (!words || !known) return fail(Errc::corrupt, "a revoked intermediate cannot be read: " + line);
  revoked.reason = *known;
  revoked.at = from_unix_milliseconds(at);
  revoked.not_after = from_unix_milliseconds(not_after);
  return revoked;
}

bool is_on(const SignedList& list, std::string_view serial) {
  return std::ranges::find(list.serials, serial) != list.serials.end();
}

/// "YYMMDDHHMMSSZ" of a time in this century.
std::string utc_time(WallTime time) {
  std::string digits;
  for (const char c : format_rfc3339(time).substr(0, 19)) {
    if (c >= '0' && c <= '9') digits += c;
  }
  return digits.substr(2) + "Z";
}

}  // namespace

std::string_view root_list_state_name(RootListState state) {
  return kStates[static_cast<std::size_t>(state)];
}

std::string root_id(const CertificateInfo& root) {
  return root.key_id.empty() ? root.fingerprint : root.key_id;
}

std::string openssl_index(const std::vector<RevokedIssuer>& revoked) {
  std::string lines;
  for (const RevokedIssuer& one : revoked) {
    std::string serial = one.serial.size() % 2 == 0 ? one.serial : "0" + one.serial;
    std::ranges::transform(serial, serial.begin(), [](char c) {
      return c >= 'a' && c <= 'f' ? static_cast<char>(c - 'a' + 'A') : c;
    });
    const std::string reason =
        one.reason == RevocationReason::unspecified ? "" : "," + std::string(reason_name(one.reason));
    lines += "R\t" + utc_time(one.not_after) + "\t" + utc_time(one.at) + reason + "\t" + serial +
             "\tunknown\t/CN=" + one.issuer + "\n";
  }
  return lines;
}

Result<void> RootLists::load() {
  if (!fs_.exists(folder_ + std::string(kFile))) return {};
  DUNLIN_TRY(const std::string text, read_file(fs_, folder_ + std::string(kFile), kMaxPemFileBytes * 4));
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    DUNLIN_TRY(RevokedIssuer revoked, issuer_of(line));
    revoked_.push_back(std::move(revoked));
  }
  return {};
}

Result<void> RootLists::load_list(const std::string& root, std::string_view root_pem) {
  if (lists_.contains(root) || !fs_.exists(path_of(root))) return {};
  DUNLIN_TRY(const std::string stored, read_file(fs_, path_of(root), kMaxPemFileBytes));
  auto list = check_crl(stored, root_pem);
  if (list) lists_[root] = std::make_shared<const SignedList>(*std::move(list));
  return {};
}

Result<void> RootLists::add(const RevokedIssuer& revoked) {
  const bool known =
      std::ranges::any_of(revoked_, [&](const auto& one) { return one.issuer == revoked.issuer; });
  if (known) return {};
  if (revoked_.size() >= kMaxRevokedIssuers)
    return fail(Errc::limit_exceeded, "too many intermediates are revoked already");
  std::string text;
  for (const RevokedIssuer& one : revoked_) text += line_of(one);
  text += line_of(revoked);
  DUNLIN_CHECK(write_file_atomically(fs_, folder_ + std::string(kFile), as_bytes(text)));
  revoked_.push_back(revoked);
  return {};
}

Result<void> RootLists::keep(const std::string& root, SignedList list) {
  DUNLIN_CHECK(fs_.create_folders(parent_folder(path_of(root))));
  DUNLIN_CHECK(write_file_atomically(fs_, path_of(root), as_bytes(list.der)));
  lists_[root] = std::make_shared<const SignedList>(std::move(list));
  return {};
}

RootListRef RootLists::list(const std::string& root) const {
  const auto found = lists_.find(root);
  return found == lists_.end() ? nullptr : found->second;
}

std::vector<RevokedIssuer> RootLists::revoked(const std::string& root) const {
  std::vector<RevokedIssuer> theirs;
  std::ranges::copy_if(revoked_, std::back_inserter(theirs),
                       [&](const RevokedIssuer& one) { return one.root == root; });
  return theirs;
}

RootListState RootLists::state(const std::string& root, WallTime now) const {
  const RootListRef present = list(root);
  if (!present) return RootListState::missing;
  const bool lacks = std::ranges::any_of(revoked(root), [&](const RevokedIssuer& one) {
    return one.not_after > now && !is_on(*present, one.serial);
  });
  if (lacks) return RootListState::outdated;
  if (present->info.next_update <= now) return RootListState::expired;
  return present->info.next_update - now <= kRootListSoon ? RootListState::ends_soon : RootListState::current;
}

CrlProfile RootLists::next(const std::string& root, WallTime now, Duration lifetime) const {
  const RootListRef present = list(root);
  CrlProfile profile;
  // The time besides: a folder brought back from a backup does not know the numbers given out since.
  profile.number =
      std::max((present ? present->info.number : 0) + 1, static_cast<std::uint64_t>(unix_milliseconds(now)));
  profile.this_update = now;
  profile.next_update = now + lifetime;
  for (const RevokedIssuer& one : revoked(root)) {
    // RFC 5280 section 3.3: an entry stays until it was on a list made after the certificate's end.
    if (one.not_after + lifetime >= now) profile.revoked.push_back({one.serial, one.at, one.reason});
  }
  return profile;
}

Result<void> RootLists::check_successor(const std::string& root, const SignedList& list, WallTime now) const {
  if (list.info.next_update <= now)
    return fail(Errc::invalid_argument,
                "the list has ended on " + format_rfc3339(list.info.next_update) + ": sign a new one");
  if (list.info.this_update > now + kBackdate)
    return fail(Errc::invalid_argument,
                "the list begins on " + format_rfc3339(list.info.this_update) + ", which is not yet");
  if (const RootListRef present = this->list(root); present && list.info.number <= present->info.number)
    return fail(Errc::conflict, "the present list has the number " + std::to_string(present->info.number) +
                                    ", and this one " + std::to_string(list.info.number) +
                                    ": a list's number has to grow");
  for (const RevokedIssuer& one : revoked(root)) {
    if (one.not_after > now && !is_on(list, one.serial))
      return fail(Errc::invalid_argument, "the list lacks the revoked intermediate " + one.issuer +
                                              " with the serial number " + one.serial);
  }
  return {};
}

}  // namespace dunlin::security

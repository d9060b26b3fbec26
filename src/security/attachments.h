#pragma once
// What policies are attached to beside those that a principal names itself: things, static groups of things,
// certificates and users. This is the form in memory; attachment_register.h keeps it in step with what is
// stored.

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace dunlin::security {

enum class SubjectKind : std::uint8_t { thing, group, certificate, user };
/// "thing", "group" ...
std::string_view subject_kind_name(SubjectKind kind);

struct Subject {
  SubjectKind kind = SubjectKind::thing;
  std::string name;  // of a certificate: its fingerprint

  /// "group:line-1"
  std::string text() const;
  bool operator==(const Subject&) const = default;
};
/// Of "thing:NAME", "group:NAME", "certificate:FINGERPRINT" (SHA-256 in hexadecimal, with or without colons)
/// or "user:NAME". Errors: invalid_argument.
Result<Subject> parse_subject(std::string_view text);

/// Immutable once it is in a table.
struct Attached {
  Subject subject;
  std::vector<std::string> policies;
  std::vector<std::string> groups;  // of a thing: of which it is a member
  /// What is stored cannot be read: who it is about is denied everything, since it may have denied.
  enum class State : std::uint8_t { whole, broken } state = State::whole;
  std::uint64_t version = 0;  // of the stored document; 0: none is stored

  bool is_empty() const { return policies.empty() && groups.empty() && state == State::whole; }
};
using AttachedRef = std::shared_ptr<const Attached>;  // shared: by tables, on any thread

/// All that is attached in one tenant. A value: copies share what does not differ, so that a change among
/// 100,000 things copies little, and readers keep the table they began with.
class AttachmentTable {
 public:
  /// Null: nothing is attached to it. Makes no copy.
  const Attached* find(SubjectKind kind, std::string_view name) const;
  AttachedRef share(const Subject& subject) const;
  bool is_empty() const { return count_ == 0; }
  std::size_t size() const { return count_; }

  /// Each takes the place of what is there; one that is empty takes it away.
  void put(std::span<const AttachedRef> changes);

 private:
  static constexpr std::size_t kBuckets = 1024;
  struct Slot {
    std::size_t hash = 0;
    AttachedRef attached;
  };
  using Bucket = std::vector<Slot>;  // sorted by hash
  using Buckets = std::array<std::shared_ptr<const Bucket>, kBuckets>;

  const AttachedRef* slot_of(SubjectKind kind, std::string_view name) const;
  static std::size_t hash_of(SubjectKind kind, std::string_view name);
  /// How many more there are behind it: -1, 0 or 1.
  static int put_into(Bucket& bucket, std::size_t hash, const AttachedRef& attached);

  std::shared_ptr<const Buckets> buckets_;  // null: nothing was ever attached
  std::size_t count_ = 0;
};

}  // namespace dunlin::security
